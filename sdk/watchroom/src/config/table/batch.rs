//! Batching of spans and of log records.

use super::{DURATION, POSITIVE, Setting, setting};
use crate::config::parse::{duration, positive};
use crate::config::{Batch, Config};

macro_rules! batch {
    ($batch:expr, $key:literal, $variable:literal) => {{
        [
            setting!(
                concat!($key, ".delay"),
                concat!($variable, "_SCHEDULE_DELAY"),
                DURATION,
                |c, v| {
                    $batch(c).delay = duration(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".queue"),
                concat!($variable, "_MAX_QUEUE_SIZE"),
                POSITIVE,
                |c, v| {
                    $batch(c).queue = positive(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".size"),
                concat!($variable, "_MAX_EXPORT_BATCH_SIZE"),
                POSITIVE,
                |c, v| {
                    $batch(c).size = positive(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".timeout"),
                concat!($variable, "_EXPORT_TIMEOUT"),
                DURATION,
                |c, v| {
                    $batch(c).timeout = Some(duration(v)?);
                    Some(())
                }
            ),
        ]
    }};
}

fn span_batch(config: &mut Config) -> &mut Batch {
    &mut config.traces.batch
}

fn log_batch(config: &mut Config) -> &mut Batch {
    &mut config.log.batch
}

pub(super) static BATCH_SPANS: [Setting; 4] = batch!(span_batch, "traces.batch", "OTEL_BSP");
pub(super) static BATCH_LOGS: [Setting; 4] = batch!(log_batch, "logs.batch", "OTEL_BLRP");
