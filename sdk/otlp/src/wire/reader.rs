//! Protobuf's wire format, the reading half: as much as a receiver's answers need.
//!
//! Invariant: never reads past the input, never recurses, never allocates.

/// The input is not protobuf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number; no answer has one, so its value is passed over.
    Fixed,
}

/// Fields of a message, in order. Ends after the first error.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Malformed> {
        let n = usize::try_from(n).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Raw<'a>), Malformed> {
        let key = self.varint()?;
        let raw = match key & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => self.take(8).map(|_| Raw::Fixed)?,
            2 => {
                let n = self.varint()?;
                Raw::Bytes(self.take(n)?)
            }
            5 => self.take(4).map(|_| Raw::Fixed)?,
            _ => return Err(Malformed),
        };
        match key >> 3 {
            0 => Err(Malformed),
            field => Ok((field, raw)),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Raw<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// `partial_success` of an export response: how many units were refused, and a message.
///
/// Source: `ExportTracePartialSuccess` and its twins, which share their field numbers.
pub(crate) fn partial_success(response: &[u8]) -> Result<(u64, String), Malformed> {
    let mut rejected = 0;
    let mut message = String::new();
    for field in Fields::new(response) {
        if let (1, Raw::Bytes(partial)) = field? {
            for field in Fields::new(partial) {
                match field? {
                    // A negative count makes no sense; it is taken for none.
                    (1, Raw::Varint(n)) => rejected = if i64::try_from(n).is_ok() { n } else { 0 },
                    (2, Raw::Bytes(text)) => message = String::from_utf8_lossy(text).into_owned(),
                    _ => {}
                }
            }
        }
    }
    Ok((rejected, message))
}

/// A `google.rpc.Status`: its message, and the delay of a `RetryInfo` among its details.
pub(crate) fn rpc_status(status: &[u8]) -> Result<(String, Option<std::time::Duration>), Malformed> {
    let mut message = String::new();
    let mut delay = None;
    for field in Fields::new(status) {
        match field? {
            (2, Raw::Bytes(text)) => message = String::from_utf8_lossy(text).into_owned(),
            (3, Raw::Bytes(any)) => delay = delay.or(retry_info(any)?),
            _ => {}
        }
    }
    Ok((message, delay))
}

fn retry_info(any: &[u8]) -> Result<Option<std::time::Duration>, Malformed> {
    let (mut is_retry_info, mut value) = (false, &[][..]);
    for field in Fields::new(any) {
        match field? {
            (1, Raw::Bytes(url)) => is_retry_info = url.ends_with(b"/google.rpc.RetryInfo"),
            (2, Raw::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    if !is_retry_info {
        return Ok(None);
    }
    let (mut secs, mut nanos) = (0, 0);
    for field in Fields::new(value) {
        if let (1, Raw::Bytes(duration)) = field? {
            for field in Fields::new(duration) {
                match field? {
                    (1, Raw::Varint(n)) => secs = n.min(i64::MAX as u64),
                    (2, Raw::Varint(n)) => nanos = u32::try_from(n).map_err(|_| Malformed)?.min(999_999_999),
                    _ => {}
                }
            }
        }
    }
    Ok(Some(std::time::Duration::new(secs, nanos)))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use prost::Message as _;

    use super::*;

    #[test]
    fn reads_what_prost_writes() {
        let response = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 300,
                error_message: "naïve".into(),
            }),
        };
        assert_eq!(
            partial_success(&response.encode_to_vec()),
            Ok((300, "naïve".into()))
        );
        assert_eq!(partial_success(&[]), Ok((0, String::new())));
    }

    #[test]
    fn every_cut_and_every_garbage_is_an_error_or_harmless() {
        let response = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 300,
                error_message: "message".into(),
            }),
        }
        .encode_to_vec();
        for cut in 1..response.len() {
            assert_eq!(partial_success(&response[..cut]), Err(Malformed), "{cut}");
        }
        assert_eq!(partial_success(b"<html>no</html>"), Err(Malformed));
        assert_eq!(partial_success(&[0xff; 40]), Err(Malformed));
        assert_eq!(
            partial_success(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            Err(Malformed)
        );
    }
}
