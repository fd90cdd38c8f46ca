//! Finding and making series within the budgets.
//!
//! Invariant: what is refused is refused without a lock once a budget is used up, so hostile values cost little; two raw values that
//! are shown alike are one series.

use super::*;
use crate::OVERFLOW;
use crate::hash::KeyedHasher;
use crate::index::Key;
use crate::label;

/// Raw values that may point to one family's series, as a multiple of its limit: several raw values can be shown alike.
const ALIASES: usize = 4;

/// A series that is written to later, when it may have expired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    series: u32,
    key: Option<Key>,
}

impl Family {
    #[inline]
    fn key<L: LabelSet>(&self, input: &L::In<'_>) -> Key {
        let mut hasher = KeyedHasher::new(&self.shared.keys);
        L::hash(input, &mut hasher);
        Key::new(hasher.finish())
    }

    /// The series of these labels; makes it if there is none.
    #[inline]
    pub(crate) fn find<L: LabelSet>(&self, input: &L::In<'_>) -> Result<u32, Scope> {
        if self.n_dense.is_some() {
            let series = L::place(input);
            return match self.states.get(series).map(|state| state.load(Relaxed)) {
                Some(ADMITTED) => Ok(series as u32),
                _ => self.admit(series),
            };
        }
        let key = self.key::<L>(input);
        match self.index.get(key) {
            Some(series) => Ok(series),
            None => self.make::<L>(key, input),
        }
    }

    /// The series that a sample goes to: its own, or the overflow series, and then it is counted.
    #[inline]
    pub(crate) fn target<L: LabelSet>(&self, input: &L::In<'_>) -> u32 {
        match self.find::<L>(input) {
            Ok(series) => series,
            // What a dense family was denied is kept apart until it is collected: the fast path could not know.
            Err(_) if self.n_dense.is_some() && self.is_sharded() => L::place(input) as u32,
            Err(scope) => self.overflow(scope),
        }
    }

    /// Counts a sample that has no series of its own; gives the overflow series.
    pub(super) fn overflow(&self, scope: Scope) -> u32 {
        self.overflowed.fetch_add(1, Relaxed);
        *lock(&self.last_scope) = scope;
        self.overflow_series()
    }

    /// The series of these labels, or why there cannot be one.
    pub(crate) fn try_target<L: LabelSet>(&self, input: &L::In<'_>) -> Result<u32, CardinalityError> {
        self.find::<L>(input).map_err(|scope| self.error(scope))
    }

    /// As [`Self::target`], for a guard that writes again later.
    pub(crate) fn ticket<L: LabelSet>(&self, input: &L::In<'_>) -> Ticket {
        let series = self.target::<L>(input);
        let key = match self.n_dense {
            Some(_) => None,
            // A raw value that the index has no room for keeps to its series; so does the overflow series, which never expires.
            None => Some(self.key::<L>(input)).filter(|key| self.index.get(*key).is_some()),
        };
        Ticket { series, key }
    }

    /// The series of a ticket; nothing if it has expired.
    pub(crate) fn redeem(&self, ticket: Ticket) -> Option<u32> {
        match ticket.key {
            None => Some(ticket.series),
            Some(key) => self.index.get(key),
        }
    }

    #[cold]
    fn admit(&self, series: usize) -> Result<u32, Scope> {
        match self.states.get(series).map(|state| state.load(Relaxed)) {
            Some(DENIED) | None => Err(Scope::Registry),
            _ => self.admit_locked(&mut lock(&self.meta), series),
        }
    }

    /// Admits a series of a dense family, or denies it for good.
    pub(super) fn admit_locked(&self, meta: &mut Meta, series: usize) -> Result<u32, Scope> {
        let state = self.states.get(series).ok_or(Scope::Registry)?;
        match state.load(Relaxed) {
            ADMITTED => return Ok(series as u32),
            DENIED => return Err(Scope::Registry),
            _ => {}
        }
        // A metric without labels has its one series whatever others have taken: code declares it, and code is bounded.
        if !self.shared.reserve() && !self.declaration.labels.is_empty() {
            state.store(DENIED, Relaxed);
            *lock(&self.last_scope) = Scope::Registry;
            return Err(Scope::Registry);
        }
        let values = label::values_at(&self.declaration.labels, series);
        // Samples may have come before the admission, so the series began with the registry.
        let row = Row::new(&self.declaration.labels, values, self.shared.start_unix_ns);
        if let Some(place) = Arc::make_mut(&mut meta.rows).get_mut(series) {
            *place = Some(Arc::new(row));
        }
        self.n_series.fetch_add(1, Relaxed);
        state.store(ADMITTED, Relaxed);
        Ok(series as u32)
    }

