//! Where series come from.

use watchroom_model::{Matcher, SeriesData};

/// A failure of the place that samples are read from.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The selection is larger than the query may load.
    #[error("selection would load more than {limit} samples")]
    TooManySamples {
        /// The limit that was given.
        limit: usize,
    },
    /// The store failed.
    #[error("cannot read from the store")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// Wraps the store's own error.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads series by label matchers.
pub trait SeriesSource {
    /// Every series that satisfies all `matchers`, with its samples from `start_ms` to `end_ms`, both included.
    ///
    /// Shape: samples ascending in time, stale markers included; no two series with the same labels; a series without
    /// a sample in the window may be left out.
    ///
    /// # Errors
    /// [`SourceError`] if the store cannot be read.
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError>;

    /// [`SeriesSource::select`] that gives up before it holds more than `max_samples` samples.
    ///
    /// The default loads all and leaves the check to the caller; a store that can count first should override it.
    ///
    /// # Errors
    /// [`SourceError::TooManySamples`], or whatever [`SeriesSource::select`] fails with.
    fn select_within(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let _ = max_samples;
        self.select(matchers, start_ms, end_ms)
    }
}

/// Series held in memory, in the order in which they stand.
impl SeriesSource for [SeriesData] {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let selected = self
            .iter()
            .filter(|series| {
                matchers
                    .iter()
                    .all(|m| m.matches(series.labels.get(&m.name).unwrap_or("")))
            })
            .filter_map(|series| {
                let lo = series.samples.partition_point(|s| s.t_ms < start_ms);
                let hi = series.samples.partition_point(|s| s.t_ms <= end_ms);
                let first = series.histograms.partition_point(|s| s.t_ms < start_ms);
                let last = series.histograms.partition_point(|s| s.t_ms <= end_ms);
                (lo < hi || first < last).then(|| SeriesData {
                    labels: series.labels.clone(),
                    samples: series.samples[lo..hi].to_vec(),
                    histograms: series.histograms[first..last].to_vec(),
                })
            });
        Ok(selected.collect())
    }
}

/// As for a slice.
impl SeriesSource for Vec<SeriesData> {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        self.as_slice().select(matchers, start_ms, end_ms)
    }
}
