//! The path of a request as spans show it.
//!
//! Invariant: no escape is left that would hide a secret from the redactor: `bob%40example.com` is somebody's address.
//! Not here: routes, which are what labels and names of spans have.

use std::borrow::Cow;

/// A path with its escapes decoded, once; what is no text then is shown as U+FFFD.
///
/// Source: RFC 3986, section 2.1.
pub(crate) fn shown(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match after {
            [high, low, after @ ..] if *first == b'%' => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        decoded.push(byte.map_or(*first, |(byte, after)| {
            rest = after;
            byte
        }));
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// The value of a hex digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(shown(path), expected);
    }

    #[test]
    fn escapes_are_decoded_once_and_what_is_none_stays() {
        check("/users/7", "/users/7");
        check("/users/bob%40example.com", "/users/bob@example.com");
        check("/a%2fb%2Fc%20d", "/a/b/c d");
        check("/%2540", "/%40");
        check("/%C3%BC/%ff", "/\u{fc}/\u{fffd}");
        check("/100%/%4/%zz/%", "/100%/%4/%zz/%");
    }
}
