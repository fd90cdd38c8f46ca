//! What became of the signals when telemetry ended.

use std::fmt;

use watchroom_core::{Ledger, Signal};

/// Units by signal since the start, as they stand after a flush or a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Whether all that was accepted has been delivered or accounted for within the timeout.
    pub complete: bool,
    /// Each signal with units accepted, delivered and dropped.
    pub signals: [(Signal, Totals); 4],
}

/// Units of one signal since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Taken in.
    pub accepted: u64,
    /// Reached their receiver.
    pub delivered: u64,
    /// Dropped, for whatever reason.
    pub dropped: u64,
    /// Waiting in the spool on disk, for the next process.
    pub spooled: u64,
}

impl ShutdownReport {
    pub(crate) fn of(ledger: &Ledger, complete: bool) -> Self {
        let totals = |signal| Totals {
            accepted: ledger.accepted(signal),
            delivered: ledger.delivered(signal),
            dropped: ledger.dropped_total(signal),
            spooled: ledger.spooled(signal),
        };
        Self {
            complete,
            signals: Signal::ALL.map(|signal| (signal, totals(signal))),
        }
    }

    /// Units of one signal.
    #[must_use]
    pub fn get(&self, signal: Signal) -> Totals {
        self.signals
            .iter()
            .find(|(s, _)| *s == signal)
            .map(|(_, totals)| *totals)
            .unwrap_or_default()
    }

    /// Units dropped, of all signals.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.signals.iter().map(|(_, totals)| totals.dropped).sum()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.complete { "complete" } else { "timed out" })?;
        for (signal, totals) in self.signals.iter().filter(|(_, totals)| totals.accepted > 0) {
            let Totals {
                accepted,
                delivered,
                dropped,
                spooled,
            } = totals;
            write!(
                f,
                "; {}: {delivered} of {accepted} delivered, {dropped} dropped",
                signal.as_str()
            )?;
            if *spooled > 0 {
                write!(f, ", {spooled} on disk")?;
            }
        }
        Ok(())
    }
}
