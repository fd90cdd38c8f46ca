//! The open spans, found by the id that the registry gave them.
//!
//! The registry's extensions would box what is put into them, an allocation for each span, and lock on each look. This table has a
//! slot for each of the registry's own: ids are a thread's number and a dense address, and what is found is checked against the
//! whole id, so that an id of another make is merely slower.
//!
//! Invariant: a span is found without a lock; what is lent out of a slot stays as it is, since a writer who finds it lent copies it.
//! Not here: what is written.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed,
    Ordering::Release,
};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::record::SpanEvents;
use crate::{Fields, Link, SpanRecord, Status, pool};

/// Position of the thread's number in the registry's ids, which is also the number of bits of the address.
///
/// Source: `sharded_slab`, default configuration on 64 bits; elsewhere every span goes to the overflow.
const ADDRESS_BITS: u32 = 38;
const N_SHARDS: usize = 128;
/// Slots of the first page of a shard; each further page has twice as many.
const FIRST_PAGE: usize = 32;
/// Pages of a shard: 131 040 spans open at once that one thread has made. What is beyond overflows.
const N_PAGES: usize = 12;

/// The span has been entered, or somebody has been told its ids.
pub(crate) const STARTED: u32 = 1;
/// Its trace is sampled, or may yet be kept: what exporters alone show is recorded.
pub(crate) const SAMPLED: u32 = 2;
/// It is to be exported if its trace is sampled.
pub(crate) const IN_TRACE: u32 = 4;
/// The time for which it is entered is measured.
pub(crate) const BUSY: u32 = 8;
/// It has failed, though its trace is not sampled and nothing else is kept of its events.
pub(crate) const FAILED: u32 = 16;
/// Its trace was not sampled when it was made: its text is redacted when somebody is to see it, and mostly nobody is.
pub(crate) const LAZY: u32 = 32;

/// Open spans of one layer.
#[derive(Debug)]
pub(crate) struct Table {
    shards: Box<[Shard]>,
}

#[derive(Debug, Default)]
struct Shard {
    pages: [OnceLock<Box<[Slot]>>; N_PAGES],
    /// Spans whose slot is taken by another's, and those beyond the last page.
    overflow: Mutex<HashMap<u64, Arc<Slot>>>,
    n_overflow: AtomicUsize,
}

/// Place of one open span.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Id of the span; zero while the slot is free.
    key: AtomicU64,
    /// Id of the span around it; zero for none.
    parent: AtomicU64,
    /// Bits of the sinks that want it.
    interest: AtomicU64,
    flags: AtomicU32,
    /// [`STARTED`] or zero. By itself, so that the mark is a plain store: it is set for every span and never taken back.
    started: AtomicU32,
    /// How often it is entered at present, over all threads.
    n_entered: AtomicU32,
    entered_ns: AtomicU64,
    busy_ns: AtomicU64,
    state: Mutex<SlotState>,
}

/// What is written of an open span.
#[derive(Debug, Default)]
pub(crate) struct SlotState {
    /// The record while it has not been lent: most spans close without having been.
    own: Option<Box<SpanRecord>>,
    /// The record once it has been lent; empty while it has not.
    cell: Option<Arc<Cell>>,
    pub(crate) late: Late,
}

/// A record that is lent out by counting references. The count's memory stays with the slot.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    record: Option<Box<SpanRecord>>,
}

impl Cell {
    pub(crate) fn record(&self) -> Option<&SpanRecord> {
        self.record.as_deref()
    }
}

/// What the record gets when the span closes; nobody reads it before, so that writing it copies nothing.
#[derive(Debug, Default)]
pub(crate) struct Late {
    pub(crate) events: SpanEvents,
    pub(crate) links: Vec<Link>,
    pub(crate) extra: Fields,
    pub(crate) status: Status,
    pub(crate) description: String,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
}

impl Late {
    /// `Ok` is final; an error replaces an error; `Unset` changes nothing. An error without a description keeps the one that is there.
    ///
    /// Source: OpenTelemetry trace API, "Set Status".
    pub(crate) fn set_status(&mut self, status: Status, description: &str) {
        match (self.status, status) {
            (Status::Ok, _) | (_, Status::Unset) => {}
            (_, Status::Ok) => {
                self.status = Status::Ok;
                self.description.clear();
            }
            (_, Status::Error) => {
                self.status = Status::Error;
                if !description.is_empty() {
                    self.description.clear();
                    self.description.push_str(description);
                }
            }
        }
    }

