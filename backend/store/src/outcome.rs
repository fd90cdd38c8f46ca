//! What the store tells about itself.

/// What became of a batch of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppendOutcome {
    /// Samples kept, those among them that were already there with the same value.
    pub accepted: usize,
    /// Samples refused for being older than the newest of their series.
    pub out_of_order: usize,
    /// Samples refused because their series has another value at the same time.
    pub duplicate: usize,
    /// Samples refused for being more than an hour ahead of the clock.
    pub too_far_ahead: usize,
    /// Samples refused because they would start a series beyond the memory limit.
    pub over_limit: usize,
}

impl std::ops::AddAssign for AppendOutcome {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.out_of_order += other.out_of_order;
        self.duplicate += other.duplicate;
        self.too_far_ahead += other.too_far_ahead;
        self.over_limit += other.over_limit;
    }
}

impl AppendOutcome {
    /// Samples refused for any reason.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.out_of_order + self.duplicate + self.too_far_ahead + self.over_limit
    }
}

/// Something stored that could not be read and was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// When it was found, milliseconds since the epoch.
    pub found_ms: i64,
    /// Where: the file or the key.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Something that happened in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// Damaged data was found and set aside.
    Damaged(Problem),
    /// Old data was dropped.
    Dropped {
        /// `metrics`, `traces` or `logs`.
        signal: &'static str,
        /// Bytes given back.
        bytes: u64,
        /// `age` or `size`.
        reason: &'static str,
    },
    /// Writing in the background failed; it is tried again.
    WriteFailed {
        /// What failed, with its causes.
        error: String,
    },
}

/// Figures of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Series known.
    pub series: u64,
    /// Samples accepted since the store was opened.
    pub samples: u64,
    /// Spans accepted since the store was opened.
    pub spans: u64,
    /// Log lines accepted since the store was opened.
    pub log_lines: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes in memory, estimated.
    pub memory_bytes: u64,
    /// Oldest sample, milliseconds since the epoch.
    pub oldest_sample_ms: Option<i64>,
    /// Oldest span, nanoseconds since the epoch.
    pub oldest_span_ns: Option<u64>,
    /// Oldest log line, nanoseconds since the epoch.
    pub oldest_log_ns: Option<u64>,
    /// Samples refused as out of order.
    pub out_of_order: u64,
    /// Samples refused as duplicates with another value.
    pub duplicate: u64,
    /// Samples refused as too far ahead of the clock.
    pub too_far_ahead: u64,
    /// Samples refused because they would start a series beyond the limit.
    pub over_limit: u64,
    /// Batches refused because the store was overloaded or the disk full.
    pub refused_batches: u64,
    /// Log lines that live readers were too slow to take.
    pub live_missed: u64,
    /// Partitions dropped by age or size.
    pub dropped_partitions: u64,
    /// Damaged values found.
    pub problems: u64,
}
