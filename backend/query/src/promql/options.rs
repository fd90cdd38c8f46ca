//! Settings and limits of an evaluation.

use std::sync::Arc;
use std::time::Duration;

use crate::{Cancel, Never};

/// Whether a range or lookback window includes its oldest edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowBounds {
    /// `(t - range, t]`, as Prometheus 3 has it.
    #[default]
    LeftOpen,
    /// `[t - range, t]`, as Prometheus 2 has it.
    Closed,
}

/// Settings and limits of an evaluation.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// How far back an instant selector looks for the latest sample.
    pub lookback: Duration,
    /// Window edges.
    pub window: WindowBounds,
    /// Samples and points that a query may hold in memory at one time.
    pub max_samples: usize,
    /// Points a series of a range query may have.
    pub max_points: usize,
    /// Points a series of a subquery may have.
    pub max_subquery_points: usize,
    /// Step of a subquery that does not name one, such as `[1h:]`.
    pub subquery_step: Duration,
    /// Deadline or cancellation.
    pub cancel: Arc<dyn Cancel>,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            window: WindowBounds::default(),
            max_samples: 20_000_000,
            max_points: 11_000,
            max_subquery_points: 1_000_000,
            subquery_step: Duration::from_secs(60),
            cancel: Arc::new(Never),
        }
    }
}
