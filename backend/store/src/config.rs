//! What a store is told when it is opened.
//!
//! Not here: reading files, flags or the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::StoreEvent;

/// How long each signal is kept, counted from when it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Samples.
    pub metrics: Duration,
    /// Spans.
    pub traces: Duration,
    /// Log lines.
    pub logs: Duration,
}

impl Default for Retention {
    /// 15 days of samples, 7 days of spans and of log lines.
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            metrics: DAY * 15,
            traces: DAY * 7,
            logs: DAY * 7,
        }
    }
}

/// Settings of a [`Store`](crate::Store).
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Data directory; made if missing, locked while the store is open.
    pub dir: PathBuf,
    /// Age at which data is dropped.
    pub retention: Retention,
    /// Size of the directory above which the oldest data is dropped. The engine's log takes up to 192 MiB of it. Of less
    /// than 384 MiB half is left to the data, and the log may take more than the other half.
    pub max_disk_bytes: u64,
    /// Memory that the store may use: heads, indexes, caches and the engine's buffers. Less than 8 MiB counts as 8 MiB.
    pub max_memory_bytes: u64,
    /// Free space of the file system below which appends are refused.
    pub min_free_bytes: u64,
    /// Longest time between an acknowledged append and its being durable. Less than 10 ms counts as 10 ms.
    pub sync_interval: Duration,
    /// Time source.
    pub clock: Clock,
    /// Told of what happens in the background.
    pub on_event: Option<EventSink>,
}

impl StoreConfig {
    /// Settings for a directory: default [`Retention`], 10 GiB of disk, 512 MiB of memory, 64 MiB left free, durable within 500 ms.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention: Retention::default(),
            max_disk_bytes: 10 << 30,
            max_memory_bytes: 512 << 20,
            min_free_bytes: 64 << 20,
            sync_interval: Duration::from_millis(500),
            clock: Clock::system(),
            on_event: None,
        }
    }
}

impl StoreConfig {
    /// With bounds that the store can work within.
    pub(crate) fn workable(mut self) -> Self {
        self.max_memory_bytes = self.max_memory_bytes.max(8 << 20);
        self.sync_interval = self.sync_interval.max(Duration::from_millis(10));
        self
    }
}

/// Milliseconds since the epoch, from the system or from a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| {
            #[expect(clippy::disallowed_methods, reason = "this is the store's clock")]
            let now = std::time::SystemTime::now();
            now.duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// A clock that asks `now_ms`.
    #[must_use]
    pub fn from_fn(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_ms()).finish()
    }
}

/// Receiver of [`StoreEvent`]s. Called from the store's own threads and from appends; must not call the store.
#[derive(Clone)]
pub struct EventSink(Arc<dyn Fn(StoreEvent) + Send + Sync>);

impl EventSink {
    /// A sink that calls `receive`.
    #[must_use]
    pub fn new(receive: impl Fn(StoreEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    pub(crate) fn send(&self, event: StoreEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
