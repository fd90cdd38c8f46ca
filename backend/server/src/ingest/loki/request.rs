//! What a request holds, in whichever form it came.

use watchroom_model::LogLine;

use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::Refusal;

/// One stream of a request.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) labels: Vec<(String, String)>,
    pub(super) entries: Vec<Entry>,
}

/// One line.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Nanoseconds since the epoch.
    pub(super) time_ns: u64,
    pub(super) line: String,
    /// Structured metadata.
    pub(super) metadata: Vec<(String, String)>,
}

/// Takes memory for a stream.
pub(super) fn take_stream(allowance: &mut Allowance<'_>) -> Result<(), Refusal> {
    allowance.take(2 * size_of::<Stream>() + 256)
}

/// Takes memory for a line without its texts, and for what it becomes: vectors double as they grow.
pub(super) fn take_entry(allowance: &mut Allowance<'_>) -> Result<(), Refusal> {
    allowance.take(2 * size_of::<Entry>() + size_of::<LogLine>() + 64)
}

/// Takes memory for a pair of a name and a value, and for what it becomes.
pub(super) fn take_pair(allowance: &mut Allowance<'_>, texts: usize) -> Result<(), Refusal> {
    allowance.take(2 * texts + 256)
}
