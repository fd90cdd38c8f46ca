//! Brackets: lists that are shown as one value, and the rows of `VALUES`.
//!
//! Invariant: what has been shown is taken back only up to the bracket that closes. Not here: what stands in brackets.

use super::super::words::Word;
use super::{Into, Last, Shaper};

/// An open bracket.
#[derive(Debug)]
pub(super) struct Group {
    /// Where it stands in the shape.
    pub(super) start: usize,
    pub(super) closer: u8,
    /// Values, commas and such groups only.
    pub(super) plain: bool,
    pub(super) n_commas: usize,
    /// It is `IN`'s list, or an array.
    pub(super) list: bool,
    /// It is a row of `VALUES`.
    pub(super) row: bool,
    /// It is the column list of an `INSERT`.
    pub(super) columns: bool,
    /// A `SELECT` or `DELETE` has begun in it.
    pub(super) query: bool,
    pub(super) values: Values,
}

impl Group {
    pub(super) const fn new(start: usize, closer: u8) -> Self {
        Self {
            start,
            closer,
            plain: true,
            n_commas: 0,
            list: false,
            row: false,
            columns: false,
            query: false,
            values: Values::No,
        }
    }
}

/// Where in the rows of `VALUES` a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    No,
    /// A row may begin; the row before it, if there is one.
    Row(Option<Row>),
    /// A row has ended: a comma may follow.
    Ended(Row),
}

/// A row that has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Commas in it, if there are but values besides.
    pub(super) plain: Option<usize>,
}

impl Shaper<'_, '_> {
    pub(super) fn open(&mut self, byte: u8) {
        let at = self.at;
        let closer = match byte {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        let columns = byte == b'(' && self.into == Into::Columns;
        let list = byte == b'[' || (byte == b'(' && self.last == Last::Word(Word::In));
        let row = byte != b'['
            && matches!(self.groups.last(), Some(group) if matches!(group.values, Values::Row(_)));
        self.write(if byte == b'(' {
            "("
        } else if byte == b'[' {
            "["
        } else {
            "{"
        });
        self.at = at + 1;
        self.last = Last::Other(byte);
        self.into = Into::No;
        self.groups.push(Group {
            list,
            row,
            columns,
            plain: byte != b'{',
            // An array of objects is shown as the rows of `VALUES` are.
            values: if byte == b'[' {
                Values::Row(None)
            } else {
                Values::No
            },
            ..Group::new(self.out.len() - 1, closer)
        });
    }

    pub(super) fn close(&mut self, byte: u8) {
        let at = self.at;
        if self.groups.len() < 2 || self.groups.last().is_none_or(|group| group.closer != byte) {
            // A bracket without its other half.
            self.show(at, at + 1);
            return self.after(Last::Closer, false);
        }
        let was_open = matches!(self.last, Last::Other(b'(' | b'[' | b'{'));
        self.show(at, at + 1);
        let Some(group) = self.groups.pop() else {
            return;
        };
        if group.list && group.plain && !was_open {
            self.out.truncate(group.start + 1);
            self.out.push('?');
            self.out.push(char::from(byte));
        }
        let values = self.groups.last().map_or(Values::No, |outer| outer.values);
        self.after(Last::Closer, group.plain && !was_open);
        if let (true, Values::Row(before)) = (group.row, values) {
            let row = Row {
                start: group.start,
                end: self.out.len(),
                plain: group.plain.then_some(group.n_commas),
            };
            let kept = match before {
                Some(before) if self.is_same(before, row) => {
                    self.out.truncate(before.end);
                    before
                }
                _ => row,
            };
            if let Some(outer) = self.groups.last_mut() {
                outer.values = Values::Ended(kept);
            }
        }
    }

    fn is_same(&self, one: Row, other: Row) -> bool {
        let text = |row: Row| self.out.get(row.start..row.end);
        match (one.plain, other.plain) {
            (Some(one), Some(other)) => one == other,
            _ => text(one) == text(other),
        }
    }
}
