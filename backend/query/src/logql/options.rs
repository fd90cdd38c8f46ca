//! Settings and limits of an evaluation.

use std::sync::Arc;

use super::Direction;
use crate::{Cancel, Never};

/// Settings and limits of an evaluation.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Order of the lines.
    pub direction: Direction,
    /// Most lines.
    pub limit: usize,
    /// Least time between two lines, in nanoseconds; zero for all lines.
    pub interval_ns: u64,
    /// What `now` is in a template, nanoseconds since the epoch.
    pub now_ns: u64,
    /// Most series that one range of lines may make.
    pub max_series: usize,
    /// Counts and numbers that a metric query may hold at one time.
    pub max_samples: usize,
    /// Points a series of a range query may have.
    pub max_points: usize,
    /// Deadline or cancellation.
    pub cancel: Arc<dyn Cancel>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            limit: 100,
            interval_ns: 0,
            now_ns: 0,
            max_series: 10_000,
            max_samples: 10_000_000,
            max_points: 11_000,
            cancel: Arc::new(Never),
        }
    }
}
