//! Warnings and infos gathered during an evaluation.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// Notes of each kind that are kept; more would say nothing new.
const MAX_NOTES: usize = 10;

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: RefCell<BTreeSet<String>>,
    infos: RefCell<BTreeSet<String>>,
}

impl Notes {
    pub(crate) fn warn(&self, message: String) {
        add(&self.warnings, message);
    }

    pub(crate) fn info(&self, message: String) {
        add(&self.infos, message);
    }

    /// Warnings and infos, each sorted.
    pub(crate) fn into_parts(self) -> (Vec<String>, Vec<String>) {
        let list = |set: RefCell<BTreeSet<String>>| set.into_inner().into_iter().collect();
        (list(self.warnings), list(self.infos))
    }
}

fn add(set: &RefCell<BTreeSet<String>>, message: String) {
    let mut set = set.borrow_mut();
    if set.len() < MAX_NOTES {
        set.insert(message);
    }
}
