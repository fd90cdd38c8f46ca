//! One signal's spool, and the ledger's view of it.
//!
//! Invariant: a unit that is put in here leaves the task's hands at once: it waits on disk, or it is dropped for one reason.

use std::sync::Arc;

use hyper::body::Bytes;
use watchroom_core::Reason;

use super::{Lane, Problems};
use crate::report::ProblemKind;
use crate::spool::{Push, Spool, Unreadable};

/// Where a signal's batches wait for their collector; without a spool, nowhere.
#[derive(Debug)]
pub(crate) struct Backlog {
    lane: Arc<Lane>,
    spool: Option<Spool>,
    problems: Problems,
}

/// A request and the units in it.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) body: Bytes,
    pub(super) n_units: u64,
}

impl Backlog {
    pub(crate) const fn new(lane: Arc<Lane>, spool: Option<Spool>, problems: Problems) -> Self {
        Self {
            lane,
            spool,
            problems,
        }
    }

    pub(super) const fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    pub(super) fn raise(&mut self, kind: ProblemKind, n_units: u64, message: impl FnOnce() -> String) {
        self.problems.raise(kind, n_units, message);
    }

    pub(super) const fn has_spool(&self) -> bool {
        self.spool.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spool.as_ref().is_none_or(Spool::is_empty)
    }

    /// Puts a batch in the task's hands on disk; one that does not get there is dropped.
    pub(super) fn put_last(&mut self, parcel: &Parcel) {
        if self.put(Push::Last, parcel).is_err() {
            self.lane.dropped(Reason::SpoolFailed, parcel.n_units);
        }
    }

    /// Puts a batch in the task's hands back in front of all others.
    ///
    /// # Errors
    /// If it cannot be written, which has been reported; then it is still in the task's hands.
    pub(super) fn put_first(&mut self, parcel: &Parcel) -> Result<(), ()> {
        self.put(Push::First, parcel)
    }

    fn put(&mut self, place: Push, parcel: &Parcel) -> Result<(), ()> {
        let Some(spool) = &mut self.spool else {
            return Err(());
        };
        let n_units = parcel.n_units;
        self.lane.clock().resync();
        let (n_given_up, written) = spool.push(place, n_units, &parcel.body);
        if written.is_ok() {
            self.lane.spooled(n_units);
        }
        if n_given_up > 0 {
            self.lane.lost_from_spool(Reason::SpoolFull, n_given_up);
            self.problems
                .raise(ProblemKind::SpoolFull, n_given_up, String::new);
        }
        written.map_err(|why| {
            self.problems.raise(ProblemKind::SpoolFailed, n_units, || {
                format!("cannot write: {why}")
            });
        })
    }

    /// The oldest batch and its number. One that is damaged is passed over and counted.
    pub(super) fn first(&mut self) -> Option<(u64, Parcel)> {
        loop {
            let spool = self.spool.as_mut()?;
            let (number, n_units) = spool.first()?;
            let (kind, reason, why) = match spool.read_first()? {
                Ok(body) => {
                    let body = body.into();
                    return Some((number, Parcel { body, n_units }));
                }
                Err(Unreadable::Damaged(why)) => {
                    (ProblemKind::SpoolDamaged, Reason::SpoolDamaged, why.to_owned())
                }
                Err(Unreadable::Io(why)) => (
                    ProblemKind::SpoolFailed,
                    Reason::SpoolFailed,
                    format!("cannot read: {why}"),
                ),
            };
            self.lane.lost_from_spool(reason, n_units);
            self.problems.raise(kind, n_units, || why);
        }
    }

    /// Takes the oldest batch out of the spool and into the task's hands, to be settled. Whether it was there still: while it was
    /// under way it may have been given up for younger ones.
    pub(super) fn take_first(&mut self, number: u64) -> bool {
        let Some(spool) = self
            .spool
            .as_mut()
            .filter(|spool| spool.first().is_some_and(|(first, _)| first == number))
        else {
            return false;
        };
        let (n_units, removed) = spool.remove_first();
        self.lane.unspooled(n_units);
        if let Err(why) = removed {
            self.problems.raise(ProblemKind::SpoolFailed, 0, || {
                format!("cannot remove what is settled, which may be sent again: {why}")
            });
        }
        true
    }

    /// Drops what has waited too long.
    pub(super) fn expire(&mut self) {
        let n_units = self.spool.as_mut().map_or(0, Spool::expire);
        if n_units > 0 {
            self.lane.lost_from_spool(Reason::SpoolExpired, n_units);
            self.problems
                .raise(ProblemKind::SpoolExpired, n_units, String::new);
        }
    }

    /// Takes over what dead processes have left, from time to time or `now`. It counts as accepted here.
    pub(super) fn adopt(&mut self, now: bool) {
        let Some(spool) = self.spool.as_mut().filter(|spool| now || spool.is_adoption_due()) else {
            return;
        };
        self.lane.clock().resync();
        let (n_units, result) = spool.adopt();
        let n_given_up = spool.shrink();
        self.lane.adopt(n_units);
        if n_given_up > 0 {
            self.lane.lost_from_spool(Reason::SpoolFull, n_given_up);
            self.problems
                .raise(ProblemKind::SpoolFull, n_given_up, String::new);
        }
        if let Err(why) = result {
            self.problems.raise(ProblemKind::SpoolFailed, 0, || {
                format!("cannot take over what another process has left: {why}")
            });
        }
    }
}
