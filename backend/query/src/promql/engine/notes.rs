//! Warnings and infos gathered during an evaluation.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::ParseError;

/// Notes of each kind that are kept; more would say nothing new.
const MAX_NOTES: usize = 10;

/// A note and the byte of the query that it is about.
type Note = (String, usize);

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: RefCell<BTreeSet<Note>>,
    infos: RefCell<BTreeSet<Note>>,
}

impl Notes {
    pub(crate) fn warn(&self, at: usize, message: String) {
        add(&self.warnings, message, at);
    }

    pub(crate) fn info(&self, at: usize, message: String) {
        add(&self.infos, message, at);
    }

    /// Warnings and infos about the query `text`, as Prometheus words them: `PromQL info: … (1:5)`.
    pub(crate) fn into_parts(self, text: &str) -> (Vec<String>, Vec<String>) {
        let list = |set: RefCell<BTreeSet<Note>>, kind: &str| {
            let notes = set.into_inner().into_iter();
            notes
                .map(|(message, at)| {
                    let (line, column) = ParseError::at(text, at, "").line_and_column();
                    format!("PromQL {kind}: {message} ({line}:{column})")
                })
                .collect()
        };
        (list(self.warnings, "warning"), list(self.infos, "info"))
    }
}

fn add(set: &RefCell<BTreeSet<Note>>, message: String, at: usize) {
    let mut set = set.borrow_mut();
    if set.len() < MAX_NOTES {
        set.insert((message, at));
    }
}
