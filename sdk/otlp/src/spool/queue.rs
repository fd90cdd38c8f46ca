//! The batches of one signal, in their order: an index in memory over the files.
//!
//! Invariant: the files take no more room than the limit, counted in blocks as a file system does; the oldest go out first, and are
//! given up first. Ages are taken from the wall clock only across processes, so a clock that is set does not empty a spool.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use watchroom_core::{Clock, Moment};

use super::file::{self, Label};
use super::home::Home;

/// What a spool may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_bytes: u64,
    pub(crate) max_age: Duration,
    /// Whether a batch counts as kept only once the disk has it.
    pub(crate) sync: bool,
}

/// The spool of one signal.
#[derive(Debug)]
pub(crate) struct Spool {
    home: Home,
    limits: Limits,
    clock: Clock,
    entries: VecDeque<Entry>,
    n_bytes: u64,
    adopted: Option<Moment>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    label: Label,
    n_bytes: u64,
    expires: Moment,
}

/// Where a batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// Behind all others: it is the youngest.
    Last,
    /// In front of all others: it is the oldest.
    First,
}

/// Why the first batch cannot be read; it is no longer in the spool.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Damaged(&'static str),
    Io(io::Error),
}

/// Unit in which a file takes room.
const BLOCK: u64 = 4_096;

/// The number of the first batch; there is room on both sides of it.
const MIDDLE: u64 = 1 << 63;

/// Time between two looks for files of dead processes.
const ADOPT_EVERY: Duration = Duration::from_secs(60);

fn room(n_bytes: u64) -> u64 {
    n_bytes.div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

impl Spool {
    pub(crate) fn new(home: Home, limits: Limits, clock: Clock) -> Self {
        Self {
            home,
            limits,
            clock,
            entries: VecDeque::new(),
            n_bytes: 0,
            adopted: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of the first batch, by which it is known again, and the units in it.
    pub(crate) fn first(&self) -> Option<(u64, u64)> {
        self.entries
            .front()
            .map(|entry| (entry.label.number, entry.label.n_units))
    }

    /// Puts a batch in. The first of what comes back are the units that were given up for it, which may be its own; if it could not
    /// be written, its own are not among them.
    pub(crate) fn push(&mut self, place: Push, n_units: u64, body: &[u8]) -> (u64, io::Result<()>) {
        let needed = room((file::HEAD_BYTES + body.len()) as u64);
        let max = self.limits.max_bytes;
        if needed > max || (place == Push::First && needed > max.saturating_sub(self.n_bytes)) {
            return (n_units, Ok(()));
        }
        let mut n_given_up = 0;
        while needed > max.saturating_sub(self.n_bytes) {
            n_given_up += self.remove_first().0;
        }
        let number = match place {
            Push::Last => self.entries.back().map_or(MIDDLE, |last| last.label.number + 1),
            Push::First => self
                .entries
                .front()
                .map_or(MIDDLE, |first| first.label.number - 1),
        };
        let now = self.clock.now();
        let label = Label {
            number,
            n_units,
            born_ms: self.clock.unix_ns(now) / 1_000_000,
        };
        if let Err(why) = self.home.write(label, body, self.limits.sync) {
            return (n_given_up, Err(why));
        }
        let entry = Entry {
            label,
            n_bytes: (file::HEAD_BYTES + body.len()) as u64,
            expires: now.after(self.limits.max_age),
        };
        self.n_bytes += needed;
        match place {
            Push::Last => self.entries.push_back(entry),
            Push::First => self.entries.push_front(entry),
        }
        (n_given_up, Ok(()))
    }

    /// Reads the first batch. One that cannot be read is set aside.
    pub(crate) fn read_first(&mut self) -> Option<Result<Vec<u8>, Unreadable>> {
        let entry = *self.entries.front()?;
        let unreadable = match self.home.read(entry.label, entry.n_bytes) {
            Ok(content) => match file::body(content, entry.label.n_units) {
                Ok(body) => return Some(Ok(body)),
                Err(why) => Unreadable::Damaged(why),
            },
            Err(why) => Unreadable::Io(why),
        };
        self.forget_first();
        // If it cannot be moved it is left where it is; it is out of the index.
        let _ = self.home.set_aside(entry.label);
        Some(Err(unreadable))
    }

    /// Removes the first batch; returns its units. If its file cannot be removed it is out of the index nevertheless.
    pub(crate) fn remove_first(&mut self) -> (u64, io::Result<()>) {
        match self.forget_first() {
            Some(entry) => (entry.label.n_units, self.home.remove(entry.label)),
            None => (0, Ok(())),
        }
    }

    fn forget_first(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.n_bytes -= room(entry.n_bytes);
        Some(entry)
    }

    /// Removes what has waited too long; returns the units in it.
    pub(crate) fn expire(&mut self) -> u64 {
        let now = self.clock.now();
        let mut n_units = 0;
        while self.entries.front().is_some_and(|first| first.expires <= now) {
            n_units += self.remove_first().0;
        }
        n_units
    }

    /// Whether it is time to look for files of dead processes.
    pub(crate) fn is_adoption_due(&self) -> bool {
        self.adopted
            .is_none_or(|then| self.clock.now().since(then) >= ADOPT_EVERY)
    }

    /// Takes over the files of processes of this service that have ended; they go out first. Returns the units that came in.
    pub(crate) fn adopt(&mut self) -> (u64, io::Result<()>) {
        let now = self.clock.now();
        self.adopted = Some(now);
        let now_ms = self.clock.unix_ns(now) / 1_000_000;
        let before = self.entries.front().map_or(MIDDLE, |first| first.label.number);
        let (adopted, result) = self.home.adopt(before);
        let mut n_units = 0;
        for (label, n_bytes) in adopted.into_iter().rev() {
            let age = Duration::from_millis(now_ms.saturating_sub(label.born_ms));
            n_units += label.n_units;
            self.n_bytes += room(n_bytes);
            self.entries.push_front(Entry {
                label,
                n_bytes,
                expires: now.after(self.limits.max_age.saturating_sub(age)),
            });
        }
        (n_units, result)
    }

    /// Gives up the oldest until the rest is within the limit; returns their units.
    pub(crate) fn shrink(&mut self) -> u64 {
        let mut n_units = 0;
        while self.n_bytes > self.limits.max_bytes && !self.is_empty() {
            n_units += self.remove_first().0;
        }
        n_units
    }
}