    #[cold]
    fn make<L: LabelSet>(&self, key: Key, input: &L::In<'_>) -> Result<u32, Scope> {
        // The quick refusal: without it, every one of a million hostile values would be redacted and looked up under the lock.
        if self.n_series() >= self.limit {
            return Err(Scope::Metric);
        }
        if self.shared.is_full() {
            return Err(Scope::Registry);
        }
        if let Some(name) = self.label_that_is_full() {
            return Err(Scope::Label(name));
        }
        let labels = &self.declaration.labels;
        let mut values = Vec::with_capacity(labels.len());
        L::texts(input, &mut |text| {
            let shown = match labels.get(values.len()) {
                Some(label) if matches!(label.domain, Domain::Open { .. }) => {
                    self.shared.shown(label.name, text)
                }
                _ => text.to_owned(),
            };
            values.push(shown);
        });
        let now = self.shared.clock.now_unix_ns();
        self.make_row(key, Row::new(labels, values.iter().map(String::as_str), now))
    }

    /// The label of a metric whose only label is open, if it has all its values: then no new series can be made.
    fn label_that_is_full(&self) -> Option<&'static str> {
        match &*self.declaration.labels {
            [label] => match label.domain {
                Domain::Open { limit } if self.n_series() >= limit => Some(label.name),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn make_row(&self, key: Key, row: Row) -> Result<u32, Scope> {
        let mut meta = lock(&self.meta);
        if let Some(series) = self.index.get(key) {
            return Ok(series); // another thread was quicker
        }
        if let Some(series) = meta.by_text.get(row.text()).copied() {
            if self.index.len() < self.limit.saturating_mul(ALIASES) {
                self.index.insert(key, series);
            }
            return Ok(series);
        }
        self.reserve(&meta, &row)?;
        let series = meta.expiry.take_free().unwrap_or(meta.rows.len() as u32);
        if self.chunk(self.locate(series).0).is_none() || !self.index.insert(key, series) {
            meta.expiry.give_back(series);
            self.shared.release();
            return Err(Scope::Metric);
        }
        self.enter(&mut meta, series, row);
        Ok(series)
    }

    /// Takes a new series out of the budgets, if they have room for it.
    pub(super) fn reserve(&self, meta: &Meta, row: &Row) -> Result<(), Scope> {
        for (label, (seen, value)) in self
            .declaration
            .labels
            .iter()
            .zip(meta.values.iter().zip(row.values()))
        {
            if let Domain::Open { limit } = label.domain
                && seen.len() >= limit
                && !seen.contains_key(value)
            {
                return Err(Scope::Label(label.name));
            }
        }
        if self.n_series() >= self.limit {
            return Err(Scope::Metric);
        }
        match self.shared.reserve() {
            true => Ok(()),
            false => Err(Scope::Registry),
        }
    }

    /// Enters a series that has been reserved.
    pub(super) fn enter(&self, meta: &mut Meta, series: u32, row: Row) {
        self.n_series.fetch_add(1, Relaxed);
        for (label, (seen, value)) in self
            .declaration
            .labels
            .iter()
            .zip(meta.values.iter_mut().zip(row.values()))
        {
            if matches!(label.domain, Domain::Open { .. }) {
                *seen.entry(value.into()).or_insert(0) += 1;
            }
        }
        meta.by_text.insert(row.text().into(), series);
        let rows = Arc::make_mut(&mut meta.rows);
        if rows.len() <= series as usize {
            rows.resize(series as usize + 1, None);
        }
        if let Some(place) = rows.get_mut(series as usize) {
            *place = Some(Arc::new(row));
        }
    }

    /// The row of the overflow series.
    pub(super) fn overflow_row(&self) -> Arc<Row> {
        let labels = &self.declaration.labels;
        let start = self.shared.start_unix_ns;
        Arc::new(match self.declaration.dynamic {
            true => Row::of(vec![("overflow".into(), OVERFLOW.into())], start),
            false => Row::new(labels, labels.iter().map(|_| OVERFLOW), start),
        })
    }
}
