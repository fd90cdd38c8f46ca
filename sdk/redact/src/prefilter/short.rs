//! The first look at a short value, such as most fields have: names, methods, states.
//!
//! Invariant: a value that is clean here has no marked place. Not here: where the marked places are, which `classify` finds.

use super::refine::CARD_DIGITS;
use super::{NUMBER_RUN, SPACED_RUN, TOKEN_RUN, is_number_like, is_spaced_like, is_token_like};

/// Bytes up to which a value is short. Runs are not followed here, only their bytes are counted, so that longer ones would seldom pass.
const SHORT: usize = 15;

/// What a byte counts: in the lowest eight bits as part of a number-like run, then of a token-like one, of one with blanks, as
/// something that is marked by itself or may be an escape, as a dot, a dash, and a digit. None of them passes 15.
const COUNTS: [u64; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        let mark = matches!(is, b':' | b'=' | b'>' | b'@' | b'%' | b'&' | b'+' | b'\\');
        counts[byte] = is_number_like(is) as u64
            | (is_token_like(is) as u64) << 8
            | (is_spaced_like(is) as u64) << 16
            | (mark as u64) << 24
            | ((is == b'.') as u64) << 32
            | ((is == b'-') as u64) << 40
            | (is.is_ascii_digit() as u64) << 48;
        byte += 1;
    }
    counts
};

/// Distance from the first letter of `bearer` to the last.
const BEARER: usize = 5;

/// Whether a value is short and has certainly nothing to mark.
#[inline]
pub(super) fn is_clean(text: &[u8]) -> bool {
    if text.len() > SHORT {
        return false;
    }
    let [number, token, spaced, marks, dots, dashes, digits, _] = text
        .iter()
        .fold(0_u64, |sum, byte| sum + COUNTS[usize::from(*byte)])
        .to_le_bytes();
    // An address has three dots, a social security number two dashes, a key's first line five.
    let has_number = usize::from(number) >= NUMBER_RUN && (dots >= 3 || dashes >= 2);
    let has_card = usize::from(spaced) >= SPACED_RUN && u32::from(digits) >= CARD_DIGITS;
    let has_run = has_number || has_card || usize::from(token) >= TOKEN_RUN || marks > 0;
    !has_run && !may_be_bearer(text)
}

fn may_be_bearer(text: &[u8]) -> bool {
    let ends = text.get(BEARER..).unwrap_or_default();
    text.iter().zip(ends).fold(false, |found, (first, last)| {
        found | (first | 0x20 == b'b' && last | 0x20 == b'r')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefilter::Prefilter;

    #[test]
    fn what_is_clean_has_no_marked_place() {
        let alphabet = b"bBrRaz09-./: =>@_x~\xc3%&+\\";
        let mut n_clean = 0;
        // A walk through short texts that comes by every class of bytes next to every other.
        let mut state = 1_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let len = (state >> 60) as usize;
            let text: Vec<u8> = (0..len)
                .map(|idx| alphabet[(state >> (idx * 4) & 0xff) as usize % alphabet.len()])
                .collect();
            if is_clean(&text) {
                n_clean += 1;
                let mut prefilter = Prefilter::new(false);
                assert_eq!(prefilter.look(&text, 0), None, "{text:?}");
                assert!(!prefilter.has_escape(), "{text:?}");
            }
        }
        assert!(n_clean > 1_000, "{n_clean}");
    }

    #[test]
    fn common_short_values_are_clean() {
        for text in [
            "",
            "GET",
            "orders",
            "order loaded",
            "postgresql",
            "/orders",
            "1.5",
            "paid",
            "a b c d e f g h",
            "/orders/123",
            "1234.56ms",
            "2026-01",
            "17673120",
        ] {
            assert!(is_clean(text.as_bytes()), "{text}");
        }
        for text in [
            "10.0.0.1",
            "a=b",
            "x@y.z",
            "Bearer x",
            "abcdefghijkl",
            "4111 1111 11111",
        ] {
            assert!(!is_clean(text.as_bytes()), "{text}");
        }
    }
}
