//! Which names are sensitive.
//!
//! Invariant: the answer depends on the letters and digits of a name and on where its words begin, not on case or separators;
//! nothing is allocated. Not here: finding names in text (`scan`).

mod lists;
mod plain;

use crate::RedactorError;
use lists::{Tails, is_listed};
use plain::{MAX_LEN, Plain, is_kept};

/// How the value of a name is written in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The name is not sensitive.
    Harmless,
    /// One word, or something in quotes or brackets.
    Plain,
    /// A scheme and what belongs to it: `Authorization`.
    Credentials,
    /// Pairs joined by `;`: `Cookie`, `Set-Cookie`.
    Cookie,
}

/// The list of sensitive names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    tails: Tails,
    added: Vec<Box<[u8]>>,
    allowed: Vec<Box<[u8]>>,
    /// Some added name holds a digit, or is of one or two letters.
    odd_added: bool,
}

impl Names {
    pub(crate) fn new(added: &[String], allowed: &[String]) -> Result<Self, RedactorError> {
        let checked = |names: &[String]| {
            names
                .iter()
                .map(|name| plain_of(name))
                .collect::<Result<Vec<_>, _>>()
        };
        let added = checked(added)?;
        let mut tails = Tails::default();
        added.iter().for_each(|name| tails.add(name));
        Ok(Self {
            odd_added: added
                .iter()
                .any(|name| name.len() < 3 || name.iter().any(u8::is_ascii_digit)),
            tails,
            added,
            allowed: checked(allowed)?,
        })
    }

    /// Whether the name is sensitive.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        self.tails.may_match(name.as_bytes()) && self.judge(&mut Plain::new(name.as_bytes()))
    }

    /// Whether a name found in text is sensitive, and how its value is written.
    pub(crate) fn sort(&self, name: &[u8]) -> Sort {
        if !self.tails.may_match(name) {
            return Sort::Harmless;
        }
        let mut plain = Plain::new(name);
        if !self.judge(&mut plain) {
            return Sort::Harmless;
        }
        if plain.bytes().ends_with(b"authorization") {
            Sort::Credentials
        } else if plain.bytes().ends_with(b"cookie") || plain.bytes().ends_with(b"cookies") {
            Sort::Cookie
        } else {
            Sort::Plain
        }
    }

    /// Whether a name that ends in these three bytes may be sensitive; told without looking at the rest of it.
    #[inline]
    pub(crate) fn may_end_in(&self, tail: [u8; 3]) -> bool {
        let [third, second, last] = tail.map(|b| b.to_ascii_lowercase());
        let plain =
            third.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() && last.is_ascii_alphabetic();
        !plain || self.tails.all || self.tails.holds(third, second, last)
    }

    /// Whether a number or a time may end in a sensitive name.
    pub(crate) const fn may_be_time(&self) -> bool {
        self.odd_added
    }

    fn judge(&self, plain: &mut Plain) -> bool {
        if plain.len == 0 {
            return false;
        }
        if self.allowed.iter().any(|name| plain.ends_with_words(name)) {
            return false;
        }
        // A name may carry a number and two trailing words: `password_hash_2`.
        for _ in 0..3 {
            if is_listed(plain) || self.added.iter().any(|name| plain.ends_with_words(name)) {
                return true;
            }
            if !plain.cut_trailer() {
                return false;
            }
        }
        false
    }
}

fn plain_of(name: &str) -> Result<Box<[u8]>, RedactorError> {
    if name.bytes().filter(|b| is_kept(*b)).count() > MAX_LEN {
        return Err(RedactorError::LongName {
            name: name.to_owned(),
            max: MAX_LEN,
        });
    }
    let plain = Plain::new(name.as_bytes());
    if plain.len == 0 {
        return Err(RedactorError::EmptyName(name.to_owned()));
    }
    Ok(plain.bytes().into())
}

#[cfg(test)]
mod tests;
