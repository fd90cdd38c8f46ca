//! Classes of bytes, as bit masks.
//!
//! Invariant: all forms give the same masks. Not here: runs.

use super::refine::Classes;
use super::{Hints, Masks, Prefilter, WORD, is_escape_among};
#[cfg(any(test, not(target_arch = "x86_64")))]
use super::{is_number_like, is_spaced_like, is_token_like};

/// The loop is compiled into the function that names it, with that function's instructions.
macro_rules! walk_with {
    ($prefilter:ident, $text:ident, $base:ident, $classify:expr) => {{
        let mut base = $base;
        while let Some(rest) = $text.get(base..).filter(|rest| !rest.is_empty()) {
            let masks = $classify(rest);
            // Nothing is handed to the closer look but what it reads, so that the state of the walk stays in registers.
            if masks.escapes != 0 && !$prefilter.escape {
                $prefilter.escape = is_escape_among($text, base, masks.escapes);
            }
            let hints = $prefilter.hints(masks);
            if hints.any() != 0 {
                return Some((base, hints));
            }
            base += WORD;
        }
        None
    }};
}

/// Looks at word after word from `base` on until one has a marked place; gives that word's base.
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the one condition for calling these functions is that the processor has AVX2 or SSE2"
)]
pub(super) fn walk(prefilter: &mut Prefilter, text: &[u8], base: usize) -> Option<(usize, Hints)> {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked for AVX2; the function reads its arguments through safe code only.
        return unsafe { avx2::walk(prefilter, text, base) };
    }
    // SAFETY: SSE2 belongs to the x86-64 architecture itself; the function reads its arguments through safe code only.
    unsafe { sse2::walk(prefilter, text, base) }
}

/// Looks at word after word from `base` on until one has a marked place; gives that word's base.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn walk(prefilter: &mut Prefilter, text: &[u8], base: usize) -> Option<(usize, Hints)> {
    walk_with!(prefilter, text, base, portable)
}

/// The classes of a word that a closer look goes by.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "SSE2 belongs to the x86-64 architecture itself")]
pub(super) fn classes(chunk: &[u8]) -> Classes {
    // SAFETY: SSE2 belongs to the x86-64 architecture itself; the function reads its argument through safe code only.
    unsafe { sse2::classes(chunk) }
}

