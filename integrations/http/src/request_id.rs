//! Request ids: the caller's, if it can be trusted in a log line, else a new one.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

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
pub struct RequestId(Text);

/// Ids of the usual length need no memory of their own. The length decides on the form, so that equal texts have equal forms.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    /// ASCII, and zeros after it.
    Short(u8, Place),
    Long(Arc<str>),
}

/// So placed, the standard library looks at sixteen bytes at once, not at each, when it makes a `str` of them.
#[derive(Clone, PartialEq, Eq, Hash)]
#[repr(align(8))]
struct Place([u8; UUID_LEN]);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut short = [0; UUID_LEN];
        match (short.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short(len, Place(short))
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl RequestId {
    /// A new UUID v4.
    ///
    /// Source: RFC 9562, section 5.4.
    #[must_use]
    pub fn random() -> Self {
        let high = watchroom::next_random() & !0xf000 | 0x4000;
        let low = watchroom::next_random() & !(0b11 << 62) | 0b10 << 62;
        let mut text = [b'-'; UUID_LEN];
        // By hand, since this is made for each request: `format!` takes fifty times as long.
        text[..8].copy_from_slice(&hex(high >> 32));
        let [a, b, c, d, e, f, g, h] = hex(high);
        text[9..13].copy_from_slice(&[a, b, c, d]);
        text[14..18].copy_from_slice(&[e, f, g, h]);
        let [a, b, c, d, e, f, g, h] = hex(low >> 32);
        text[19..23].copy_from_slice(&[a, b, c, d]);
        text[24..28].copy_from_slice(&[e, f, g, h]);
        text[28..].copy_from_slice(&hex(low));
        Self(Text::Short(UUID_LEN as u8, Place(text)))
    }

    /// Takes a caller's id: 1 to 128 characters out of letters, digits and `-_.:/+=@`. Anything else could forge log lines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b);
        let fits = (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(harmless);
        fits.then(|| Self(Text::from(text)))
    }

    /// The caller's id, or a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let sent = find(headers, &REQUEST_ID).and_then(|value| value.to_str().ok());
        sent.and_then(Self::parse).unwrap_or_else(Self::random)
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Nothing else is put in, so that the fallback is never taken.
            Text::Short(len, text) => str::from_utf8(&text.0[..usize::from(*len)]).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }
}

/// The lower 32 bits, eight digits at once: each half byte in a byte of its own, and then to its letter.
const fn hex(number: u64) -> [u8; 8] {
    let n = number & 0xffff_ffff;
    let n = (n << 16 | n) & 0x0000_ffff_0000_ffff;
    let n = (n << 8 | n) & 0x00ff_00ff_00ff_00ff;
    let n = (n << 4 | n) & 0x0f0f_0f0f_0f0f_0f0f;
    // One in each byte that is ten or more.
    let letters = (n + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (n + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

/// Heads of few lines are walked through: that is quicker than to hash a name.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    const FEW: usize = 8;
    if headers.len() > FEW {
        return headers.get(name);
    }
    headers
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    fn eight_digits_at_once_are_those_of_the_formatter() {
        for number in [
            0,
            1,
            0xffff_ffff,
            0x0123_4567,
            0x89ab_cdef,
            0xf0e1_d2c3,
            0x9a9a_a9a9,
        ] {
            assert_eq!(hex(number), *format!("{number:08x}").as_bytes(), "{number:x}");
            assert_eq!(
                hex(number | 0xff << 32),
                hex(number),
                "only the lower half counts"
            );
        }
    }

    #[test]
    fn ids_of_every_length_are_kept_whole() {
        for len in [1, 35, 36, 37, 128] {
            let text = "x".repeat(len);
            let id = RequestId::parse(&text).unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(Some(id), RequestId::parse(&text));
        }
        let id = RequestId::random();
        assert_eq!(RequestId::parse(id.as_str()), Some(id));
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
