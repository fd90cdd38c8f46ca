//! The ledger: what was accepted, what was delivered, what was dropped and why.
//!
//! Invariant: for every signal, `accepted = delivered + dropped + still queued + spooled on disk`, to the unit. The ledger is shared by all parts
//! of one telemetry and is itself exposed as metrics by the façade.
//! Not here: names of metrics, warnings in the log.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use crate::counter::ShardedCounter;

/// What is sent. The unit is one span, one log record, one data point, one written line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans to OTLP.
    Spans,
    /// Log records to OTLP.
    Logs,
    /// Metric data points to OTLP.
    Metrics,
    /// Lines to stdout and files.
    Lines,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 4] = [Self::Spans, Self::Logs, Self::Metrics, Self::Lines];

    /// The value of the `signal` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Lines => "lines",
        }
    }
}

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The bounded queue had no room.
    QueueFull,
    /// The sink stayed blocked for longer than the configured bound.
    SinkBlocked,
    /// The sink failed: disk full, stream closed.
    SinkFailed,
    /// Every retry of the transport failed.
    RetriesExhausted,
    /// The receiver refused it for good, whole or in part.
    Rejected,
    /// The shutdown's timeout ran out.
    ShutdownTimeout,
    /// It came after the shutdown.
    AfterShutdown,
    /// It was too large to send.
    TooLarge,
    /// The spool on disk had reached its size, and this was the oldest in it.
    SpoolFull,
    /// It waited on disk for longer than it may.
    SpoolExpired,
    /// It could not be written to the spool or read back: disk full, folder gone.
    SpoolFailed,
    /// The spool's file was damaged.
    SpoolDamaged,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::QueueFull,
        Self::SinkBlocked,
        Self::SinkFailed,
        Self::RetriesExhausted,
        Self::Rejected,
        Self::ShutdownTimeout,
        Self::AfterShutdown,
        Self::TooLarge,
        Self::SpoolFull,
        Self::SpoolExpired,
        Self::SpoolFailed,
        Self::SpoolDamaged,
    ];

    /// The value of the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SinkBlocked => "sink_blocked",
            Self::SinkFailed => "sink_failed",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Rejected => "rejected",
            Self::ShutdownTimeout => "shutdown_timeout",
            Self::AfterShutdown => "after_shutdown",
            Self::TooLarge => "too_large",
            Self::SpoolFull => "spool_full",
            Self::SpoolExpired => "spool_expired",
            Self::SpoolFailed => "spool_failed",
            Self::SpoolDamaged => "spool_damaged",
        }
    }
}

/// Other things that the SDK counts of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// Spans made, sampled or not.
    SpansStarted,
    /// Spans of sampled traces.
    SpansSampled,
    /// Spans that were not sampled at first and exported nonetheless, since their trace failed or was slow.
    SpansKept,
    /// Spans that had to go before it was known whether their trace would fail or be slow.
    SpansEvicted,
    /// Attributes cut by a span limit.
    AttributesCut,
    /// Events cut by a span limit.
    EventsCut,
    /// Links cut by a span limit.
    LinksCut,
    /// Values shortened by a length limit.
    ValuesCut,
    /// Propagation headers that were malformed and ignored.
    MalformedContext,
    /// Values or parts of values that the redactor replaced.
    Redactions,
    /// Values redacted whole because a limit or an error was met.
    RedactionsFailedClosed,
    /// Lines written at ERROR.
    LinesError,
    /// Lines written at WARN.
    LinesWarn,
    /// Lines written at INFO.
    LinesInfo,
    /// Lines written at DEBUG.
    LinesDebug,
    /// Lines written at TRACE.
    LinesTrace,
    /// Events and lines of spans that the sampling of logs left out.
    LinesSuppressed,
    /// Security events that no room could be found for within their bound, or that a sink lost; in all, they are dropped lines too.
    SecurityLost,
    /// Export attempts that failed, retried or not.
    ExportErrors,
    /// Export requests sent, each attempt one.
    ExportRequests,
    /// Time spent in export requests, nanoseconds.
    ExportNanos,
    /// Data points or samples that went to an overflow series.
    SeriesOverflow,
}

const N_COUNTS: usize = Count::SeriesOverflow as usize + 1;
const N_SIGNALS: usize = Signal::ALL.len();
const N_REASONS: usize = Reason::ALL.len();

/// Counts of one telemetry. Writing is an addition without a lock.
#[derive(Debug, Default)]
pub struct Ledger {
    accepted: [ShardedCounter; N_SIGNALS],
    delivered: [AtomicU64; N_SIGNALS],
    dropped: [[AtomicU64; N_REASONS]; N_SIGNALS],
    /// Units that have begun to wait, and those that wait no more: the first are entered on the callers' path.
    waited: [ShardedCounter; N_SIGNALS],
    left: [AtomicU64; N_SIGNALS],
    spooled: [AtomicU64; N_SIGNALS],
    counts: [ShardedCounter; N_COUNTS],
}

