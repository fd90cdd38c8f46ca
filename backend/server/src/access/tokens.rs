//! The token file: a name, rights and a token in each line.
//!
//! Invariant: the tokens themselves are not kept, only their keyed hashes, which are compared in constant time.

use std::sync::Arc;

use super::rights::Rights;

/// Most tokens.
const MAX_TOKENS: usize = 1_000;
/// Shortest token that is taken.
const MIN_BYTES: usize = 16;

/// Tokens with what each allows.
pub(crate) struct Tokens {
    key: [u8; 32],
    tokens: Vec<Token>,
}

struct Token {
    name: Arc<str>,
    rights: Rights,
    hash: blake3::Hash,
}

impl Tokens {
    /// Reads a file. `key` is secret and of this process.
    ///
    /// # Errors
    /// What is wrong and in which line; never a token.
    pub(crate) fn read(text: &str, key: [u8; 32]) -> Result<Self, String> {
        let mut tokens: Vec<Token> = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |reason: &str| format!("line {}: {reason}", i + 1);
            let mut words = line.split_whitespace();
            let (Some(name), Some(rights), Some(token), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(fail(
                    "expected a name, rights and a token, such as `agent write 7c1f…`",
                ));
            };
            if name.len() > 64 || name.contains(':') {
                return Err(fail("a name has at most 64 bytes and no colon"));
            }
            if token.len() < MIN_BYTES || token.len() > 1_024 {
                return Err(fail(
                    "a token has 16 to 1024 bytes; `openssl rand -hex 32` makes a good one",
                ));
            }
            let rights = Rights::parse(rights).map_err(|reason| fail(&reason))?;
            let hash = blake3::keyed_hash(&key, token.as_bytes());
            if tokens.iter().any(|known| known.hash == hash) {
                return Err(fail("the token is there already"));
            }
            if tokens.iter().any(|known| *known.name == *name) {
                return Err(fail("the name is there already"));
            }
            if tokens.len() == MAX_TOKENS {
                return Err(fail("there are more than 1000 tokens"));
            }
            tokens.push(Token {
                name: name.into(),
                rights,
                hash,
            });
        }
        match tokens.is_empty() {
            true => Err("there is no token in it".to_owned()),
            false => Ok(Self { key, tokens }),
        }
    }

    /// Whose token this is.
    pub(crate) fn find(&self, token: &str) -> Option<(Arc<str>, Rights)> {
        let hash = blake3::keyed_hash(&self.key, token.as_bytes());
        // Every one is looked at, so that the time tells nothing.
        let mut found = None;
        for token in &self.tokens {
            if token.hash == hash {
                found = Some((Arc::clone(&token.name), token.rights));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_text_alone() {
        let text = "# of the agents\nagent write 0123456789abcdef\n\n  grafana\tread fedcba9876543210 \n";
        let tokens = Tokens::read(text, [7; 32]).unwrap();
        let (name, rights) = tokens.find("fedcba9876543210").unwrap();
        assert_eq!((&*name, rights.read, rights.write), ("grafana", true, false));
        for wrong in ["", "agent", "0123456789abcde", "0123456789abcdef0"] {
            assert!(tokens.find(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_bad_file_is_told_by_its_line_and_never_by_its_token() {
        for (text, expect) in [
            ("", "no token"),
            ("a read", "line 1: expected a name"),
            (
                "\na reed 0123456789abcdef",
                "line 2: expected read, write or admin",
            ),
            ("a read short", "line 1: a token has 16"),
            ("a:b read 0123456789abcdef", "no colon"),
            (
                "a read 0123456789abcdef\nb read 0123456789abcdef",
                "line 2: the token is there",
            ),
            (
                "a read 0123456789abcdef\na read 0123456789abcdeg",
                "line 2: the name is there",
            ),
        ] {
            let error = Tokens::read(text, [0; 32]).err().unwrap();
            assert!(error.contains(expect), "{error}");
            assert!(!error.contains("0123456789abcdef"), "{error}");
        }
    }
}
