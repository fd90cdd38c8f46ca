//! What is declared and how full it is, for people and for warnings.

use super::*;
use crate::error::Scope;

/// At most one batch of warnings in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// One declared metric and its present cardinality.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// Its declaration.
    pub declaration: Declaration,
    /// How many series it may have.
    pub limit: usize,
    /// How many it has, the overflow series excepted.
    pub n_series: usize,
    /// Samples that went to its overflow series.
    pub n_overflowed: u64,
}

/// A metric whose samples went to its overflow series since the last warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverflowWarning {
    /// The metric.
    pub metric: String,
    /// Samples since the last warning.
    pub n_samples: u64,
    /// What was exceeded.
    pub scope: Scope,
    /// Series that it has.
    pub n_series: usize,
}

impl Registry {
    /// Every declared metric, by name.
    #[must_use]
    pub fn catalogue(&self) -> Vec<CatalogueEntry> {
        let sources: Vec<_> = lock(&self.0.state).families.values().cloned().collect();
        let entry = |source: Source| match source {
            Source::Family(family) => CatalogueEntry {
                declaration: family.declaration.clone(),
                limit: family.limit,
                n_series: family.n_series(),
                n_overflowed: family.overflowed(),
            },
            Source::Info(info) => CatalogueEntry {
                declaration: info.declaration.clone(),
                limit: 1,
                n_series: usize::from(!lock(&info.labels).is_empty()),
                n_overflowed: 0,
            },
            Source::Reservoir(reservoir) => CatalogueEntry {
                declaration: reservoir.declaration.clone(),
                limit: self.limits().per_metric,
                n_series: reservoir.n_series(),
                n_overflowed: reservoir.overflowed(),
            },
        };
        sources.into_iter().map(entry).collect()
    }

    /// Series that exist in all metrics together.
    #[must_use]
    pub fn n_series(&self) -> usize {
        self.0.shared.n_series.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.shared.limits
    }

    /// Metrics that overflowed since the last warnings were taken. Gives some at most once a minute, so whoever calls it now and
    /// then can log all that it gives.
    #[must_use]
    pub fn take_overflow_warnings(&self) -> Vec<OverflowWarning> {
        let now = self.0.shared.clock.now();
        let sources: Vec<_> = lock(&self.0.state).families.values().cloned().collect();
        let mut warned = lock(&self.0.warned);
        if warned.at.is_some_and(|at| now.since(at) < WARN_EVERY) {
            return Vec::new();
        }
        let mut warnings = Vec::new();
        for source in sources {
            let (total, scope, n_series) = match &source {
                Source::Family(family) => (family.overflowed(), family.last_scope(), family.n_series()),
                Source::Reservoir(reservoir) => {
                    (reservoir.overflowed(), Scope::Registry, reservoir.n_series())
                }
                Source::Info(_) => continue,
            };
            let metric = source.declaration().name();
            let before = warned.overflowed.get(metric).copied().unwrap_or(0);
            if total > before {
                warned.overflowed.insert(metric.to_owned(), total);
                warnings.push(OverflowWarning {
                    metric: metric.to_owned(),
                    n_samples: total - before,
                    scope,
                    n_series,
                });
            }
        }
        if !warnings.is_empty() {
            warned.at = Some(now);
        }
        warnings
    }
}
