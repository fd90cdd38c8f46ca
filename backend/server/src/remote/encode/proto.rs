//! Writes protobuf.
//!
//! Source: Protocol Buffers, "Encoding".

/// A message that grows.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, kind: u64) {
        self.raw(u64::from(field) << 3 | kind);
    }

    /// A number, left out if it is zero.
    pub(super) fn varint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, 0);
            self.raw(value);
        }
    }

    pub(super) fn int(&mut self, field: u32, value: i64) {
        self.varint(field, value.cast_unsigned());
    }

    pub(super) fn zigzag(&mut self, field: u32, value: i64) {
        self.varint(field, zigzag(value));
    }

    /// A number that is there even if it is zero, as in a `oneof`.
    pub(super) fn varint_always(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.raw(value);
    }

    pub(super) fn double(&mut self, field: u32, value: f64) {
        if value.to_bits() != 0 {
            self.double_always(field, value);
        }
    }

    pub(super) fn double_always(&mut self, field: u32, value: f64) {
        self.fixed(field, value.to_bits());
    }

    pub(super) fn fixed(&mut self, field: u32, value: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes, left out if there are none.
    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes_always(field, bytes);
        }
    }

    pub(super) fn bytes_always(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, 2);
        self.raw(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    /// A message within this one, there even if it is empty.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes_always(field, &inner.0);
    }

    /// A list of numbers, packed.
    pub(super) fn varints(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        let mut packed = Self::default();
        values.into_iter().for_each(|value| packed.raw(value));
        self.bytes(field, &packed.0);
    }

    pub(super) fn doubles(&mut self, field: u32, values: impl IntoIterator<Item = f64>) {
        let packed: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
        self.bytes(field, &packed);
    }
}

pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
