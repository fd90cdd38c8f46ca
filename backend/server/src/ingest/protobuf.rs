//! Protobuf as it stands on the wire, field by field, for messages of which few fields matter and which come by the hundred thousand.
//!
//! Invariant: allocates nothing, recurses nowhere; any bytes give fields or an error. Texts are borrowed from the body.
//! Not here: what the fields mean; OTLP, whose messages nest and are read by `prost`.
//!
//! Source: Protocol Buffers, "Encoding".

/// What is wrong with bytes that should be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("message ends within a field")]
    Truncated,
    #[error("a number has more than ten bytes")]
    Varint,
    #[error("a field has wire type {0}, which there is not")]
    WireType(u8),
    #[error("field {0} is of another type")]
    Type(u64),
    #[error("field {0} is not valid UTF-8")]
    Text(u64),
}

/// The fields of a message that are not yet read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

/// One field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    value: Value<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32,
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn read(&mut self) -> Result<Field<'a>, Malformed> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => Value::Fixed64(*self.chunk()?),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).map_err(|_| Malformed::Truncated)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed::Truncated)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            5 => {
                self.chunk::<4>()?;
                Value::Fixed32
            }
            other => return Err(Malformed::WireType(other as u8)),
        };
        Ok(Field {
            number: key >> 3,
            value,
        })
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(chunk)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(&self) -> Result<&'a [u8], Malformed> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::Type(self.number)),
        }
    }

    /// The fields of a message within.
    pub(crate) fn message(&self) -> Result<Fields<'a>, Malformed> {
        self.bytes().map(Fields)
    }

    pub(crate) fn text(&self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::Text(self.number))
    }

    pub(crate) fn varint(&self) -> Result<u64, Malformed> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(Malformed::Type(self.number)),
        }
    }

    /// An `int32` or `int64`.
    pub(crate) fn int(&self) -> Result<i64, Malformed> {
        self.varint().map(|value| value as i64)
    }

    /// A `sint32` or `sint64`.
    pub(crate) fn zigzag(&self) -> Result<i64, Malformed> {
        self.varint().map(unzigzag)
    }

    pub(crate) fn double(&self) -> Result<f64, Malformed> {
        match self.value {
            Value::Fixed64(bytes) => Ok(f64::from_le_bytes(bytes)),
            _ => Err(Malformed::Type(self.number)),
        }
    }

    /// Numbers of a repeated field, packed or one of them.
    pub(crate) fn varints(&self, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
        match self.value {
            Value::Varint(value) => each(value),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    each(varint(&mut packed)?);
                }
            }
            _ => return Err(Malformed::Type(self.number)),
        }
        Ok(())
    }

    /// Floats of a repeated field, packed or one of them.
    pub(crate) fn doubles(&self, mut each: impl FnMut(f64)) -> Result<(), Malformed> {
        match self.value {
            Value::Fixed64(bytes) => each(f64::from_le_bytes(bytes)),
            Value::Bytes(packed) => {
                let (chunks, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(Malformed::Truncated);
                }
                chunks.iter().for_each(|chunk| each(f64::from_le_bytes(*chunk)));
            }
            _ => return Err(Malformed::Type(self.number)),
        }
        Ok(())
    }

    /// Upper bound of how many numbers [`Field::varints`] or [`Field::doubles`] give.
    pub(crate) fn repeats(&self) -> usize {
        match self.value {
            Value::Bytes(packed) => packed.len(),
            _ => 1,
        }
    }
}

/// Takes a message with its length before it off the front.
pub(crate) fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<Fields<'a>, Malformed> {
    let length = usize::try_from(varint(bytes)?).map_err(|_| Malformed::Truncated)?;
    let (message, rest) = bytes.split_at_checked(length).ok_or(Malformed::Truncated)?;
    *bytes = rest;
    Ok(Fields(message))
}

/// Undoes the coding of `sint32` and `sint64`.
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Varint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_wire_type_and_passes_over_what_nobody_asks_for() {
        let body = b"\x08\x96\x01\x11\0\0\0\0\0\0\xf0\x3f\x1a\x02hi\x25\0\0\0\0\x28\x01";
        let fields: Vec<Field<'_>> = Fields::new(body).map(Result::unwrap).collect();
        assert_eq!(
            fields.iter().map(|f| f.number).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(fields[0].varint(), Ok(150));
        assert_eq!(fields[1].double(), Ok(1.0));
        assert_eq!(fields[2].text(), Ok("hi"));
        assert_eq!(fields[4].zigzag(), Ok(-1));
        assert_eq!(fields[0].text(), Err(Malformed::Type(1)));
        assert_eq!(fields[3].double(), Err(Malformed::Type(4)));
    }

    #[test]
    fn negative_numbers_take_ten_bytes() {
        let body = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let field = Fields::new(body).next().unwrap().unwrap();
        assert_eq!(field.int(), Ok(-1));
        let eleven = [&b"\x08"[..], &[0xff; 10], &[1]].concat();
        assert_eq!(Fields::new(&eleven).next(), Some(Err(Malformed::Varint)));
    }

    #[test]
    fn names_what_is_cut_off_or_unknown() {
        for (body, expect) in [
            (&b"\x0a\x05hi"[..], Malformed::Truncated),
            (
                b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Malformed::Truncated,
            ),
            (b"\x09\0", Malformed::Truncated),
            (b"\x0b", Malformed::WireType(3)),
        ] {
            assert_eq!(Fields::new(body).next(), Some(Err(expect)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(body: Vec<u8>) {
            let n = Fields::new(&body).filter_map(Result::ok).count();
            prop_assert!(n <= body.len());
        }
    }
}