/// The classes of a word that a closer look goes by.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn classes(chunk: &[u8]) -> Classes {
    portable_classes(chunk)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(chunk: &[u8]) -> Masks {
    let mut masks = Masks::default();
    for (idx, &byte) in chunk.iter().enumerate().take(64) {
        let bit_if = |holds: bool| u64::from(holds) << idx;
        masks.marks |= bit_if(matches!(byte, b':' | b'=' | b'>' | b'@'));
        masks.token |= bit_if(is_token_like(byte));
        masks.number |= bit_if(is_number_like(byte));
        masks.spaced |= bit_if(is_spaced_like(byte));
        masks.b |= bit_if(byte | 0x20 == b'b');
        masks.r |= bit_if(byte | 0x20 == b'r');
        masks.escapes |= bit_if(matches!(byte, b'%' | b'&' | b'+' | b'\\'));
    }
    masks
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_classes(chunk: &[u8]) -> Classes {
    let mut classes = Classes::default();
    for (idx, &byte) in chunk.iter().enumerate().take(64) {
        let bit_if = |holds: bool| u64::from(holds) << idx;
        classes.token |= bit_if(is_token_like(byte));
        classes.number |= bit_if(is_number_like(byte));
        classes.spaced |= bit_if(is_spaced_like(byte));
        classes.digits |= bit_if(byte.is_ascii_digit());
        classes.words |= bit_if(byte.is_ascii_alphanumeric());
        classes.dots |= bit_if(byte == b'.');
        classes.dashes |= bit_if(byte == b'-');
        classes.escapes |= bit_if(matches!(byte, b'%' | b'\\' | b'[' | b';'));
    }
    classes
}

/// 16 bytes at a time, in safe code but for the call from outside.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set_epi64x, _mm_set1_epi8,
    };

    use super::{Classes, Hints, Masks, Prefilter, WORD, is_escape_among};

    #[target_feature(enable = "sse2")]
    pub(super) fn walk(prefilter: &mut Prefilter, text: &[u8], base: usize) -> Option<(usize, Hints)> {
        walk_with!(prefilter, text, base, classify)
    }

    /// The classes that a closer look goes by.
    #[target_feature(enable = "sse2")]
    pub(super) fn classes(chunk: &[u8]) -> Classes {
        let mut whole = [0; 64];
        let chunk = chunk.get(..64).unwrap_or(chunk);
        if let Some(head) = whole.get_mut(..chunk.len()) {
            head.copy_from_slice(chunk);
        }
        let mut classes = Classes::default();
        for at in [0, 16, 32, 48].into_iter().take_while(|at| *at < chunk.len()) {
            let bytes = load(&whole, at);
            let digits = within::<10>(bytes, b'0');
            let letters = within::<26>(_mm_or_si128(bytes, splat(0x20)), b'a');
            let percent_or_semicolon = _mm_or_si128(
                _mm_cmpeq_epi8(bytes, splat(b'%')),
                _mm_cmpeq_epi8(bytes, splat(b';')),
            );
            let backslash_or_bracket = _mm_or_si128(
                _mm_cmpeq_epi8(bytes, splat(b'\\')),
                _mm_cmpeq_epi8(bytes, splat(b'[')),
            );
            let dashes = _mm_cmpeq_epi8(bytes, splat(b'-'));
            let upper_half = _mm_cmpgt_epi8(_mm_or_si128(bytes, splat(0x20)), splat(0x5f));
            let number = within::<13>(bytes, b'-');
            classes.token |= mask(_mm_or_si128(_mm_or_si128(upper_half, dashes), digits)) << at;
            classes.number |= mask(number) << at;
            classes.spaced |= mask(_mm_or_si128(number, _mm_cmpeq_epi8(bytes, splat(b' ')))) << at;
            classes.digits |= mask(digits) << at;
            classes.words |= mask(_mm_or_si128(digits, letters)) << at;
            classes.dots |= mask(_mm_cmpeq_epi8(bytes, splat(b'.'))) << at;
            classes.dashes |= mask(dashes) << at;
            classes.escapes |= mask(_mm_or_si128(percent_or_semicolon, backslash_or_bracket)) << at;
        }
        classes
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn classify(chunk: &[u8]) -> Masks {
        let mut masks = Masks::default();
        if let Some(whole) = chunk.first_chunk::<64>() {
            add::<0>(load(whole, 0), &mut masks);
            add::<16>(load(whole, 16), &mut masks);
            add::<32>(load(whole, 32), &mut masks);
            add::<48>(load(whole, 48), &mut masks);
            return masks;
        }
        let mut rest = chunk;
        for shift in [0, 16, 32, 48] {
            let mut block = Masks::default();
            if let Some((head, tail)) = rest.split_first_chunk::<16>() {
                add::<0>(load(head, 0), &mut block);
                masks.or_shifted(block, shift);
                rest = tail;
            } else {
                if !rest.is_empty() {
                    add::<0>(load_part(rest), &mut block);
                    // Zeroes stand after the end; they belong to no class.
                    masks.or_shifted(block, shift);
                }
                break;
            }
        }
        masks
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load<const N: usize>(bytes: &[u8; N], at: usize) -> __m128i {
        let half = |at: usize| {
            let half = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
            half.map_or(0, |half| i64::from_le_bytes(*half))
        };
        _mm_set_epi64x(half(at + 8), half(at))
    }

    /// Fewer than 16 bytes, with zeroes after them: two loads that overlap, and no copy.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load_part(bytes: &[u8]) -> __m128i {
        let n = bytes.len().min(15);
        let (low, high) =
            if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
                let shift = 8 * (16 - n) as u32;
                (
                    u64::from_le_bytes(*first),
                    u64::from_le_bytes(*last).checked_shr(shift).unwrap_or(0),
                )
            } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                let last = u64::from(u32::from_le_bytes(*last)) << (8 * (n - 4));
                (u64::from(u32::from_le_bytes(*first)) | last, 0)
            } else {
                let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0)) << (8 * at);
                (byte(0) | byte(1) | byte(2), 0)
            };
        _mm_set_epi64x(high.cast_signed(), low.cast_signed())
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
    fn add<const AT: usize>(bytes: __m128i, masks: &mut Masks) {
        let lower = _mm_or_si128(bytes, splat(0x20));
        let letters = _mm_cmpgt_epi8(lower, splat(0x5f));
        let dash = _mm_cmpeq_epi8(bytes, splat(b'-'));
        let token = _mm_or_si128(_mm_or_si128(letters, dash), within::<10>(bytes, b'0'));
        let number = within::<13>(bytes, b'-');
        let spaced = _mm_or_si128(number, _mm_cmpeq_epi8(bytes, splat(b' ')));
        masks.token |= mask(token) << AT;
        masks.number |= mask(number) << AT;
        masks.spaced |= mask(spaced) << AT;
        // `:` and `>` differ in one bit.
        let colon_or_more = _mm_cmpeq_epi8(_mm_or_si128(bytes, splat(4)), splat(b'>'));
        let equals_or_at = _mm_or_si128(
            _mm_cmpeq_epi8(bytes, splat(b'=')),
            _mm_cmpeq_epi8(bytes, splat(b'@')),
        );
        masks.marks |= mask(_mm_or_si128(colon_or_more, equals_or_at)) << AT;
        masks.b |= mask(_mm_cmpeq_epi8(lower, splat(b'b'))) << AT;
        masks.r |= mask(_mm_cmpeq_epi8(lower, splat(b'r'))) << AT;
        let plus_or_backslash = _mm_or_si128(
            _mm_cmpeq_epi8(bytes, splat(b'+')),
            _mm_cmpeq_epi8(bytes, splat(b'\\')),
        );
        masks.escapes |= mask(_mm_or_si128(plus_or_backslash, within::<2>(bytes, b'%'))) << AT;
    }
}

