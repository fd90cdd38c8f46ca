//! For tests of services: a corpus of secrets, and the assertion that none of them is seen.
//!
//! ```
//! use watchroom_redact::Redactor;
//! use watchroom_redact::testing::{Corpus, assert_clean};
//!
//! let mut corpus = Corpus::secrets();
//! corpus.push("customer", "customer 4711-x of acme", "4711-x");
//!
//! let redactor = Redactor::builder().pattern(r"\d{4}-[a-z]").build()?;
//! let mut output = String::new();
//! for entry in &corpus {
//!     output.push_str(&redactor.value(&entry.text)); // or: log it, trace it, count it
//!     output.push('\n');
//! }
//! assert_clean(&output, &corpus);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariant: a failed assertion names kinds and lines, not secrets.
//! Not here: sending the corpus anywhere.

use std::fmt::Write as _;

const SECRETS: &str = include_str!("../testdata/secrets.txt");
const LOOK_ALIKES: &str = include_str!("../testdata/lookalikes.txt");

/// A text of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// What it holds, or could be taken for: the name of a [`Kind`](crate::Kind), `name` for what stands under a sensitive name, or one's own.
    pub kind: String,
    /// The text, as a service might log it.
    pub text: String,
    /// The part that must not be seen; empty for a look-alike.
    pub secret: String,
}

/// Why a corpus cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A line has too few or too many columns.
    #[error(
        "line {line} has {n_columns} columns; kind, text and secret are expected, or kind and text, parted by tabs"
    )]
    Columns {
        /// The line, from 1 on.
        line: usize,
        /// Its columns.
        n_columns: usize,
    },
    /// The secret is not a part of the text.
    #[error("the secret of line {line} is not a part of its text")]
    Stranger {
        /// The line, from 1 on.
        line: usize,
    },
}

/// Texts with secrets in them, or without.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    entries: Vec<Entry>,
}

impl Corpus {
    /// 340 secrets of all kinds that are looked for without being asked for, in URLs, JSON, `Debug` output, headers, SQL and more.
    #[must_use]
    pub fn secrets() -> Self {
        // The tests hold that the file can be read.
        Self::parse(SECRETS).unwrap_or_default()
    }

    /// 340 texts that only look like secrets.
    #[must_use]
    pub fn look_alikes() -> Self {
        Self::parse(LOOK_ALIKES).unwrap_or_default()
    }

    /// Reads a corpus: a line has a kind, a text and the secret part of it, or a kind and a text, parted by tabs. `\n`, `\t` and `\\` are
    /// escapes; `{+}` is nothing, and keeps scanners of repositories from taking the file for a leak. Empty lines and those with `#` are skipped.
    ///
    /// # Errors
    /// [`CorpusError`], which names the line.
    pub fn parse(text: &str) -> Result<Self, CorpusError> {
        let mut corpus = Self::default();
        for (idx, line) in text.lines().enumerate() {
            let number = idx + 1;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            let (kind, text, secret) = match *columns.as_slice() {
                [kind, text] => (kind, text, ""),
                [kind, text, secret] if !secret.is_empty() => (kind, text, secret),
                _ => {
                    return Err(CorpusError::Columns {
                        line: number,
                        n_columns: columns.len(),
                    });
                }
            };
            let (text, secret) = (unescaped(text), unescaped(secret));
            if !text.contains(&secret) {
                return Err(CorpusError::Stranger { line: number });
            }
            corpus.push(kind, &text, &secret);
        }
        Ok(corpus)
    }

    /// Adds a text.
    pub fn push(&mut self, kind: &str, text: &str, secret: &str) {
        self.entries.push(Entry {
            kind: kind.to_owned(),
            text: text.to_owned(),
            secret: secret.to_owned(),
        });
    }

    /// Its texts.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those whose secret is seen in an output, as it is or as JSON, a URL or `Debug` would write it.
    #[must_use]
    pub fn leaks_in(&self, output: &str) -> Vec<&Entry> {
        let is_seen = |entry: &&Entry| {
            !entry.secret.is_empty()
                && [
                    entry.secret.clone(),
                    entry.secret.escape_debug().to_string(),
                    in_url(&entry.secret),
                ]
                .iter()
                .any(|written| output.contains(written.as_str()))
        };
        self.entries.iter().filter(is_seen).collect()
    }
}

impl<'c> IntoIterator for &'c Corpus {
    type Item = &'c Entry;
    type IntoIter = std::slice::Iter<'c, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Asserts that no secret of a corpus is seen in an output: a log file, an exported batch, an exposition.
///
/// # Panics
/// If one is, with its kind and its place in the corpus.
#[track_caller]
pub fn assert_clean(output: &str, corpus: &Corpus) {
    let leaks = corpus.leaks_in(output);
    if leaks.is_empty() {
        return;
    }
    let mut told = String::new();
    for leak in &leaks {
        let place = corpus
            .iter()
            .position(|entry| std::ptr::eq(entry, *leak))
            .unwrap_or_default();
        // Writing to a String does not fail.
        let _ = write!(told, "\n  entry {place}, {}", leak.kind);
    }
    panic!("{} of {} secrets were seen:{told}", leaks.len(), corpus.len());
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = text.replace("{+}", "");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    out
}

fn in_url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_can_be_read_and_hold_340_texts_each() {
        for text in [SECRETS, LOOK_ALIKES] {
            assert_eq!(Corpus::parse(text).map(|corpus| corpus.len()), Ok(340));
        }
        assert!(Corpus::secrets().iter().all(|entry| !entry.secret.is_empty()));
        assert!(Corpus::look_alikes().iter().all(|entry| entry.secret.is_empty()));
    }

    #[test]
    fn says_which_line_is_wrong() {
        let line = |text: &str| Corpus::parse(text).map(|corpus| corpus.len());
        assert_eq!(line("# x\n\nkind\ttext x\tx"), Ok(1));
        assert_eq!(
            line("\nkind"),
            Err(CorpusError::Columns {
                line: 2,
                n_columns: 1
            })
        );
        assert_eq!(
            line("kind\ttext\tx\ty"),
            Err(CorpusError::Columns {
                line: 1,
                n_columns: 4
            })
        );
        assert_eq!(
            line("kind\ttext\t"),
            Err(CorpusError::Columns {
                line: 1,
                n_columns: 3
            })
        );
        assert_eq!(line("kind\ttext\ty"), Err(CorpusError::Stranger { line: 1 }));
    }

    #[test]
    fn sees_a_secret_however_it_is_written() {
        let mut corpus = Corpus::default();
        corpus.push("k", "a\"b c", "a\"b c");
        for output in ["x a\"b c y", "{\"v\":\"a\\\"b c\"}", "?v=a%22b%20c"] {
            assert_eq!(corpus.leaks_in(output).len(), 1, "{output}");
        }
        assert_clean("a b c", &corpus);
    }

    #[test]
    #[should_panic(expected = "1 of 1 secrets were seen:\n  entry 0, card")]
    fn names_the_kind_of_what_was_seen() {
        let mut corpus = Corpus::default();
        corpus.push("card", "4111", "4111");
        assert_clean("paid with 4111", &corpus);
    }
}
