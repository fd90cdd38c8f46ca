//! Journal, chunks, blocks, indexes and retention over an embedded engine.
//!
//! A [`Store`] keeps the three signals of one data directory: samples by series, spans by trace and log lines by stream. It is
//! synchronous and safe to share between threads. What is appended is seen by every read that starts afterwards, and is durable
//! within [`StoreConfig::sync_interval`] (or when [`Store::sync`] returns).
//!
//! Not here: query languages, ingest formats, networking.

mod block;
mod blocks;
mod chunk;
mod codec;
mod config;
mod engine;
mod error;
mod filter;
mod head;
mod index;
mod journal;
mod live;
mod lock;
mod logs;
mod metrics;
mod outcome;
mod partition;
mod report;
mod retention;
mod store;
mod sync;
mod traces;
mod upkeep;

pub use config::{Clock, EventSink, Retention, StoreConfig};
pub use error::{AppendError, FlushError, OpenError, ReadError, SyncError};
pub use filter::{Direction, SelectLimit, SpanFilter};
pub use live::LogSubscription;
pub use outcome::{AppendOutcome, Problem, StoreEvent, StoreStats};
pub use store::Store;
