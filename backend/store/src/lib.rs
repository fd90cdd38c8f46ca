//! Journal, chunks, blocks, indexes and retention over an embedded engine.
//!
//! A [`Store`] keeps the three signals of one data directory: samples by series, spans by trace and log lines by stream. It is
//! synchronous and safe to share between threads. What is appended is seen by every read that starts afterwards, and is durable
//! within [`StoreConfig::sync_interval`] (or when [`Store::sync`] returns).
//!
//! ```
//! # use watchroom_model::{Labels, Matcher, Sample};
//! # use watchroom_store::{SelectLimit, Store, StoreConfig};
//! # let dir = tempfile::tempdir()?;
//! let store = Store::open(StoreConfig::new(dir.path()))?;
//! let up = Labels::from_pairs([("__name__", "up"), ("job", "deriva")]);
//! store.append_samples(&[(up.clone(), Sample { t_ms: 1_000, value: 1.0 })])?;
//!
//! let found = store.select(&[Matcher::equal("job", "deriva")], 0, 2_000, SelectLimit::default())?;
//! assert_eq!(found[0].labels, up);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of the data
//!
//! An append becomes one record of the journal, which is a keyspace of the engine, and goes to the head in memory. From there samples
//! move on as chunks (compressed runs of one series), spans and log lines as blocks (compressed batches in columns, each with a summary
//! by which searches pass it over); their records leave the journal. Chunks and blocks lie in partitions by when they were received. Age
//! and size are held to by dropping partitions whole, the oldest first.
//!
//! # What holds
//!
//! - **Acknowledged means journalled.** A killed process loses nothing that was acknowledged, a lost machine at most one sync interval.
//! - **One answer.** What moves from head to chunk or block is seen once by every read, and neither a crash nor a flush shows.
//! - **Bounded.** Heads, index, caches and buffers share `max_memory_bytes`; beyond it appends are refused as retryable, and samples that
//!   would start a series are refused and counted. The directory keeps to `max_disk_bytes`, given a few hundred MiB.
//! - **One format.** A directory says its version; an older one is upgraded when it is opened, a newer one refused. [`Store::snapshot`] copies
//!   the store as it is at one moment, and [`restore`] makes a data directory of the copy.
//! - **Damage is local.** What cannot be read is reported, set aside in `damaged/` and left out. Nothing panics on what it reads.
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
mod restore;
mod retention;
mod sample_batch;
mod snapshot;
mod store;
mod sync;
mod traces;
mod upkeep;

pub use config::{Clock, EventSink, Retention, StoreConfig};
pub use error::{AppendError, FlushError, OpenError, ReadError, RestoreError, SnapshotError, SyncError};
pub use filter::{Direction, SelectLimit, SpanFilter, SpanScan};
pub use live::LogSubscription;
pub use outcome::{AppendOutcome, Problem, StoreEvent, StoreStats};
pub use restore::restore;
pub use sample_batch::SampleBatch;
pub use store::Store;
pub use traces::Scanned;