    /// Whether nothing has been written, as in most spans.
    fn is_untouched(&self) -> bool {
        self.events.is_empty()
            && self.links.is_empty()
            && self.extra.is_empty()
            && self.status == Status::Unset
            && self.dropped_attributes | self.dropped_events | self.dropped_links == 0
    }

    fn move_into(&mut self, record: &mut SpanRecord) {
        if self.is_untouched() {
            return;
        }
        // The record comes out of the pool with empty buffers, which the slot keeps for its next span.
        std::mem::swap(&mut self.events, &mut record.events);
        std::mem::swap(&mut self.links, &mut record.links);
        std::mem::swap(&mut self.extra, &mut record.extra);
        std::mem::swap(&mut self.description, &mut record.status_description);
        record.status = std::mem::take(&mut self.status);
        record.dropped_attributes += std::mem::take(&mut self.dropped_attributes);
        record.dropped_events = std::mem::take(&mut self.dropped_events);
        record.dropped_links = std::mem::take(&mut self.dropped_links);
    }
}

/// A slot that was found.
#[derive(Debug, Clone)]
pub(crate) enum SlotRef<'a> {
    Dense(&'a Slot),
    Overflow(Arc<Slot>),
}

impl Deref for SlotRef<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        match self {
            Self::Dense(slot) => slot,
            Self::Overflow(slot) => slot,
        }
    }
}

fn shard_idx(id: u64) -> usize {
    ((id.wrapping_sub(1) >> ADDRESS_BITS) % N_SHARDS as u64) as usize
}

/// Page and position of an id's address; none beyond the last page.
fn place(id: u64) -> Option<(usize, usize)> {
    let address = usize::try_from(id.wrapping_sub(1) & ((1 << ADDRESS_BITS) - 1)).ok()?;
    let page = (address / FIRST_PAGE + 1).ilog2() as usize;
    (page < N_PAGES).then(|| (page, address + FIRST_PAGE - (FIRST_PAGE << page)))
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..N_SHARDS).map(|_| Shard::default()).collect(),
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<SlotRef<'_>> {
        let shard = self.shards.get(shard_idx(id))?;
        if let Some((page, idx)) = place(id)
            && let Some(slot) = shard.pages[page].get().and_then(|slots| slots.get(idx))
            && slot.key.load(Acquire) == id
        {
            return Some(SlotRef::Dense(slot));
        }
        if shard.n_overflow.load(Acquire) == 0 {
            return None;
        }
        shard
            .overflow()
            .get(&id)
            .map(|slot| SlotRef::Overflow(Arc::clone(slot)))
    }

    /// Takes a slot for a new span and puts its record in.
    pub(crate) fn insert(
        &self,
        id: u64,
        parent: u64,
        interest: u64,
        flags: u32,
        record: Box<SpanRecord>,
    ) -> Option<SlotRef<'_>> {
        let shard = self.shards.get(shard_idx(id))?;
        let dense = place(id).and_then(|(page, idx)| {
            let slots =
                shard.pages[page].get_or_init(|| (0..FIRST_PAGE << page).map(|_| Slot::default()).collect());
            slots.get(idx)
        });
        // The slot is claimed before it is filled: until `new_span` returns, nobody else knows the id.
        let slot = match dense {
            Some(slot) if slot.key.compare_exchange(0, id, AcqRel, Relaxed).is_ok() => SlotRef::Dense(slot),
            _ => {
                let slot = Arc::new(Slot {
                    key: AtomicU64::new(id),
                    ..Slot::default()
                });
                let mut overflow = shard.overflow();
                overflow.insert(id, Arc::clone(&slot));
                shard.n_overflow.store(overflow.len(), Release);
                SlotRef::Overflow(slot)
            }
        };
        slot.parent.store(parent, Relaxed);
        slot.interest.store(interest, Relaxed);
        slot.flags.store(flags & !STARTED, Relaxed);
        slot.started.store(flags & STARTED, Relaxed);
        slot.n_entered.store(0, Relaxed);
        slot.busy_ns.store(0, Relaxed);
        slot.lock().put(record);
        Some(slot)
    }

    /// Takes the record out, with the time it was entered, and frees the slot. Also gives the id of the span around it.
    pub(crate) fn remove(&self, id: u64) -> Option<(Box<SpanRecord>, Option<u64>)> {
        let slot = self.get(id)?;
        let record = slot.lock().take();
        let (parent, busy_ns) = (slot.parent(), slot.busy_ns());
        let failed = slot.has(FAILED);
        match &slot {
            SlotRef::Dense(slot) => slot.key.store(0, Release),
            SlotRef::Overflow(_) => {
                let shard = self.shards.get(shard_idx(id))?;
                let mut overflow = shard.overflow();
                overflow.remove(&id);
                shard.n_overflow.store(overflow.len(), Release);
            }
        }
        let mut record = record?;
        record.busy_ns = busy_ns;
        if failed && record.status == Status::Unset {
            record.status = Status::Error;
        }
        Some((record, parent))
    }
}

