//! Classes of bytes that the scanners share.

/// Bytes of tokens: letters, digits, `_` and `-`.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Bytes of base64 in both alphabets, with padding.
pub(super) const fn is_base64(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'+' | b'/' | b'=')
}

/// Bytes of names in text: those of tokens, dots, dollars and all beyond ASCII.
pub(super) const fn is_name(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'.' | b'$') || !byte.is_ascii()
}

/// Bytes that continue a word: letters, digits and all beyond ASCII.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Quotes.
pub(super) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Opening brackets.
pub(super) const fn is_opener(byte: u8) -> bool {
    matches!(byte, b'(' | b'[' | b'{')
}

/// Closing brackets.
pub(super) const fn is_closer(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}')
}

/// White space and the end of the text (zero).
pub(super) const fn is_gap(byte: u8) -> bool {
    matches!(byte, 0 | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_nest() {
        for byte in 0..=255_u8 {
            assert!(!is_token(byte) || is_base64(byte) && is_name(byte));
            assert!(
                !(is_gap(byte) && (is_word(byte) || is_quote(byte) || is_opener(byte) || is_closer(byte)))
            );
        }
    }
}