/// 32 bytes at a time.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set_epi64x, _mm256_set1_epi8,
    };

    use super::{Hints, Masks, Prefilter, WORD, is_escape_among, sse2};

    #[target_feature(enable = "avx2")]
    pub(super) fn walk(prefilter: &mut Prefilter, text: &[u8], base: usize) -> Option<(usize, Hints)> {
        walk_with!(prefilter, text, base, classify)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn classify(chunk: &[u8]) -> Masks {
        let Some(chunk) = chunk.first_chunk::<64>() else {
            return sse2::classify(chunk);
        };
        let mut masks = Masks::default();
        add::<0>(load(chunk, 0), &mut masks);
        add::<32>(load(chunk, 32), &mut masks);
        masks
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; 64], at: usize) -> __m256i {
        let quarter = |at: usize| {
            let quarter = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
            quarter.map_or(0, |quarter| i64::from_le_bytes(*quarter))
        };
        _mm256_set_epi64x(quarter(at + 24), quarter(at + 16), quarter(at + 8), quarter(at))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn splat(byte: u8) -> __m256i {
        _mm256_set1_epi8(byte.cast_signed())
    }

    /// Whether a byte lies in `first..first + N`: moved so that `first` is the least signed number, one comparison tells.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn within<const N: u8>(bytes: __m256i, first: u8) -> __m256i {
        _mm256_cmpgt_epi8(
            splat(0x80_u8.wrapping_add(N)),
            _mm256_add_epi8(bytes, splat(0x80_u8.wrapping_sub(first))),
        )
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask(bytes: __m256i) -> u64 {
        u64::from(_mm256_movemask_epi8(bytes).cast_unsigned())
    }

    /// `%` `&` `+` `\`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn escapes(bytes: __m256i) -> __m256i {
        let plus_or_backslash = _mm256_or_si256(
            _mm256_cmpeq_epi8(bytes, splat(b'+')),
            _mm256_cmpeq_epi8(bytes, splat(b'\\')),
        );
        _mm256_or_si256(plus_or_backslash, within::<2>(bytes, b'%'))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add<const AT: usize>(bytes: __m256i, masks: &mut Masks) {
        let lower = _mm256_or_si256(bytes, splat(0x20));
        let letters = _mm256_cmpgt_epi8(lower, splat(0x5f));
        let dash = _mm256_cmpeq_epi8(bytes, splat(b'-'));
        let token = _mm256_or_si256(_mm256_or_si256(letters, dash), within::<10>(bytes, b'0'));
        let number = within::<13>(bytes, b'-');
        let spaced = _mm256_or_si256(number, _mm256_cmpeq_epi8(bytes, splat(b' ')));
        masks.token |= mask(token) << AT;
        masks.number |= mask(number) << AT;
        masks.spaced |= mask(spaced) << AT;
        // `:` and `>` differ in one bit.
        let colon_or_more = _mm256_cmpeq_epi8(_mm256_or_si256(bytes, splat(4)), splat(b'>'));
        let equals_or_at = _mm256_or_si256(
            _mm256_cmpeq_epi8(bytes, splat(b'=')),
            _mm256_cmpeq_epi8(bytes, splat(b'@')),
        );
        masks.marks |= mask(_mm256_or_si256(colon_or_more, equals_or_at)) << AT;
        masks.escapes |= mask(escapes(bytes)) << AT;
        masks.b |= mask(_mm256_cmpeq_epi8(lower, splat(b'b'))) << AT;
        masks.r |= mask(_mm256_cmpeq_epi8(lower, splat(b'r'))) << AT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks by all forms, after a check that they agree.
    #[track_caller]
    #[expect(unsafe_code, reason = "the processor is asked before")]
    fn check(chunk: &[u8], what: &str) {
        let expected = portable(chunk);
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: SSE2 belongs to the architecture, AVX2 is asked for.
            assert_eq!(unsafe { sse2::classify(chunk) }, expected, "sse2: {what}");
            // SAFETY: as above.
            let classes = unsafe { sse2::classes(chunk) };
            assert_eq!(classes, portable_classes(chunk), "classes: {what}");
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: as above.
                assert_eq!(unsafe { avx2::classify(chunk) }, expected, "avx2: {what}");
            }
        }
        let _ = (expected, what);
    }

    #[test]
    fn all_forms_agree_on_every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..64 {
                for fill in [0, b'b', b'R', b'%', 0xff] {
                    let mut chunk = [fill; 64];
                    chunk[at] = byte;
                    check(&chunk, &format!("{byte} at {at}"));
                }
            }
        }
    }

    #[test]
    fn all_forms_agree_on_every_length() {
        let text = b"b: Bearer=@1-2\\3.4/x%Y?&+r>;{}b: Bearer=@1-2 3.4/x_Y?<r>;{}b: Bearer";
        for len in 0..=64 {
            for from in 0..=3 {
                check(&text[from..from + len], &len.to_string());
            }
        }
    }
}