impl Shard {
    fn overflow(&self) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(crate) fn parent(&self) -> Option<u64> {
        Some(self.parent.load(Relaxed)).filter(|id| *id != 0)
    }

    pub(crate) fn interest(&self) -> u64 {
        self.interest.load(Relaxed)
    }

    pub(crate) fn has(&self, flags: u32) -> bool {
        (self.flags.load(Relaxed) | self.started.load(Relaxed)) & flags == flags
    }

    pub(crate) fn set_flags(&self, flags: u32) {
        if flags & STARTED != 0 {
            self.started.store(STARTED, Relaxed);
        }
        if flags & !STARTED != 0 {
            self.flags.fetch_or(flags & !STARTED, Relaxed);
        }
    }

    pub(crate) fn set_sampled(&self, sampled: bool) {
        if sampled {
            self.flags.fetch_or(SAMPLED, Relaxed);
        } else {
            self.flags.fetch_and(!SAMPLED, Relaxed);
        }
    }

    /// No code of a user runs under this lock. A panic under it is a defect of ours that leaves a record incomplete at worst.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends the record out; `reveal` makes its fields such as may be seen.
    pub(crate) fn lend(&self, reveal: impl FnOnce(&mut Fields)) -> Option<Arc<Cell>> {
        self.lock().lend(reveal)
    }

    /// Begins to measure the time entered, unless another thread already is in the span.
    pub(crate) fn enter(&self, now_ns: impl FnOnce() -> u64) {
        if self.n_entered.fetch_add(1, Relaxed) == 0 {
            self.entered_ns.store(now_ns(), Relaxed);
        }
    }

    pub(crate) fn exit(&self, now_ns: impl FnOnce() -> u64) {
        if self.n_entered.fetch_sub(1, Relaxed) == 1 {
            let ns = now_ns().saturating_sub(self.entered_ns.load(Relaxed));
            self.busy_ns.fetch_add(ns, Relaxed);
        }
    }

    pub(crate) fn busy_ns(&self) -> u64 {
        self.busy_ns.load(Relaxed)
    }
}

impl SlotState {
    pub(crate) fn record(&self) -> Option<&SpanRecord> {
        match &self.own {
            Some(record) => Some(record),
            None => self.cell.as_ref().and_then(|cell| cell.record()),
        }
    }

    fn lend(&mut self, reveal: impl FnOnce(&mut Fields)) -> Option<Arc<Cell>> {
        if let Some(mut record) = self.own.take() {
            reveal(&mut record.fields);
            // The count's memory is that of the slot's last span, unless somebody still holds that.
            match self.cell.as_mut().and_then(Arc::get_mut) {
                Some(cell) => cell.record = Some(record),
                None => self.cell = Some(Arc::new(Cell { record: Some(record) })),
            }
        } else if self.record().is_some_and(|record| record.fields.raw_len() > 0)
            // What came since it was lent is in a record that nobody else has.
            && let Some(cell) = self.cell.as_mut().and_then(Arc::get_mut)
            && let Some(record) = &mut cell.record
        {
            reveal(&mut record.fields);
        }
        self.cell.clone()
    }

    /// The record for writing. While it is lent out, the borrowers keep the old one and the slot goes on with a copy.
    pub(crate) fn record_mut(&mut self) -> Option<&mut SpanRecord> {
        if let Some(record) = &mut self.own {
            record.stamp = pool::next_stamp();
            return Some(record);
        }
        let cell = self.cell.as_mut()?;
        if Arc::get_mut(cell).is_none() {
            let lent = cell.record()?;
            let mut copy = pool::take(lent.metadata, lent.context.clone());
            copy.copy_from(lent);
            *cell = Arc::new(Cell { record: Some(copy) });
        }
        let record = Arc::get_mut(cell)?.record.as_deref_mut()?;
        record.stamp = pool::next_stamp();
        Some(record)
    }