impl Ledger {
    /// Enters that `n` units were taken in.
    pub fn accept(&self, signal: Signal, n: u64) {
        self.accepted[signal as usize].add(n);
    }

    /// Enters that `n` units reached their receiver.
    pub fn deliver(&self, signal: Signal, n: u64) {
        self.delivered[signal as usize].fetch_add(n, Relaxed);
    }

    /// Enters that `n` units were dropped.
    pub fn enter_dropped(&self, signal: Signal, reason: Reason, n: u64) {
        self.dropped[signal as usize][reason as usize].fetch_add(n, Relaxed);
    }

    /// Enters that `n` units have begun to wait.
    pub fn enter_queue(&self, signal: Signal, n: u64) {
        self.waited[signal as usize].add(n);
    }

    /// Enters that `n` units wait no more: they have been delivered or dropped.
    pub fn leave_queue(&self, signal: Signal, n: u64) {
        self.left[signal as usize].fetch_add(n, Release);
    }

    /// Sets the present length of a signal's queue.
    pub fn set_queued(&self, signal: Signal, n: u64) {
        self.left[signal as usize].store(self.waited[signal as usize].get().wrapping_sub(n), Relaxed);
    }

    /// Enters that `n` units have begun to wait on disk.
    pub fn enter_spool(&self, signal: Signal, n: u64) {
        self.spooled[signal as usize].fetch_add(n, Relaxed);
    }

    /// Enters that `n` units wait on disk no more: they have been delivered or dropped.
    pub fn leave_spool(&self, signal: Signal, n: u64) {
        self.spooled[signal as usize].fetch_sub(n, Relaxed);
    }

    /// Adds to one of the SDK's own counts.
    pub fn count(&self, count: Count, n: u64) {
        self.counts[count as usize].add(n);
    }

    /// Units taken in.
    #[must_use]
    pub fn accepted(&self, signal: Signal) -> u64 {
        self.accepted[signal as usize].get()
    }

    /// Units delivered.
    #[must_use]
    pub fn delivered(&self, signal: Signal) -> u64 {
        self.delivered[signal as usize].load(Relaxed)
    }

    /// Units dropped for one reason.
    #[must_use]
    pub fn dropped(&self, signal: Signal, reason: Reason) -> u64 {
        self.dropped[signal as usize][reason as usize].load(Relaxed)
    }

    /// Units dropped for any reason.
    #[must_use]
    pub fn dropped_total(&self, signal: Signal) -> u64 {
        Reason::ALL
            .iter()
            .map(|reason| self.dropped(signal, *reason))
            .sum()
    }

    /// Present length of a signal's queue.
    #[must_use]
    pub fn queued(&self, signal: Signal) -> u64 {
        // What has left is read first: it had begun to wait before.
        let left = self.left[signal as usize].load(Acquire);
        let queued = self.waited[signal as usize].get().wrapping_sub(left);
        // Below zero, for a moment, where a length is set while units come and go.
        u64::try_from(queued.cast_signed()).unwrap_or(0)
    }

    /// Units that wait on disk.
    #[must_use]
    pub fn spooled(&self, signal: Signal) -> u64 {
        self.spooled[signal as usize].load(Relaxed)
    }

    /// One of the SDK's own counts.
    #[must_use]
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_signals_and_reasons_apart() {
        let ledger = Ledger::default();
        ledger.accept(Signal::Spans, 10);
        ledger.deliver(Signal::Spans, 7);
        ledger.enter_dropped(Signal::Spans, Reason::QueueFull, 2);
        ledger.enter_dropped(Signal::Spans, Reason::TooLarge, 1);
        ledger.enter_dropped(Signal::Logs, Reason::TooLarge, 5);
        ledger.enter_queue(Signal::Logs, 3);
        ledger.leave_queue(Signal::Logs, 1);
        assert_eq!(
            ledger.accepted(Signal::Spans),
            ledger.delivered(Signal::Spans) + ledger.dropped_total(Signal::Spans)
        );
        assert_eq!(ledger.dropped(Signal::Logs, Reason::TooLarge), 5);
        assert_eq!(ledger.queued(Signal::Logs), 2);
        assert_eq!(ledger.dropped_total(Signal::Lines), 0);
    }

    #[test]
    fn every_signal_and_reason_has_its_own_slot_and_word() {
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal as usize, i);
        }
        let mut words = std::collections::HashSet::new();
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
            assert!(words.insert(reason.as_str()));
        }
    }
}
