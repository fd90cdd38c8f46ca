//! Classes of bytes, as bit masks.
//!
//! Invariant: both forms give the same masks. Not here: runs.

use super::{Masks, WINDOW};
#[cfg(any(test, not(target_arch = "x86_64")))]
use super::{is_number_like, is_spaced_like, is_token_like};

/// Classifies the first `len` (at most 64) bytes of a window.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(
    unsafe_code,
    reason = "the one condition for calling it is that the processor has SSE2, and every x86-64 has"
)]
pub(super) fn classify(window: &[u8; WINDOW], len: usize) -> Masks {
    // SAFETY: SSE2 belongs to the x86-64 architecture itself; the function reads its arguments through safe code only.
    unsafe { sse2::classify(window, len) }
}

/// Classifies the first `len` (at most 64) bytes of a window.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn classify(window: &[u8; WINDOW], len: usize) -> Masks {
    portable(window, len)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(window: &[u8; WINDOW], len: usize) -> Masks {
    let mut masks = Masks::default();
    for (idx, &byte) in window.iter().enumerate().take(len.next_multiple_of(16).min(64)) {
        let bit = 1 << idx;
        let bearer = byte | 0x20 == b'b' && window.get(idx + 5).is_some_and(|b| b | 0x20 == b'r');
        masks.marks |= if matches!(byte, b':'..=b'@') || bearer {
            bit
        } else {
            0
        };
        masks.token |= if is_token_like(byte) { bit } else { 0 };
        masks.number |= if is_number_like(byte) { bit } else { 0 };
        masks.spaced |= if is_spaced_like(byte) { bit } else { 0 };
    }
    masks
}

/// 16 bytes at a time, in safe code but for the call from outside.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };

    use super::{Masks, WINDOW};

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn classify(window: &[u8; WINDOW], len: usize) -> Masks {
        let mut masks = Masks::default();
        add::<0>(window, &mut masks);
        if len > 16 {
            add::<16>(window, &mut masks);
        }
        if len > 32 {
            add::<32>(window, &mut masks);
        }
        if len > 48 {
            add::<48>(window, &mut masks);
        }
        masks
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load<const AT: usize>(window: &[u8; WINDOW]) -> __m128i {
        let half = |at: usize| {
            let bytes = window.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
            bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
        };
        _mm_set_epi64x(half(AT + 8), half(AT))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn splat(byte: u8) -> __m128i {
        _mm_set1_epi8(byte.cast_signed())
    }

    /// Whether a byte lies in `first..first + N`: moved so that `first` is the least signed number, one comparison tells.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn within<const N: u8>(bytes: __m128i, first: u8) -> __m128i {
        _mm_cmpgt_epi8(
            splat(0x80_u8.wrapping_add(N)),
            _mm_add_epi8(bytes, splat(0x80_u8.wrapping_sub(first))),
        )
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn mask(bytes: __m128i) -> u64 {
        u64::from(_mm_movemask_epi8(bytes).cast_unsigned())
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn add<const AT: usize>(window: &[u8; WINDOW], masks: &mut Masks) {
        let bytes = load::<AT>(window);
        let lower = _mm_or_si128(bytes, splat(0x20));
        let fifth = _mm_or_si128(load_fifth::<AT>(window), splat(0x20));
        let letters = _mm_cmpgt_epi8(lower, splat(0x5f));
        let dash = _mm_cmpeq_epi8(bytes, splat(b'-'));
        let token = _mm_or_si128(_mm_or_si128(letters, dash), within::<10>(bytes, b'0'));
        let number = within::<13>(bytes, b'-');
        let spaced = _mm_or_si128(number, _mm_cmpeq_epi8(bytes, splat(b' ')));
        let bearer = _mm_and_si128(
            _mm_cmpeq_epi8(lower, splat(b'b')),
            _mm_cmpeq_epi8(fifth, splat(b'r')),
        );
        let marks = _mm_or_si128(within::<7>(bytes, b':'), bearer);
        masks.token |= mask(token) << AT;
        masks.number |= mask(number) << AT;
        masks.spaced |= mask(spaced) << AT;
        masks.marks |= mask(marks) << AT;
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load_fifth<const AT: usize>(window: &[u8; WINDOW]) -> __m128i {
        window.last_chunk::<64>().map_or_else(
            || splat(0),
            |later| {
                let half = |at: usize| {
                    let bytes = later.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
                    bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
                };
                _mm_set_epi64x(half(AT + 8), half(AT))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_on_every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..WINDOW {
                for fill in [0, b'b', b'R', 0xff] {
                    let mut window = [fill; WINDOW];
                    window[at] = byte;
                    assert_eq!(classify(&window, 64), portable(&window, 64), "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn looks_at_no_more_than_the_blocks_asked_for() {
        let window = [b'a'; WINDOW];
        for len in 1..=64 {
            assert_eq!(classify(&window, len), portable(&window, len), "{len}");
        }
    }
}
