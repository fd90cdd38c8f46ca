//! The walk over a statement: token after token is read and shown, replaced or left out.
//!
//! Invariant: each token depends on those before it as they are *shown* and on a bounded number of bytes after it, so that a shape's shape
//! is itself. Not here: what stands in quotes (`quotes`), and brackets (`groups`).

mod groups;
mod quotes;

use super::Dialect;
use super::cursor::{Cursor, End, Nesting, begins_word, is_blank, is_word};
use super::words::Word;
use groups::{Group, Values};

/// Brackets within brackets that are followed.
const MAX_DEPTH: usize = 256;

/// What was shown last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Word(Word),
    /// An identifier in quotes.
    Name,
    /// `?` or a parameter.
    Value,
    /// `::`
    Cast,
    /// A dot after an identifier.
    Dot,
    /// A closing bracket.
    Closer,
    Other(u8),
}

/// Where in `INTO table (columns` a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Into {
    No,
    Table,
    Columns,
}

pub(super) struct Shaper<'t, 'o> {
    cursor: Cursor<'t>,
    dialect: Dialect,
    out: &'o mut String,
    /// Where the shape begins in `out`.
    start: usize,
    at: usize,
    blank: bool,
    last: Last,
    into: Into,
    /// The statement as a whole, then the brackets that are open.
    groups: Vec<Group>,
}

impl<'t, 'o> Shaper<'t, 'o> {
    pub(super) fn new(text: &'t str, dialect: Dialect, out: &'o mut String) -> Self {
        let start = out.len();
        Self {
            cursor: Cursor::new(text),
            dialect,
            out,
            start,
            at: 0,
            blank: false,
            last: Last::Nothing,
            into: Into::No,
            groups: vec![Group::new(start, 0)],
        }
    }

    /// Whether the whole statement could be judged.
    pub(super) fn run(mut self) -> bool {
        while self.at < self.cursor.len() {
            let before = self.at;
            self.token();
            debug_assert!(self.at > before, "a token was read");
            if self.groups.len() > MAX_DEPTH || self.at <= before {
                return false;
            }
        }
        true
    }

    fn token(&mut self) {
        let at = self.at;
        let (byte, next) = (self.cursor.byte(at), self.cursor.byte(at + 1));
        match byte {
            _ if is_blank(byte) => self.gap(self.cursor.skip(at, is_blank)),
            b'-' if next == b'-' && self.is_dash_comment(at) => {
                let sure = is_blank(self.cursor.byte(at + 2));
                let read_as_one = matches!(self.dialect, Dialect::Auto | Dialect::MySql);
                self.line_comment(at, read_as_one && !sure);
            }
            b'#' if self.is_hash_comment(next) => self.line_comment(at, self.dialect == Dialect::Auto),
            b'/' if next == b'*' => self.block_comment(at),
            b'/' if next == b'/' && matches!(self.dialect, Dialect::SurrealQl | Dialect::Auto) => {
                self.line_comment(at, self.dialect == Dialect::Auto);
            }
            b'/' if self.dialect == Dialect::SurrealQl && !self.follows_operand() => self.pattern(at),
            b'*' if next == b'/' && self.dialect == Dialect::MySql => self.gap(at + 2),
            b'\'' => self.string(at, self.escapes(false)),
            b'"' => self.double_quoted(at),
            b'`' => self.back_quoted(at),
            b'[' if self.dialect == Dialect::Sqlite && self.bracketed(at) => {}
            b'[' if self.dialect == Dialect::Auto && self.is_doubtful_bracket(at) => self.give_up(),
            b'(' | b'[' | b'{' => self.open(byte),
            b')' | b']' | b'}' => self.close(byte),
            b'?' => self.value(self.cursor.skip(at + 1, |b| b.is_ascii_digit())),
            b'$' => self.dollar(at),
            b'0'..=b'9' => self.value(self.cursor.end_of_number(at)),
            b'.' if next.is_ascii_digit() && (self.blank || !self.follows_operand()) => {
                self.value(self.cursor.end_of_number(at));
            }
            b'-' | b'+' if self.is_sign(next) => self.value(self.cursor.end_of_number(at + 1)),
            b':' if next == b':' => {
                self.show(at, at + 2);
                self.last = Last::Cast;
            }
            b':' if self.is_record_id(next) => self.record_id(at),
            b':' | b'@' if begins_word(next) || next == byte => self.parameter(at),
            _ if begins_word(byte) => self.word(at),
            _ => self.punctuation(byte),
        }
    }

