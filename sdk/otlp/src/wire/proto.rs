//! Protobuf's wire format, the writing half.
//!
//! Invariant: lengths are minimal varints. Fields with their default value are left out only where a function says so.

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LEN: u32 = 2;
const FIXED32: u32 = 5;

/// Bytes of a varint.
#[inline]
pub(crate) const fn varint_len(value: u64) -> usize {
    // 7 bits a byte: ceil(bits / 7), at least one.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[inline]
pub(crate) fn varint(out: &mut Vec<u8>, value: u64) {
    // Nearly all keys and lengths fit in one byte.
    if value < 0x80 {
        out.push(value as u8);
    } else {
        long_varint(out, value);
    }
}

fn long_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn key(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(out, u64::from(field << 3 | wire_type));
}

/// A varint field; zero is left out.
#[inline]
pub(crate) fn uint(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        key(out, field, VARINT);
        varint(out, value);
    }
}

/// A varint field that is written though it be zero, as members of a `oneof` must.
#[inline]
pub(crate) fn uint_always(out: &mut Vec<u8>, field: u32, value: u64) {
    key(out, field, VARINT);
    varint(out, value);
}

/// A `sint32` field; zero is left out.
pub(crate) fn sint32(out: &mut Vec<u8>, field: u32, value: i32) {
    uint(out, field, u64::from((value << 1 ^ value >> 31) as u32));
}

/// A `fixed64` field; zero is left out.
#[inline]
pub(crate) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        fixed64_always(out, field, value);
    }
}

/// A `fixed64` field that is written though it be zero.
#[inline]
pub(crate) fn fixed64_always(out: &mut Vec<u8>, field: u32, value: u64) {
    key(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A `double` field that is written though it be zero.
pub(crate) fn double_always(out: &mut Vec<u8>, field: u32, value: f64) {
    fixed64_always(out, field, value.to_bits());
}

/// A `fixed32` field; zero is left out.
pub(crate) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        key(out, field, FIXED32);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// A `string` or `bytes` field; empty is left out.
#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        bytes_always(out, field, value);
    }
}

/// A `string` or `bytes` field that is written though it be empty.
#[inline]
pub(crate) fn bytes_always(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    len_prefix(out, field, value.len());
    out.extend_from_slice(value);
}

/// The head of a length-delimited field whose content of `len` bytes follows.
#[inline]
pub(crate) fn len_prefix(out: &mut Vec<u8>, field: u32, len: usize) {
    key(out, field, LEN);
    varint(out, len as u64);
}

/// Bytes that a length-delimited field takes in all.
#[inline]
pub(crate) const fn len_delimited_len(field: u32, len: usize) -> usize {
    varint_len((field << 3 | LEN) as u64) + varint_len(len as u64) + len
}

/// A packed `repeated fixed64` or `repeated double` field; empty is left out.
pub(crate) fn packed_fixed64(out: &mut Vec<u8>, field: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() > 0 {
        len_prefix(out, field, values.len() * 8);
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// A packed `repeated uint64` field; empty is left out.
pub(crate) fn packed_varint(out: &mut Vec<u8>, field: u32, values: impl Iterator<Item = u64> + Clone) {
    let len = values.clone().map(varint_len).sum();
    if len > 0 {
        len_prefix(out, field, len);
        values.for_each(|value| varint(out, value));
    }
}

/// A nested message, written in place; its length is put in front afterwards. `LEN_BYTES` guesses the length's own length: a
/// right guess saves moving the content.
pub(crate) fn message<const LEN_BYTES: usize>(
    out: &mut Vec<u8>,
    field: u32,
    content: impl FnOnce(&mut Vec<u8>),
) {
    key(out, field, LEN);
    let at = out.len();
    out.extend_from_slice(&[0; LEN_BYTES]);
    let start = at + LEN_BYTES;
    content(out);
    let mut len = out.len().saturating_sub(start) as u64;
    let n = varint_len(len);
    if n > LEN_BYTES {
        let end = out.len();
        out.resize(end + n - LEN_BYTES, 0);
        out.copy_within(start..end, at + n);
    } else if n < LEN_BYTES {
        out.copy_within(start.., at + n);
        out.truncate(out.len() - (LEN_BYTES - n));
    }
    for (i, byte) in out[at..at + n].iter_mut().enumerate() {
        *byte = len as u8 & 0x7f | if i + 1 < n { 0x80 } else { 0 };
        len >>= 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_as_long_as_is_said() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX >> 1,
            u64::MAX,
        ] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(
                prost::decode_length_delimiter(out.as_slice()).map_or(0, |n| n as u64),
                value
            );
        }
    }

    #[test]
    fn nested_messages_of_any_length_get_a_minimal_length() {
        for n in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            let content = vec![7; n];
            let mut expected = vec![9];
            bytes_always(&mut expected, 5, &content);
            for write in [message::<1>, message::<2>, message::<3>] {
                let mut out = vec![9];
                write(&mut out, 5, |out: &mut Vec<u8>| out.extend_from_slice(&content));
                assert_eq!(out, expected, "{n}");
            }
            assert_eq!(len_delimited_len(5, n), expected.len() - 1);
        }
    }
}