    fn put(&mut self, record: Box<SpanRecord>) {
        self.own = Some(record);
    }

    fn take(&mut self) -> Option<Box<SpanRecord>> {
        let mut record = match self.own.take() {
            Some(record) => record,
            None => self.take_lent()?,
        };
        self.late.move_into(&mut record);
        Some(record)
    }

    fn take_lent(&mut self) -> Option<Box<SpanRecord>> {
        if let Some(cell) = self.cell.as_mut().and_then(Arc::get_mut) {
            return cell.record.take();
        }
        // Whoever still holds the record keeps it; a copy is taken then, which `record_mut` makes.
        self.record_mut()?;
        self.cell.as_mut().and_then(Arc::get_mut)?.record.take()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::tests::{context, metadata};

    fn record(n: u64) -> Box<SpanRecord> {
        let mut record = Box::new(SpanRecord::new(metadata(), context()));
        record.start_unix_ns = n;
        record
    }

    #[test]
    fn every_address_has_a_place_of_its_own() {
        let mut seen = HashSet::new();
        let n_slots: usize = (0..N_PAGES).map(|page| FIRST_PAGE << page).sum();
        for id in 1..=n_slots as u64 {
            let (page, idx) = place(id).unwrap();
            assert!(idx < FIRST_PAGE << page);
            assert!(seen.insert((page, idx)));
        }
        assert_eq!(place(n_slots as u64 + 1), None);
    }

    #[test]
    fn spans_whose_places_collide_are_kept_apart() {
        let table = Table::new();
        let same_place = |n: u64| (n * N_SHARDS as u64) << ADDRESS_BITS | 7;
        let beyond = (1 << ADDRESS_BITS) - 5;
        let ids = [7, same_place(1), same_place(2), beyond];
        for id in ids {
            assert!(table.insert(id, 0, id, 0, record(id)).is_some());
        }
        for id in ids {
            assert_eq!(table.get(id).unwrap().interest(), id);
        }
        assert_eq!(table.remove(7).unwrap().0.start_unix_ns, 7);
        assert!(table.get(7).is_none() && table.remove(7).is_none());
        for id in &ids[1..] {
            assert_eq!(table.remove(*id).unwrap().0.start_unix_ns, *id);
            assert!(table.get(*id).is_none());
        }
    }

    #[test]
    fn a_lent_record_stays_as_it_is_while_the_span_goes_on() {
        let table = Table::new();
        let slot = table.insert(1, 0, 0, 0, record(5)).unwrap();
        let lent = slot.lend(|_| ()).unwrap();
        slot.lock()
            .record_mut()
            .unwrap()
            .fields
            .push("a", watchroom_core::Value::I64(1));
        assert_eq!(lent.record().unwrap().fields.len(), 0);
        assert_eq!(slot.lend(|_| ()).unwrap().record().unwrap().fields.len(), 1);
        let lent = slot.lend(|_| ()).unwrap();
        assert_eq!(table.remove(1).unwrap().0.fields.len(), 1);
        assert_eq!(lent.record().unwrap().start_unix_ns, 5);
    }

    #[test]
    fn ok_is_final_and_an_error_keeps_its_description() {
        let mut late = Late::default();
        late.set_status(Status::Error, "boom");
        late.set_status(Status::Error, "");
        late.set_status(Status::Unset, "");
        assert_eq!((late.status, late.description.as_str()), (Status::Error, "boom"));
        late.set_status(Status::Ok, "");
        late.set_status(Status::Error, "late");
        assert_eq!((late.status, late.description.as_str()), (Status::Ok, ""));
    }

    #[test]
    fn busy_time_counts_once_however_many_threads_are_in_the_span() {
        let slot = Slot::default();
        slot.enter(|| 10);
        slot.enter(|| unreachable!());
        slot.exit(|| unreachable!());
        slot.exit(|| 25);
        slot.enter(|| 30);
        slot.exit(|| 31);
        assert_eq!(slot.busy_ns(), 16);
    }
}