    fn gap(&mut self, to: usize) {
        self.blank = true;
        self.at = to;
    }

    /// Shows a part of the statement as it is.
    fn show(&mut self, from: usize, to: usize) {
        let text = self.cursor.text.get(from..to).unwrap_or_default();
        self.write(text);
        self.at = to;
    }

    fn write(&mut self, text: &str) {
        if self.blank && self.out.len() > self.start {
            self.out.push(' ');
        }
        self.blank = false;
        self.out.push_str(text);
    }

    /// Shows `?` for what ends at `to`.
    fn value(&mut self, to: usize) {
        self.write("?");
        self.at = to;
        self.after(Last::Value, true);
    }

    /// What cannot be read safely: no more is shown than that there is more.
    fn give_up(&mut self) {
        self.value(self.cursor.len());
    }

    /// Enters what was shown; `plain` is what may stand in a list that is shown as one value.
    fn after(&mut self, last: Last, plain: bool) {
        if let Some(group) = self.groups.last_mut() {
            group.plain &= plain;
            group.values = Values::No;
        }
        self.into = match (self.into, last) {
            (Into::Table, Last::Word(_) | Last::Name) => Into::Columns,
            (Into::Columns, Last::Dot) => Into::Table,
            _ => Into::No,
        };
        self.last = last;
    }

    /// Whether what was shown last can be an operand, so that an operator follows.
    const fn follows_operand(&self) -> bool {
        matches!(
            self.last,
            Last::Word(_) | Last::Name | Last::Value | Last::Closer | Last::Dot
        )
    }

    fn is_sign(&self, next: u8) -> bool {
        let number =
            next.is_ascii_digit() || (next == b'.' && self.cursor.byte(self.at + 2).is_ascii_digit());
        number && !self.follows_operand()
    }
}

/// Comments.
impl Shaper<'_, '_> {
    /// MySQL wants a blank after the dashes, and one stands in the shape where a comment was.
    fn is_dash_comment(&self, at: usize) -> bool {
        let next = self.cursor.byte(at + 2);
        self.dialect != Dialect::MySql || is_blank(next) || matches!(next, b'-' | b'/' | b'*' | b'#')
    }

    /// PostgreSQL has `#`, `#>`, `#>>` and `#-` as operators.
    fn is_hash_comment(&self, next: u8) -> bool {
        match self.dialect {
            Dialect::MySql | Dialect::SurrealQl => true,
            Dialect::Auto => next != b'>',
            Dialect::PostgreSql | Dialect::Sqlite => false,
        }
    }

    fn line_comment(&mut self, at: usize, strict: bool) {
        match self.cursor.end_of_line(at, strict) {
            End::At(end) => self.gap(end),
            End::Unknown => self.give_up(),
        }
    }

    fn block_comment(&mut self, at: usize) {
        if self.dialect == Dialect::MySql && self.cursor.byte(at + 2) == b'!' {
            // MySQL runs what stands in it, so it is read as such.
            return self.gap(self.cursor.skip(at + 3, |b| b.is_ascii_digit()));
        }
        let nesting = match self.dialect {
            Dialect::PostgreSql => Nesting::Yes,
            Dialect::Auto => Nesting::Unknown,
            _ => Nesting::No,
        };
        match self.cursor.end_of_block(at, nesting) {
            End::At(end) => {
                let run = self.dialect == Dialect::Auto && self.cursor.byte(at + 2) == b'!';
                let quotes = || self.cursor.slice(at, end).iter().any(|b| b"'\"`".contains(b));
                if run && quotes() {
                    return self.give_up();
                }
                self.gap(end);
            }
            End::Unknown => self.give_up(),
        }
    }
}

