//! `json`: labels from a line that is a JSON object.

use std::borrow::Cow;

use super::Path;
use crate::logql::fields::sanitize_name;
use crate::logql::row::Row;

/// Error of a line that is not JSON.
pub(super) const JSON_ERROR: &str = "JSONParserErr";
/// Objects and lists that may be open at one time.
const MAX_NESTING: usize = 64;

/// The stage: every scalar of the object under its path, or only what the expressions name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Json {
    /// Label and path; all if there is none.
    pub picks: Vec<(String, Path)>,
}

impl Json {
    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        row.read_body(|row, body| {
            let result = match self.picks.is_empty() {
                true => flatten(body, row),
                false => self.pick(body, row),
            };
            if let Err(error) = result {
                row.fail(JSON_ERROR, error.message(body));
            }
        });
    }

    fn pick(&self, body: &str, row: &mut Row<'_, '_>) -> Result<(), JsonError> {
        Reader::new(body).skip_all()?;
        for (label, path) in &self.picks {
            if let Some(raw) = find(body, path.steps())? {
                row.extract(label, &shown(raw));
            }
        }
        Ok(())
    }
}

/// Adds every scalar of an object as a label; the names of nested ones are joined with `_`, lists are passed over.
fn flatten(body: &str, row: &mut Row<'_, '_>) -> Result<(), JsonError> {
    let mut reader = Reader::new(body);
    reader.blanks();
    if reader.peek() != Some(b'{') {
        return Err(reader.error("expected an object"));
    }
    let mut path = String::new();
    object(&mut reader, &mut path, row)?;
    reader.end()
}

fn object(reader: &mut Reader<'_>, path: &mut String, row: &mut Row<'_, '_>) -> Result<(), JsonError> {
    let outer = path.len();
    reader.members(|reader, key| {
        if outer > 0 {
            path.push('_');
            // A digit may stand within a name.
            path.extend(
                key.chars()
                    .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
            );
        } else {
            path.push_str(&sanitize_name(key.trim()));
        }
        match reader.peek() {
            Some(b'{') => object(reader, path, row)?,
            Some(b'[') => drop(reader.skip()?),
            _ => {
                let raw = reader.skip()?;
                if raw != "null" && row.needs(path) {
                    row.extract(path, &shown(raw));
                }
            }
        }
        path.truncate(outer);
        Ok(())
    })
}

/// The raw value at a path, if it is there. The text is known to be JSON.
pub(super) fn find<'a>(body: &'a str, steps: &[Step]) -> Result<Option<&'a str>, JsonError> {
    let mut reader = Reader::new(body);
    reader.blanks();
    let Some((step, rest)) = steps.split_first() else {
        let raw = reader.skip()?;
        return Ok((raw != "null").then_some(raw));
    };
    let mut found = None;
    match (step, reader.peek()) {
        (Step::Key(wanted), Some(b'{')) => reader.members(|reader, key| {
            let raw = reader.skip()?;
            if found.is_none() && key == *wanted {
                found = Some(raw);
            }
            Ok(())
        })?,
        (Step::Index(wanted), Some(b'[')) => {
            let mut i = 0;
            reader.items(|reader| {
                let raw = reader.skip()?;
                if i == *wanted {
                    found = Some(raw);
                }
                i += 1;
                Ok(())
            })?;
        }
        _ => {}
    }
    found.map_or(Ok(None), |raw| find(raw, rest))
}

/// One step of a path into JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A raw value as a label has it: a text without quotes, everything else as it stands.
pub(super) fn shown(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => unescaped(inner),
        None => Cow::Borrowed(raw),
    }
}

