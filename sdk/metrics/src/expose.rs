//! The text formats of `/metrics` and the choice between them.
//!
//! Invariant: both formats show the same series with the same values.
//! Not here: HTTP, compression, OTLP.

mod negotiate;
mod openmetrics;
mod text;
mod write;

pub use negotiate::{Format, negotiate};
pub use openmetrics::openmetrics;
pub use text::text;

use crate::Snapshot;

/// Writes a snapshot in a format, at the end of `out`.
pub fn write(format: Format, snapshot: &Snapshot, out: &mut String) {
    match format {
        Format::Text => text(snapshot, out),
        Format::OpenMetrics => openmetrics(snapshot, out),
    }
}
