//! Credentials, in the configuration itself or in a file that is read whenever they are needed.

use std::fmt;
use std::path::PathBuf;

use crate::ingest::otlp::encode_base64;

/// Largest file of a secret.
const MAX_BYTES: u64 = 64 << 10;

/// A secret, or the file that it stands in.
pub(crate) enum Secret {
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<secret>"),
            Self::File(path) => path.fmt(f),
        }
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Secret {
    /// What it is at the moment.
    pub(super) fn read(&self) -> Result<String, String> {
        use std::io::Read as _;
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let mut text = String::new();
                std::fs::File::open(path)
                    .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                Ok(text.trim().to_owned())
            }
        }
    }
}

/// What the `authorization` header is made of.
#[derive(Debug)]
pub(crate) enum Credentials {
    Basic { user: Secret, password: Secret },
    Scheme { scheme: String, credentials: Secret },
}

impl Credentials {
    /// The header's value.
    pub(super) fn header(&self) -> Result<String, String> {
        match self {
            Self::Basic { user, password } => Ok(basic(&user.read()?, &password.read()?)),
            Self::Scheme { scheme, credentials } => Ok(format!("{scheme} {}", credentials.read()?)),
        }
    }

    /// Looks at what stands in the configuration itself.
    ///
    /// # Errors
    /// That no header can hold it.
    pub(crate) fn check_inline(&self) -> Result<(), String> {
        match self {
            Self::Scheme {
                scheme,
                credentials: Secret::Text(text),
            } if http::HeaderValue::try_from(format!("{scheme} {text}")).is_err() => {
                Err("credentials hold characters that no header can".into())
            }
            _ => Ok(()),
        }
    }
}

/// The value of a header for basic authentication.
pub(super) fn basic(user: &str, password: &str) -> String {
    let mut text = encode_base64(format!("{user}:{password}").as_bytes());
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("Basic {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_when_needed_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let credentials = Credentials::Basic {
            user: Secret::Text("u".into()),
            password: Secret::File(path.clone()),
        };
        assert!(credentials.header().unwrap_err().contains("cannot read"));
        for (text, expect) in [("p\n", "Basic dTpw"), ("pp", "Basic dTpwcA==")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(credentials.header().unwrap(), expect);
        }
        assert!(!format!("{:?}", Secret::Text("hidden".into())).contains("hidden"));
    }
}
