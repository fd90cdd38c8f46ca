//! W3C Baggage: names and values that travel with a request.
//!
//! Invariant: within the specification's limits whatever it is made of; what is malformed is left out member by member and counted.
//! Values are kept as they came, so that programs can act on them, and are redacted wherever they leave (carriers, log lines, spans).
//! Not here: to which span baggage belongs.

use std::fmt;
use std::sync::Arc;

use watchroom_redact::Redactor;

mod text;

use text::{decoded, encode, encoded_len, is_token, is_value};

/// Members that are kept; the specification wants 64 of every platform, earlier drafts of it named 180.
pub const MAX_MEMBERS: usize = 180;
/// Bytes of a whole header that are kept.
pub const MAX_BYTES: usize = 8192;
/// Bytes of a header that are read at all.
const MAX_READ: usize = 2 * MAX_BYTES;

/// Names and values that travel with a request, with their properties. Cloning it costs a reference count.
///
/// ```
/// use watchroom_capture::propagation::Baggage;
///
/// let (baggage, n_left_out) = Baggage::parse("tenant=acme;internal, city=K%C3%B6ln, broken");
/// assert_eq!((baggage.get("city"), n_left_out), (Some("Köln"), 1));
/// let baggage = baggage.with("tenant", "zen").unwrap();
/// assert_eq!(baggage.to_string(), "tenant=zen,city=K%C3%B6ln");
/// ```
///
/// Source: W3C Baggage.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Baggage(Option<Arc<Vec<Member>>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    key: String,
    value: String,
    properties: Vec<(String, Option<String>)>,
}

/// Why a member cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaggageError {
    /// The name breaks the grammar.
    #[error("baggage key {key:?} is not a token, expected letters, digits and any of !#$%&'*+-.^_`|~")]
    Key {
        /// What was given.
        key: String,
    },
    /// There are too many members.
    #[error("baggage has {MAX_MEMBERS} members already")]
    TooMany,
    /// The whole would be too long.
    #[error("baggage would be longer than {MAX_BYTES} bytes")]
    TooLong,
    /// There is no span that it could be put on.
    #[error("the span is not captured, so it holds no baggage")]
    NoSpan,
}

impl Baggage {
    /// No member.
    pub const EMPTY: Self = Self(None);

    /// Reads a header (several of them joined by commas): the members that are well formed, and how many were left out. The later of two
    /// members with one key wins.
    #[must_use]
    pub fn parse(text: &str) -> (Self, u32) {
        let mut members = Vec::new();
        let mut n_left_out = 0_u32;
        let mut len = 0;
        let mut n_read = 0;
        for part in text.split(',') {
            n_read += part.len() + 1;
            let part = part.trim_matches([' ', '\t']);
            if part.is_empty() {
                continue;
            }
            if n_read > MAX_READ + 1 {
                n_left_out = n_left_out.saturating_add(1);
                break;
            }
            let added = Member::parse(part).is_some_and(|member| put(&mut members, &mut len, member).is_ok());
            n_left_out = n_left_out.saturating_add(u32::from(!added));
        }
        (Self::of(members), n_left_out)
    }

    fn of(members: Vec<Member>) -> Self {
        Self((!members.is_empty()).then(|| Arc::new(members)))
    }

    fn members(&self) -> &[Member] {
        self.0
            .as_ref()
            .map(|members| members.as_slice())
            .unwrap_or_default()
    }

