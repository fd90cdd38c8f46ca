//! Fields of a span or an event: keys, values and their text in two buffers that are used again and again.
//!
//! Invariant: text that can be read here has been through the redactor. What has not been through it yet waits inside: whoever reads it
//! sees [`Redactor::REDACTED`] until `reveal` has put the redacted text in its place. Not here: the visitor that fills it.

use std::fmt;

use watchroom_core::{Count, Ledger, Value};
use watchroom_redact::Redactor;

/// A run of the text buffer.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: u32,
    len: u32,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Static(&'static str),
    Text(Run),
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(Run),
    /// In the other buffer, and not redacted yet.
    Raw(Run),
}

/// Text that nobody may see. It is not shown by `Debug` either.
#[derive(Default)]
struct Raw(String);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Fields in the order in which they were recorded. Cleared, it keeps its memory.
#[derive(Debug, Default)]
pub struct Fields {
    entries: Vec<(Key, Slot)>,
    text: String,
    raw: Raw,
    /// Bytes of `text` that replaced values have left behind.
    unused: usize,
}

/// Fields for which cleared sets keep memory.
const ENTRIES_KEPT: usize = 128;
/// So much left-behind text is borne before the buffer is tidied.
const UNUSED_MAX: usize = 1024;

impl Fields {
    /// No fields, no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            text: String::new(),
            raw: Raw(String::new()),
            unused: 0,
        }
    }

    /// Number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of memory held, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<(Key, Slot)>() + self.text.capacity() + self.raw.0.capacity()
    }

    /// Bytes of text held.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Forgets the fields, keeps the memory unless it has grown beyond `max_bytes` of text or far beyond the usual number of fields.
    pub fn clear(&mut self, max_bytes: usize) {
        self.entries.clear();
        if self.entries.capacity() > ENTRIES_KEPT {
            self.entries = Vec::new();
        }
        self.text.clear();
        self.unused = 0;
        if self.text.capacity() > max_bytes {
            self.text = String::new();
        }
        if !self.raw.0.is_empty() {
            self.forget_raw(max_bytes);
        }
    }

    fn forget_raw(&mut self, max_bytes: usize) {
        self.raw.0.clear();
        if self.raw.0.capacity() > max_bytes {
            self.raw = Raw::default();
        }
    }

    /// Adds a text field that is redacted when it is first to be seen.
    pub(crate) fn push_raw(&mut self, key: &'static str, text: &str) {
        let slot = self.store_raw(text);
        self.entries.push((Key::Static(key), slot));
    }

    fn store_raw(&mut self, text: &str) -> Slot {
        if text.is_empty() {
            return Slot::Text(Run::default());
        }
        let start = self.raw.0.len();
        self.raw.0.push_str(text);
        Slot::Raw(Run {
            start: clamp(start),
            len: clamp(text.len()),
        })
    }

    /// Bytes of text that have not been redacted yet.
    pub(crate) fn raw_len(&self) -> usize {
        self.raw.0.len()
    }

    fn raw_run(&self, run: Run) -> &str {
        let start = run.start as usize;
        self.raw
            .0
            .get(start..start.saturating_add(run.len as usize))
            .unwrap_or_default()
    }

    /// Redacts what has not been redacted yet.
    pub(crate) fn reveal(&mut self, redactor: &Redactor, max_len: usize, ledger: &Ledger) {
        if !self.raw.0.is_empty() {
            self.reveal_raw(redactor, max_len, ledger);
        }
    }

    #[inline(never)]
    fn reveal_raw(&mut self, redactor: &Redactor, max_len: usize, ledger: &Ledger) {
        let raw = std::mem::take(&mut self.raw);
        for idx in 0..self.entries.len() {
            let (Key::Static(key), Slot::Raw(run)) = self.entries[idx] else {
                continue;
            };
            let start = run.start as usize;
            let text = raw.0.get(start..start.saturating_add(run.len as usize));
            let (run, cut) = self.write_text(max_len, |out| {
                redactor.named_into(key, text.unwrap_or_default(), out);
            });
            self.entries[idx].1 = Slot::Text(run);
            if cut {
                ledger.count(Count::ValuesCut, 1);
            }
        }
        // The memory is used again, its content is not.
        self.raw = raw;
        self.forget_raw(self.text.capacity());
    }

    /// Whether the field of a key has this value; none if there is no such field. What has not been redacted yet is compared as it is.
    pub(crate) fn is(&self, key: &str, value: Value<'_>) -> Option<bool> {
        let slot = &self.entries[self.position(key)?].1;
        Some(match *slot {
            Slot::Raw(run) => value == Value::Str(self.raw_run(run)),
            _ => self.value(slot) == value,
        })
    }

    /// Adds a field whose key lives as long as the program, as those of callsites do.
    pub fn push(&mut self, key: &'static str, value: Value<'_>) {
        let slot = self.slot(value);
        self.entries.push((Key::Static(key), slot));
    }

    /// Adds a field whose key is made at run time.
    pub fn push_named(&mut self, key: &str, value: Value<'_>) {
        let key = Key::Text(self.store(key));
        let slot = self.slot(value);
        self.entries.push((key, slot));
    }

    /// Sets a field: replaces the value of the key if it is there, else adds it.
    pub fn set(&mut self, key: &'static str, value: Value<'_>) {
        match self.position(key) {
            Some(idx) => self.replace(idx, value),
            None => self.push(key, value),
        }
    }

    /// As [`set`](Self::set), for a key that is made at run time.
    pub fn set_named(&mut self, key: &str, value: Value<'_>) {
        match self.position(key) {
            Some(idx) => self.replace(idx, value),
            None => self.push_named(key, value),
        }
    }

    /// Sets each field of another set. Those that are new go in only while there are less than `max`; returns how many did not.
    pub fn merge(&mut self, other: &Self, max: usize) -> u32 {
        let mut n_cut = 0;
        for (key, slot) in &other.entries {
            if let (Slot::Raw(run), Key::Static(key)) = (slot, key) {
                n_cut += u32::from(!self.set_raw(key, other.raw_run(*run), max));
                continue;
            }
            let value = other.value(slot);
            match (self.position(other.key(key)), key) {
                (Some(idx), _) => self.replace(idx, value),
                (None, _) if self.entries.len() >= max => n_cut += 1,
                (None, Key::Static(key)) => self.push(key, value),
                (None, Key::Text(run)) => self.push_named(other.run(*run), value),
            }
        }
        n_cut
    }

    /// Sets a field as [`push_raw`](Self::push_raw) adds it; a new one goes in only while there are less than `max`. Whether it did.
    fn set_raw(&mut self, key: &'static str, text: &str, max: usize) -> bool {
        match self.position(key) {
            Some(idx) => {
                // It is the value that is to be redacted by its key, whatever made the key.
                let slot = self.store_raw(text);
                self.leave(idx);
                self.entries[idx] = (Key::Static(key), slot);
            }
            None if self.entries.len() >= max => return false,
            None => self.push_raw(key, text),
        }
        true
    }

    /// Adds a text field that is written in place, and cuts it at the last character that ends within `max_len` bytes. Whether it was
    /// cut.
    pub fn push_text(&mut self, key: &'static str, max_len: usize, write: impl FnOnce(&mut String)) -> bool {
        let (run, cut) = self.write_text(max_len, write);
        self.entries.push((Key::Static(key), Slot::Text(run)));
        cut
    }

    fn write_text(&mut self, max_len: usize, write: impl FnOnce(&mut String)) -> (Run, bool) {
        let start = self.text.len();
        write(&mut self.text);
        let len = self.text.len().saturating_sub(start);
        let cut = len > max_len;
        if cut {
            let mut end = start.saturating_add(max_len);
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.text.truncate(end);
        }
        let run = Run {
            start: clamp(start),
            len: clamp(self.text.len().saturating_sub(start)),
        };
        (run, cut)
    }

    /// The text of an entry is wanted no more.
    fn leave(&mut self, idx: usize) {
        if let Slot::Text(run) = self.entries[idx].1 {
            self.unused += run.len as usize;
        }
    }

    fn replace(&mut self, idx: usize, value: Value<'_>) {
        self.leave(idx);
        self.entries[idx].1 = self.slot(value);
        if self.unused > UNUSED_MAX && self.unused > self.text.len() / 2 {
            let mut tidy = Self::new();
            tidy.extend_from(self);
            *self = tidy;
        }
    }

    /// Adds a text field that is written in place. `write` may fail; what it wrote till then stays.
    pub fn push_with(&mut self, key: &'static str, write: impl FnOnce(&mut String) -> fmt::Result) {
        let start = self.text.len();
        // A failing `Display` of a user's type is not ours to report; its text up to there is kept.
        let _ = write(&mut self.text);
        let run = Run {
            start: clamp(start),
            len: clamp(self.text.len().saturating_sub(start)),
        };
        self.entries.push((Key::Static(key), Slot::Text(run)));
    }

    /// Value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.position(key)
            .and_then(|idx| self.at(idx))
            .map(|(_, value)| value)
    }

    /// Key and value at a position.
    #[must_use]
    pub fn at(&self, idx: usize) -> Option<(&str, Value<'_>)> {
        self.entries
            .get(idx)
            .map(|(key, slot)| (self.key(key), self.value(slot)))
    }

    /// Position of a key.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(k, _)| self.key(k) == key)
    }

    /// Whether one of several keys is there: one walk, and most keys are told apart by their length.
    #[must_use]
    pub fn has_any(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|(key, _)| {
            let key = self.key(key);
            keys.iter()
                .any(|wanted| key.len() == wanted.len() && key == *wanted)
        })
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Value<'_>)> {
        self.entries
            .iter()
            .map(|(key, slot)| (self.key(key), self.value(slot)))
    }

    /// Keys and values of a range of positions, in order. Positions out of bounds are passed over.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.entries
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(|(key, slot)| (self.key(key), self.value(slot)))
    }

    /// Adds all fields of another set.
    pub fn extend_from(&mut self, other: &Self) {
        for (key, slot) in &other.entries {
            let slot = match slot {
                Slot::Raw(run) => self.store_raw(other.raw_run(*run)),
                _ => self.slot(other.value(slot)),
            };
            let key = match key {
                Key::Static(key) => Key::Static(key),
                Key::Text(run) => Key::Text(self.store(other.run(*run))),
            };
            self.entries.push((key, slot));
        }
    }

    fn slot(&mut self, value: Value<'_>) -> Slot {
        match value {
            Value::Bool(value) => Slot::Bool(value),
            Value::I64(value) => Slot::I64(value),
            Value::U64(value) => Slot::U64(value),
            Value::F64(value) => Slot::F64(value),
            Value::Str(text) => Slot::Text(self.store(text)),
        }
    }

    fn store(&mut self, text: &str) -> Run {
        let start = self.text.len();
        self.text.push_str(text);
        Run {
            start: clamp(start),
            len: clamp(text.len()),
        }
    }

    fn key<'a>(&'a self, key: &'a Key) -> &'a str {
        match key {
            Key::Static(key) => key,
            Key::Text(run) => self.run(*run),
        }
    }

    fn value(&self, slot: &Slot) -> Value<'_> {
        match *slot {
            Slot::Bool(value) => Value::Bool(value),
            Slot::I64(value) => Value::I64(value),
            Slot::U64(value) => Value::U64(value),
            Slot::F64(value) => Value::F64(value),
            Slot::Text(run) => Value::Str(self.run(run)),
            Slot::Raw(_) => Value::Str(Redactor::REDACTED),
        }
    }

    fn run(&self, run: Run) -> &str {
        let start = run.start as usize;
        self.text
            .get(start..start.saturating_add(run.len as usize))
            .unwrap_or_default()
    }
}

