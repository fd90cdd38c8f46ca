//! Credentials of a request: a bearer token, or a user and a password.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::ingest::otlp::decode_base64;

/// Longest value that is looked at; longer ones are wrong.
const MAX_BYTES: usize = 4 << 10;

/// What a request says of itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Bearer(String),
    Basic {
        user: String,
        password: String,
    },
    /// Something that is not understood.
    Unknown,
}

impl Credentials {
    /// Reads the header. Of two headers neither counts.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Self::None,
            (Some(value), None) if value.len() <= MAX_BYTES => value,
            _ => return Self::Unknown,
        };
        value.to_str().ok().and_then(Self::parse).unwrap_or(Self::Unknown)
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let text = String::from_utf8(decode_base64(rest)?).ok()?;
            let (user, password) = text.split_once(':')?;
            return Some(Self::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&[u8]], expect: &str) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        let shown = match Credentials::of(&headers) {
            Credentials::None => "none".to_owned(),
            Credentials::Bearer(token) => format!("token {token}"),
            Credentials::Basic { user, password } => format!("user {user} password {password}"),
            Credentials::Unknown => "unknown".to_owned(),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn reads_tokens_and_passwords_and_nothing_else() {
        check(&[], "none");
        check(&[b"Bearer abc"], "token abc");
        check(&[b"bearer  abc "], "token abc");
        check(&[b"Basic dTpwOng="], "user u password p:x");
        for bad in [
            &b"Basic dTpwOng"[..4],
            b"Basic !!!!",
            b"Basic dXA=",
            b"Basic /////w==",
            b"Digest x",
            b"abc",
            b"Bearer ",
            b"\xff\xff",
            &[b"Bearer ".as_slice(), &[b'x'; 5_000]].concat(),
        ] {
            check(&[bad], "unknown");
        }
        check(&[b"Bearer abc", b"Bearer abc"], "unknown");
    }
}
