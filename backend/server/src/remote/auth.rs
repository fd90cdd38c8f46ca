//! Credentials for a remote store, from a file.
//!
//! Not here: when the file is read, which is at the start.

use std::path::Path;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use crate::ingest::otlp::encode_base64;

/// Headers that every request to the store bears.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// Reads a file of credentials.
///
/// # Errors
/// The file and the line, and what would be right; never what stands there.
pub(super) fn load(path: &Path) -> Result<Headers, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read(&text).map_err(|reason| format!("{}: {reason}", path.display()))
}

fn read(text: &str) -> Result<Headers, String> {
    let mut headers = Headers::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fail = || {
            format!(
                "line {}: expected `bearer TOKEN`, `basic USER:PASSWORD` or `header NAME: VALUE`",
                i + 1
            )
        };
        let (kind, rest) = line.split_once(char::is_whitespace).ok_or_else(fail)?;
        let rest = rest.trim();
        let (name, text) = match kind.to_ascii_lowercase().as_str() {
            "bearer" => (AUTHORIZATION, format!("Bearer {rest}")),
            "basic" if rest.contains(':') => (
                AUTHORIZATION,
                format!("Basic {}", encode_base64_padded(rest.as_bytes())),
            ),
            "header" => {
                let (name, value) = rest.split_once(':').ok_or_else(fail)?;
                let name = HeaderName::try_from(name.trim()).map_err(|_| fail())?;
                (name, value.trim().to_owned())
            }
            _ => return Err(fail()),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| fail())?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    match headers.is_empty() {
        true => Err("there is nothing in it".to_owned()),
        false => Ok(headers),
    }
}

/// With the padding that HTTP wants, whichever form gRPC's headers have.
fn encode_base64_padded(bytes: &[u8]) -> String {
    let mut text = encode_base64(bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_says() {
        let headers = read("# a\nbasic u:pw\nheader X-Scope-OrgID: team a\n").unwrap();
        assert_eq!(headers[0].1, "Basic dTpwdw==");
        assert_eq!(
            (headers[1].0.as_str(), headers[1].1.to_str().unwrap()),
            ("x-scope-orgid", "team a")
        );
        assert_eq!(read("Bearer abc").unwrap()[0].1, "Bearer abc");
        for bad in [
            "",
            "secret",
            "basic secret",
            "header secret",
            "header a b: secret",
            "other secret",
        ] {
            let error = read(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