/// What stands in no quotes.
impl Shaper<'_, '_> {
    fn word(&mut self, at: usize) {
        if self.cursor.is_uuid(at) {
            return self.value(at + 36);
        }
        let end = self.cursor.skip(at, is_word);
        let next = self.cursor.byte(end);
        // `E'…'`, `x'…'`, `N'…'`, `d"…"`: the letter belongs to the string.
        if end == at + 1 && (next == b'\'' || (next == b'"' && self.dialect == Dialect::SurrealQl)) {
            if self.dialect == Dialect::Auto && !self.is_prefix(end) {
                return self.give_up();
            }
            let escapes = self.escapes(self.cursor.byte(at) | 0x20 == b'e');
            return self.string(end, escapes);
        }
        if next == b'\'' && self.dialect == Dialect::Auto && !self.is_prefix(end) {
            // An apostrophe, so no SQL: what looks like the text between two strings may be one.
            return self.give_up();
        }
        let text = self.cursor.slice(at, end);
        let word = match self.last {
            // A part of a path, or a type, is no keyword.
            Last::Dot | Last::Cast => Word::Other,
            _ => Word::of(text),
        };
        if matches!(word, Word::True | Word::False)
            && !matches!(self.last, Last::Word(Word::Is | Word::Not))
            && next != b'.'
        {
            return self.value(end);
        }
        let before = self.last;
        self.show(at, end);
        // `FROM` of a function, as in `TRIM(FROM "…")`, and of `IS DISTINCT FROM` stand before values.
        let in_query = self.groups.last().is_some_and(|group| group.query);
        let shown = match word {
            Word::From if !in_query || before == Last::Word(Word::Distinct) => Word::Other,
            word => word,
        };
        self.after(Last::Word(shown), before == Last::Cast);
        if let Some(group) = self.groups.last_mut() {
            match word {
                Word::Select | Word::Delete => group.query = true,
                Word::Values => group.values = Values::Row(None),
                _ => {}
            }
        }
        if word == Word::Into {
            self.into = Into::Table;
        }
    }

    /// `:name`, `@name`, `@@name`.
    fn parameter(&mut self, at: usize) {
        let name = self.cursor.skip(at, |b| b == b'@' || b == b':');
        self.show(at, self.cursor.skip(name, is_word));
        self.after(Last::Value, true);
    }

    /// `table:id`, without a blank: only SurrealQL has it, where all after the colon is data.
    fn is_record_id(&self, next: u8) -> bool {
        matches!(self.dialect, Dialect::SurrealQl | Dialect::Auto)
            && !self.blank
            && matches!(self.last, Last::Word(_) | Last::Name)
            && (begins_word(next) || next == b'`')
    }

    fn record_id(&mut self, colon: usize) {
        self.show(colon, colon + 1);
        self.last = Last::Other(b':');
        let Some(mut end) = self.end_of_id(colon + 1) else {
            return self.give_up();
        };
        while self.cursor.starts_with(end, b"..") {
            let next = self.cursor.skip(end, |b| matches!(b, b'.' | b'='));
            match self.end_of_id(next) {
                Some(next) => end = next,
                None => return self.give_up(),
            }
        }
        // A call, as in `person:ulid()`.
        if self.cursor.starts_with(end, b"()") {
            end += 2;
        }
        self.value(end);
    }

    fn end_of_id(&self, at: usize) -> Option<usize> {
        const OPEN: &[u8] = "⟨".as_bytes();
        if self.cursor.starts_with(at, OPEN) {
            let rest = self.cursor.text.get(at..)?;
            return rest.find('⟩').map(|offset| at + offset + OPEN.len());
        }
        if self.cursor.byte(at) == b'`' {
            return self.end_of_quoted(at, self.escapes(false));
        }
        Some(self.cursor.skip(at, is_word))
    }

    fn punctuation(&mut self, byte: u8) {
        let at = self.at;
        let follows_name = matches!(self.last, Last::Word(_) | Last::Name) && !self.blank;
        let last = match byte {
            b'.' if follows_name => Last::Dot,
            _ => Last::Other(byte),
        };
        let values = match self.groups.last() {
            Some(Group {
                values: Values::Ended(row),
                ..
            }) if byte == b',' => Values::Row(Some(*row)),
            _ => Values::No,
        };
        self.show(at, at + 1);
        self.after(last, byte == b',');
        if let Some(group) = self.groups.last_mut() {
            group.values = values;
            group.n_commas += usize::from(byte == b',');
            // Another statement begins.
            group.query &= byte != b';';
        }
    }
}
