//! Request ids: the caller's, if it can be trusted in a log line, else a new one.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// Header, and gRPC metadata key, of the request id.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The same, as the map of headers takes it without reading it anew.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);

/// Characters of a UUID.
const UUID_LEN: usize = 36;

/// Longest id that is taken from a caller.
const MAX_LEN: usize = 128;

/// A request id: a UUID v4, or what the caller sent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new UUID v4.
    ///
    /// Source: RFC 9562, section 5.4.
    #[must_use]
    pub fn random() -> Self {
        let high = watchroom::next_random() & !0xf000 | 0x4000;
        let low = watchroom::next_random() & !(0b11 << 62) | 0b10 << 62;
        let mut text = [b'-'; UUID_LEN];
        let digits = (0..16)
            .map(|n| high >> (60 - 4 * n))
            .chain((0..16).map(|n| low >> (60 - 4 * n)));
        let places = (0..UUID_LEN).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        for (place, digit) in places.zip(digits) {
            text[place] = b"0123456789abcdef"[(digit & 15) as usize];
        }
        // By hand, since this is made for each request: `format!` takes twenty times as long.
        Self(str::from_utf8(&text).unwrap_or_default().into())
    }

    /// Takes a caller's id: 1 to 128 characters out of letters, digits and `-_.:/+=@`. Anything else could forge log lines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b);
        let fits = (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(harmless);
        fits.then(|| Self(text.into()))
    }

    /// The caller's id, or a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        sent.and_then(Self::parse).unwrap_or_else(Self::random)
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_a_uuid_of_version_4() {
        for _ in 0..1_000 {
            let id = RequestId::random();
            let parts: Vec<&str> = id.as_str().split('-').collect();
            assert_eq!(
                parts.iter().map(|p| p.len()).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12],
                "{id}"
            );
            assert!(
                parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']),
                "{id}"
            );
        }
        assert_ne!(RequestId::random(), RequestId::random());
        // Every digit but that of the version varies.
        let ids: Vec<String> = (0..1_000).map(|_| RequestId::random().to_string()).collect();
        for place in (0..UUID_LEN).filter(|place| !matches!(place, 8 | 13 | 14 | 18 | 23)) {
            let seen: std::collections::BTreeSet<_> = ids.iter().map(|id| id.as_bytes()[place]).collect();
            assert_eq!(
                seen.len(),
                if place == 19 { 4 } else { 16 },
                "place {place}: {seen:?}"
            );
        }
    }

    #[test]
    fn an_id_that_could_forge_a_line_is_not_taken() {
        assert_eq!(
            RequestId::parse("order-17:a").as_ref().map(RequestId::as_str),
            Some("order-17:a")
        );
        for bad in ["", "a b", "a\nb", "\"", "ä", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(bad), None, "{bad:?}");
        }
    }
}