/// Undoes the escapes of a JSON text; a lone surrogate becomes the replacement character.
fn unescaped(inner: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return Cow::Borrowed(inner);
    };
    let mut out = String::with_capacity(inner.len());
    out.push_str(&inner[..first]);
    let mut rest = &inner[first..];
    while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..slash]);
        let escape = rest.as_bytes().get(slash + 1).copied().unwrap_or(b'\\');
        rest = rest.get(slash + 2..).unwrap_or("");
        out.push(match escape {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'u' => {
                let unit = |rest: &mut &str| {
                    let code = rest.get(..4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
                    *rest = rest.get(4..).unwrap_or("");
                    code
                };
                let high = unit(&mut rest);
                let low = match high {
                    Some(0xd800..0xdc00) if rest.starts_with("\\u") => {
                        rest = &rest[2..];
                        unit(&mut rest)
                    }
                    _ => None,
                };
                let mut decoded = char::decode_utf16(high.into_iter().chain(low));
                decoded
                    .next()
                    .and_then(Result::ok)
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(other),
        });
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct JsonError {
    what: &'static str,
    at: usize,
}

impl JsonError {
    pub(super) fn message(&self, body: &str) -> String {
        let column = body
            .get(..self.at)
            .map_or(self.at, |before| before.chars().count())
            + 1;
        format!("{} at character {column}", self.what)
    }
}

/// Reads JSON from left to right.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    nesting: usize,
}

type JsonResult<T> = Result<T, JsonError>;

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            nesting: 0,
        }
    }

    fn error(&self, what: &'static str) -> JsonError {
        JsonError { what, at: self.at }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Nothing but blanks may follow.
    pub(super) fn end(&mut self) -> JsonResult<()> {
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("unexpected text after the value")),
        }
    }

    /// Passes over the one value that the text is.
    pub(super) fn skip_all(&mut self) -> JsonResult<()> {
        self.blanks();
        self.skip()?;
        self.end()
    }

    /// Passes over a value and gives its text.
    pub(super) fn skip(&mut self) -> JsonResult<&'a str> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => drop(self.quoted()?),
            Some(b'{') => self.members(|reader, _| reader.skip().map(drop))?,
            Some(b'[') => self.items(|reader| reader.skip().map(drop))?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            Some(_) => return Err(self.error("expected a value")),
            None => return Err(self.error("unexpected end")),
        }
        Ok(&self.text[start..self.at])
    }

    fn literal(&mut self, word: &'static str) -> JsonResult<()> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> JsonResult<()> {
        let end = crate::scan::run(self.text, self.at, |b| {
            b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E')
        });
        if self.text[self.at..end].parse::<f64>().is_err() {
            return Err(self.error("invalid number"));
        }
        self.at = end;
        Ok(())
    }

    /// The inside of a quoted text, escapes and all.
    fn quoted(&mut self) -> JsonResult<&'a str> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let Some(found) = memchr::memchr2(b'"', b'\\', self.text.as_bytes().get(at..).unwrap_or(&[]))
            else {
                return Err(self.error("text is not closed"));
            };
            at += found;
            if self.text.as_bytes()[at] == b'"' {
                self.at = at + 1;
                return Ok(&self.text[start..at]);
            }
            at += 2;
        }
    }

    fn enter(&mut self) -> JsonResult<()> {
        self.nesting += 1;
        self.at += 1;
        self.blanks();
        match self.nesting > MAX_NESTING {
            true => Err(self.error("nested too deeply")),
            false => Ok(()),
        }
    }

    /// Reads an object; `each` is called with the reader at each value and has to pass over it.
    pub(super) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> JsonResult<()>,
    ) -> JsonResult<()> {
        self.enter()?;
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.error("expected a key in quotes"));
                }
                let key = unescaped(self.quoted()?);
                self.blanks();
                if self.peek() != Some(b':') {
                    return Err(self.error("expected \":\""));
                }
                self.at += 1;
                self.blanks();
                each(self, &key)?;
                if !self.another(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Reads a list; `each` is called with the reader at each value and has to pass over it.
    fn items(&mut self, mut each: impl FnMut(&mut Self) -> JsonResult<()>) -> JsonResult<()> {
        self.enter()?;
        if self.peek() != Some(b']') {
            loop {
                each(self)?;
                if !self.another(b']')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    fn leave(&mut self) {
        self.at += 1;
        self.nesting -= 1;
    }

    /// Whether a comma and so another item follows; otherwise the reader stands at the closing bracket.
    fn another(&mut self, close: u8) -> JsonResult<bool> {
        self.blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            Some(byte) if byte == close => Ok(false),
            Some(_) => Err(self.error("expected \",\" or a closing bracket")),
            None => Err(self.error("unexpected end")),
        }
    }
}