    /// Value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let member = self.members().iter().find(|member| member.key == key)?;
        Some(&member.value)
    }

    /// Properties of a key's member: names, and values where they have one.
    pub fn properties(&self, key: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
        let member = self.members().iter().find(|member| member.key == key);
        let properties = member
            .map(|member| member.properties.as_slice())
            .unwrap_or_default();
        properties
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.members()
            .iter()
            .map(|member| (member.key.as_str(), member.value.as_str()))
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same with a value set, in place of the member that is there.
    ///
    /// # Errors
    /// [`BaggageError`] if the key is no token or a limit of the specification is passed.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, BaggageError> {
        self.with_properties(key, value, &[])
    }

    /// The same with a value and its properties set.
    ///
    /// # Errors
    /// As [`with`](Self::with); a property's key is a token too.
    pub fn with_properties(
        &self,
        key: &str,
        value: &str,
        properties: &[(&str, Option<&str>)],
    ) -> Result<Self, BaggageError> {
        if let Some(key) = std::iter::once(key)
            .chain(properties.iter().map(|(key, _)| *key))
            .find(|key| !is_token(key))
        {
            return Err(BaggageError::Key { key: key.to_owned() });
        }
        let owned = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
        let member = Member {
            key: key.to_owned(),
            value: value.to_owned(),
            properties: properties.iter().map(owned).collect(),
        };
        let mut members = self.members().to_vec();
        let mut len = members.iter().map(|member| member.len() + 1).sum();
        put(&mut members, &mut len, member)?;
        Ok(Self::of(members))
    }

    /// The same without a key.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        Self::of(
            self.members()
                .iter()
                .filter(|member| member.key != key)
                .cloned()
                .collect(),
        )
    }

    /// The header's text with every value and property redacted, by its key and by itself. A member or a
    /// property whose very key is a secret is left out, and so is a member that redaction has made too long for the header.
    #[must_use]
    pub fn to_header(&self, redactor: &Redactor) -> String {
        let mut text = String::new();
        for member in self.members() {
            if redactor.value(&member.key) != member.key {
                redactor.count_redaction();
                continue;
            }
            let len = text.len();
            if len > 0 {
                text.push(',');
            }
            text.push_str(&member.key);
            text.push('=');
            encode(&redactor.field(&member.key, &member.value), &mut text);
            for (key, value) in &member.properties {
                if redactor.value(key) != key.as_str() {
                    redactor.count_redaction();
                    continue;
                }
                text.push(';');
                text.push_str(key);
                if let Some(value) = value {
                    text.push('=');
                    encode(&redactor.field(key, value), &mut text);
                }
            }
            if text.len() > MAX_BYTES {
                text.truncate(len);
            }
        }
        text
    }
}

/// Adds a member or puts it in place of the one with its key. `len` is that of all members, each with a comma.
fn put(members: &mut Vec<Member>, len: &mut usize, member: Member) -> Result<(), BaggageError> {
    let place = members.iter().position(|other| other.key == member.key);
    let old = place.map_or(0, |idx| members[idx].len() + 1);
    let new_len = *len - old + member.len() + 1;
    if new_len > MAX_BYTES + 1 {
        return Err(BaggageError::TooLong);
    }
    match place {
        Some(idx) => members[idx] = member,
        None if members.len() == MAX_MEMBERS => return Err(BaggageError::TooMany),
        None => members.push(member),
    }
    *len = new_len;
    Ok(())
}

impl Member {
    /// `key=value;property;property=value`, with blanks around each part.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (key, value) = pair(parts.next()?)?;
        let mut properties = Vec::new();
        for part in parts {
            properties.push(match pair(part) {
                Some((key, value)) => (key.to_owned(), Some(decoded(value))),
                None => {
                    let key = part.trim_matches([' ', '\t']);
                    is_token(key).then(|| (key.to_owned(), None))?
                }
            });
        }
        Some(Self {
            key: key.to_owned(),
            value: decoded(value),
            properties,
        })
    }

    /// Length of its text.
    fn len(&self) -> usize {
        let properties = self.properties.iter().map(|(key, value)| {
            let value = value.as_ref().map_or(0, |value| 1 + encoded_len(value));
            1 + key.len() + value
        });
        self.key.len() + 1 + encoded_len(&self.value) + properties.sum::<usize>()
    }
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
    (is_token(key) && is_value(value)).then_some((key, value))
}

/// The header's text, unredacted: for the program's own eyes.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, member) in self.members().iter().enumerate() {
            let comma = if idx == 0 { "" } else { "," };
            let mut text = format!("{comma}{}=", member.key);
            encode(&member.value, &mut text);
            for (key, value) in &member.properties {
                text.push(';');
                text.push_str(key);
                if let Some(value) = value {
                    text.push('=');
                    encode(value, &mut text);
                }
            }
            f.write_str(&text)?;
        }
        Ok(())
    }
}

/// Keys alone: what is shown for debugging may end in a log.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.members().iter().map(|member| &member.key);
        f.write_str("Baggage")?;
        f.debug_list().entries(keys).finish()
    }
}

#[cfg(test)]
mod tests;
