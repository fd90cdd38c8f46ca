//! What a query cost, for clients that ask with `stats`.
//!
//! Times are of the whole evaluation, which has no phases of its own; samples are those that were read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use watchroom_model::{Matcher, SeriesData};
use watchroom_query::{SeriesSource, SourceError};

use crate::clock;

/// A source that counts the samples that are read from it.
pub(super) struct Counted<'a> {
    source: &'a dyn SeriesSource,
    total: AtomicUsize,
    peak: AtomicUsize,
}

impl<'a> Counted<'a> {
    pub(super) fn new(source: &'a dyn SeriesSource) -> Self {
        Self {
            source,
            total: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    fn count(&self, found: Vec<SeriesData>) -> Vec<SeriesData> {
        let n = found
            .iter()
            .map(|series| series.samples.len() + series.histograms.len())
            .sum();
        self.total.fetch_add(n, Ordering::Relaxed);
        self.peak.fetch_max(n, Ordering::Relaxed);
        found
    }
}

impl SeriesSource for Counted<'_> {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let found = self.source.select(matchers, start_ms, end_ms)?;
        Ok(self.count(found))
    }

    fn select_within(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let found = self
            .source
            .select_within(matchers, start_ms, end_ms, max_samples)?;
        Ok(self.count(found))
    }
}

/// Times of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stats {
    asked: Instant,
    began: Option<Instant>,
}

impl Stats {
    /// A query that was asked for just now.
    pub(super) fn asked() -> Self {
        Self {
            asked: clock::instant(),
            began: None,
        }
    }

    /// It begins to be evaluated.
    pub(super) fn begin(&mut self) {
        self.began = Some(clock::instant());
    }

    /// Appends the member `stats`.
    pub(super) fn write(&self, out: &mut String, source: &Counted<'_>) {
        let now = clock::instant();
        let began = self.began.unwrap_or(self.asked);
        let seconds = |from: Instant, to: Instant| -> f64 {
            let took: Duration = to.saturating_duration_since(from);
            took.as_secs_f64()
        };
        let (evaluated, queued, all) = (
            seconds(began, now),
            seconds(self.asked, began),
            seconds(self.asked, now),
        );
        let (total, peak) = (
            source.total.load(Ordering::Relaxed),
            source.peak.load(Ordering::Relaxed),
        );
        out.push_str(&format!(
            r#","stats":{{"timings":{{"evalTotalTime":{evaluated},"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":{evaluated},"execQueueTime":{queued},"execTotalTime":{all}}},"samples":{{"totalQueryableSamples":{total},"peakSamples":{peak}}}}}"#
        ));
    }
}
