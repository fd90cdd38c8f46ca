//! What OTLP's JSON does differently from serde: ids in hex, 64-bit integers as text, bytes in base64, `null` for the default.
//!
//! Source: OTLP specification, "JSON Protobuf Encoding".

use serde::Deserialize;
use serde::de::{Deserializer, Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
}

impl Number {
    fn to_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            Self::Signed(n) => u64::try_from(*n).ok(),
            Self::Float(n) => (n.fract() == 0.0 && (0.0..1.8e19).contains(n)).then_some(*n as u64),
            Self::Text(text) => text.parse().ok(),
        }
    }

    fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            Self::Signed(n) => Some(*n),
            Self::Float(n) => (n.fract() == 0.0 && n.abs() < 9.2e18).then_some(*n as i64),
            Self::Text(text) => text.parse().ok(),
        }
    }

    fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Unsigned(n) => Some(*n as f64),
            Self::Signed(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            // `parse` reads "NaN", "Infinity" and "-Infinity" as well.
            Self::Text(text) => text.parse().ok(),
        }
    }
}

fn number<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: fn(&Number) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    match Option::<Number>::deserialize(deserializer)? {
        None => Ok(None),
        Some(number) => read(&number)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("expected {expected}"))),
    }
}

pub(crate) fn u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(number(
        deserializer,
        Number::to_u64,
        "an unsigned 64-bit integer, as text or number",
    )?
    .unwrap_or(0))
}

pub(crate) fn opt_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    number(
        deserializer,
        Number::to_i64,
        "a 64-bit integer, as text or number",
    )
}

pub(crate) fn f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(opt_f64(deserializer)?.unwrap_or(0.0))
}

pub(crate) fn opt_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    number(deserializer, Number::to_f64, "a number")
}

pub(crate) fn list_u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    numbers(
        deserializer,
        Number::to_u64,
        "unsigned 64-bit integers, as text or numbers",
    )
}

pub(crate) fn list_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    numbers(deserializer, Number::to_f64, "numbers")
}

fn numbers<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: fn(&Number) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>, D::Error> {
    let items: Vec<Number> = list(deserializer)?;
    items
        .iter()
        .map(|item| read(item).ok_or_else(|| D::Error::custom(format!("expected {expected}"))))
        .collect()
}

/// A list, or nothing for `null`.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

pub(crate) fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    decode_hex(&text).ok_or_else(|| D::Error::custom(format!("expected an id in hex, got {text:?}")))
}

pub(crate) fn opt_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        None => Ok(None),
        Some(text) => decode_base64(&text)
            .map(Some)
            .ok_or_else(|| D::Error::custom("expected bytes in base64")),
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok())
        .collect()
}

/// Reads base64, standard or URL-safe, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for quartet in text.chunks(4) {
        let mut bits = 0u32;
        for symbol in quartet {
            let value = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        match quartet.len() {
            4 => bytes.extend_from_slice(&bits.to_be_bytes()[1..]),
            3 => bytes.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
            2 => bytes.extend_from_slice(&(bits << 12).to_be_bytes()[1..2]),
            _ => return None,
        }
    }
    Some(bytes)
}

/// Writes base64, standard and without padding, as gRPC's binary metadata has it.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for triple in bytes.chunks(3) {
        let mut bits = [0u8; 4];
        bits[1..=triple.len()].copy_from_slice(triple);
        let bits = u32::from_be_bytes(bits);
        for i in 0..=triple.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_round_trips_at_every_length() {
        for n in 0..9u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(97).wrapping_add(250)).collect();
            let text = encode_base64(&bytes);
            assert_eq!(decode_base64(&text).as_deref(), Some(&*bytes), "{text}");
        }
        assert_eq!(encode_base64(b"hello"), "aGVsbG8");
        assert_eq!(decode_base64("aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode_base64("a"), None);
        assert_eq!(decode_base64("a*bc"), None);
    }

    #[test]
    fn hex_takes_both_cases_and_refuses_the_rest() {
        assert_eq!(decode_hex("0aFf"), Some(vec![10, 255]));
        assert_eq!(decode_hex(""), Some(vec![]));
        for bad in ["0", "zz", "é"] {
            assert_eq!(decode_hex(bad), None, "{bad}");
        }
    }
}
