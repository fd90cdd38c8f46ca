//! The letters of baggage: tokens, values, percent-encoding.
//!
//! Source: W3C Baggage, "baggage-octet"; RFC 9110, "token"; RFC 3986, section 2.1.

/// Whether it is a token, as keys are.
pub(super) fn is_token(text: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(ok)
}

/// Whether it is a value as it is written: empty is one.
pub(super) fn is_value(text: &str) -> bool {
    text.bytes().all(is_octet)
}

const fn is_octet(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// Undoes the percent-encoding. What is not UTF-8 then becomes U+FFFD; a percent sign without two hex digits stands for itself.
pub(super) fn decoded(text: &str) -> String {
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let raw = text.as_bytes();
    let mut bytes = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte == b'%'
            && let (Some(high), Some(low)) = (digit(raw.get(at)), digit(raw.get(at + 1)))
            && let Ok(byte) = u8::try_from(high << 4 | low)
        {
            bytes.push(byte);
            at += 2;
        } else {
            bytes.push(*byte);
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

const fn is_plain(b: u8) -> bool {
    is_octet(b) && b != b'%'
}

/// Writes a value in the letters that a header may hold.
pub(super) fn encode(value: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Length of what [`encode`] writes.
pub(super) fn encoded_len(value: &str) -> usize {
    value.bytes().map(|b| if is_plain(b) { 1 } else { 3 }).sum()
}