/// Value limits keep the text far below 4 GiB; past that a run is empty rather than wrong.
fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn keeps_order_and_types_and_replaces_by_key() {
        let mut fields = Fields::new();
        fields.push("a", Value::I64(1));
        fields.push_named(&format!("b{}", 2), Value::Str("text"));
        fields.push_with("c", |out| write!(out, "{:?}", Some(3)));
        fields.set("a", Value::Str("new"));
        let seen: Vec<_> = fields.iter().collect();
        assert_eq!(
            seen,
            [
                ("a", Value::Str("new")),
                ("b2", Value::Str("text")),
                ("c", Value::Str("Some(3)"))
            ]
        );
        assert!(fields.has_any(&["x", "c"]) && !fields.has_any(&["x", "b", "cc"]));
        let mut copy = Fields::new();
        copy.extend_from(&fields);
        assert_eq!(copy.iter().collect::<Vec<_>>(), seen);
        assert_eq!(
            fields.range(1..2).collect::<Vec<_>>(),
            [("b2", Value::Str("text"))]
        );
        assert_eq!(fields.range(2..9).count(), 0);
    }

    #[test]
    fn a_value_that_is_replaced_forever_does_not_grow_the_buffer() {
        let mut fields = Fields::new();
        fields.push("kept", Value::Str("kept"));
        fields.push_named("named", Value::Bool(true));
        for i in 0..100_000 {
            fields.set("progress", Value::Str(&format!("step {i}")));
        }
        assert!(fields.text_len() < 4 * UNUSED_MAX, "{}", fields.text_len());
        assert_eq!(
            fields.iter().collect::<Vec<_>>(),
            [
                ("kept", Value::Str("kept")),
                ("named", Value::Bool(true)),
                ("progress", Value::Str("step 99999"))
            ]
        );
    }

    #[test]
    fn merging_replaces_what_is_there_and_adds_up_to_a_limit() {
        let mut fields = Fields::new();
        fields.push("a", Value::I64(1));
        let mut later = Fields::new();
        later.push("a", Value::I64(2));
        later.push_named("b", Value::Str("x"));
        later.push("c", Value::Str("y"));
        assert_eq!(fields.merge(&later, 2), 1);
        assert_eq!(
            fields.iter().collect::<Vec<_>>(),
            [("a", Value::I64(2)), ("b", Value::Str("x"))]
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut fields = Fields::new();
        assert!(fields.push_text("a", 4, |out| out.push_str("aéé")));
        assert!(!fields.push_text("b", 5, |out| out.push_str("aéé")));
        assert_eq!(fields.get("a"), Some(Value::Str("aé")));
        assert_eq!(fields.get("b"), Some(Value::Str("aéé")));
    }

    #[test]
    fn what_waits_to_be_redacted_is_not_to_be_read() {
        let (redactor, ledger) = (Redactor::default(), Ledger::default());
        let secret = "card 4111 1111 1111 1111";
        let mut fields = Fields::new();
        fields.push("n", Value::I64(1));
        fields.push_raw("a", secret);
        fields.push_raw("empty", "");
        fields.push_raw("b", "clean");
        let mut copy = Fields::new();
        copy.push("b", Value::Str("old"));
        assert_eq!(copy.merge(&fields, 3), 1, "one has no room");
        copy.extend_from(&fields);
        for fields in [&fields, &copy] {
            assert_eq!(fields.get("a"), Some(Value::Str(Redactor::REDACTED)));
            assert_eq!(fields.get("empty"), Some(Value::Str("")));
            assert!(!format!("{fields:?}").contains("4111"), "{fields:?}");
        }
        assert_eq!(fields.is("a", Value::Str(secret)), Some(true));
        assert_eq!(
            (fields.is("b", Value::Str("x")), fields.is("c", Value::Bool(true))),
            (Some(false), None)
        );
        for fields in [&mut fields, &mut copy] {
            fields.reveal(&redactor, 12, &ledger);
            let shown: Vec<_> = fields.iter().collect();
            assert!(shown.contains(&("b", Value::Str("clean"))), "{shown:?}");
            assert!(!format!("{fields:?} {shown:?}").contains("4111"), "{shown:?}");
            assert_eq!(fields.raw_len(), 0);
            assert_ne!(
                fields.get("a"),
                Some(Value::Str(Redactor::REDACTED)),
                "as redaction has it, cut"
            );
        }
        assert!(ledger.get(Count::ValuesCut) > 0);
    }

    #[test]
    fn cleared_it_keeps_a_modest_buffer_and_gives_back_a_huge_one() {
        let mut fields = Fields::new();
        fields.push("a", Value::Str(&"x".repeat(100)));
        fields.clear(1_000);
        assert!(fields.is_empty() && fields.text.capacity() >= 100);
        fields.push("a", Value::Str(&"x".repeat(5_000)));
        fields.clear(1_000);
        assert_eq!(fields.text.capacity(), 0);
    }
}
