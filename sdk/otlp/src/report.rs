//! What the exporter tells: the outcome of a flush, and problems on the way.
//!
//! Invariant: a problem's text holds no header value and no payload.

use std::fmt;

use watchroom_core::Signal;

/// Target under which problems should be logged; the exporter's own log sink refuses it, so that a failing export of logs does
/// not feed itself.
pub const PROBLEM_TARGET: &str = "watchroom::otlp";

/// What became of each signal during a flush or a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlushReport {
    /// Spans.
    pub spans: SignalReport,
    /// Log records.
    pub logs: SignalReport,
    /// Metric data points.
    pub metrics: SignalReport,
    /// Whether the time ran out before all that was waiting had been settled.
    pub timed_out: bool,
}

/// One signal's units during a flush or a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalReport {
    /// Units that reached the receiver during the call.
    pub delivered: u64,
    /// Units that were dropped during the call, for any reason.
    pub dropped: u64,
    /// Units that still wait in memory.
    pub remaining: u64,
    /// Units that wait on disk, in the spool.
    pub spooled: u64,
}

impl FlushReport {
    /// Whether everything that was waiting reached its receiver.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.timed_out
            && self.spans.dropped + self.logs.dropped + self.metrics.dropped == 0
            && self.spans.remaining + self.logs.remaining + self.metrics.remaining == 0
            && self.spans.spooled + self.logs.spooled + self.metrics.spooled == 0
    }
}

/// Something went wrong between here and the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The signal.
    pub signal: Signal,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// The endpoint.
    pub endpoint: String,
    /// What happened, in words.
    pub message: String,
    /// Units concerned.
    pub n_units: u64,
    /// Problems of the same kind with the same signal since the last report, which were not reported.
    pub n_unreported: u64,
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// An attempt failed and will be repeated.
    Retrying,
    /// The retries are used up; the batch is dropped.
    RetriesExhausted,
    /// The receiver refused the batch for good; it is dropped.
    Rejected,
    /// The receiver took the batch, but not all of it, or had a warning.
    PartialSuccess,
    /// The receiver said yes, but the rest of its answer made no sense.
    MalformedAnswer,
    /// A record is larger than a request may be; it is dropped.
    TooLarge,
    /// Units were dropped because the queue was full.
    QueueFull,
    /// The instruments could not be read.
    ReaderFailed,
    /// Files for TLS are set, but the endpoint is `http://`: what is sent goes unencrypted.
    TlsUnused,
    /// The spool on disk could not be written, read or taken over; what could not be kept is dropped.
    SpoolFailed,
    /// The spool has reached its size; its oldest batches are dropped.
    SpoolFull,
    /// Batches waited in the spool for longer than they may; they are dropped.
    SpoolExpired,
    /// A file of the spool is damaged; it is set aside, what was in it is dropped.
    SpoolDamaged,
}

impl ProblemKind {
    pub(crate) const N: usize = Self::SpoolDamaged as usize + 1;
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, signal, endpoint) = (self.n_units, self.signal.as_str(), &self.endpoint);
        match self.kind {
            ProblemKind::Retrying => write!(f, "export of {n} {signal} to {endpoint} failed, will retry")?,
            ProblemKind::RetriesExhausted => {
                write!(f, "dropped {n} {signal}: export to {endpoint} kept failing")?;
            }
            ProblemKind::Rejected => write!(f, "dropped {n} {signal}: {endpoint} refused them")?,
            ProblemKind::PartialSuccess => write!(f, "{endpoint} did not take {n} {signal} of a batch")?,
            ProblemKind::MalformedAnswer => {
                write!(f, "{endpoint} took {n} {signal}, but its answer is malformed")?;
            }
            ProblemKind::TooLarge => write!(f, "dropped {n} {signal}: larger than a request may be")?,
            ProblemKind::QueueFull => write!(f, "dropped {n} {signal}: the queue to {endpoint} was full")?,
            ProblemKind::ReaderFailed => write!(f, "cannot read {signal} for {endpoint}")?,
            ProblemKind::TlsUnused => {
                write!(
                    f,
                    "TLS files are set for {signal}, but {endpoint} is not https:// and gets them unencrypted"
                )?;
            }
            ProblemKind::SpoolFailed => {
                write!(f, "the spool of {signal} for {endpoint} failed, dropped {n}")?
            }
            ProblemKind::SpoolFull => {
                write!(
                    f,
                    "dropped {n} {signal}, the oldest: the spool for {endpoint} is full"
                )?;
            }
            ProblemKind::SpoolExpired => {
                write!(
                    f,
                    "dropped {n} {signal}: they waited too long in the spool for {endpoint}"
                )?;
            }
            ProblemKind::SpoolDamaged => {
                write!(
                    f,
                    "dropped {n} {signal}: a file of the spool for {endpoint} is damaged"
                )?;
            }
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if self.n_unreported > 0 {
            write!(f, " ({} like it were not reported)", self.n_unreported)?;
        }
        Ok(())
    }
}
