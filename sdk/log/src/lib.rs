//! Log lines: a sink of capture that writes JSON or text, on a thread of its own, to stdout or to rotated files.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use tracing_subscriber::layer::SubscriberExt as _;
//! use watchroom_capture::{Capture, Filter};
//! use watchroom_log::{Format, LogSink, Writer};
//!
//! let writer = Writer::builder().spawn(watchroom_log::stdout()?)?;
//! let log = Arc::new(LogSink::builder(writer).format(Format::Json).filter(Filter::parse("info")?).build());
//! let (layer, _handle) = Capture::builder().sink(Arc::clone(&log) as _).build();
//! let subscriber = tracing_subscriber::registry().with(layer);
//! tracing::subscriber::with_default(subscriber, || tracing::info!(answer = 42, "ready"));
//! assert!(log.writer().flush(Duration::from_secs(5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariant: a line is made of records only, which capture has redacted; whoever logs waits no longer than the writer's bound, and
//! what is not written is in the ledger. Not here: capturing, filters' syntax (`capture`), log records for OTLP (`otlp`).

pub mod file;
mod fragment;
mod json;
mod number;
pub mod panic;
pub mod sampling;
pub mod sink;
mod text;
mod time;
pub mod writer;

pub use file::{FileConfig, FileError, Period, RollingFile};
pub use panic::{PANIC_TARGET, PanicHook, panic_hook, panic_message};
pub use sampling::{LOG_TARGET, LogSampler, LogSampling, SamplingError, Suppressed};
pub use sink::{Color, Format, LogSink, LogSinkBuilder, SpanLines, Timer};
#[cfg(unix)]
pub use writer::Stdout;
pub use writer::{ProblemKind, Report, Writer, WriterBuilder, WriterProblem, report_problem, stdout};
