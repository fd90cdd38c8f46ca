//! Reading everything at once.

use super::*;
use crate::snapshot::{self, Snapshot, Value};

/// Something outside the registry that has metrics to show: a ledger, `/proc`, a runtime.
pub trait Collector: Send + Sync {
    /// Adds families. It runs at each collection, on the collecting thread, under no lock of the registry.
    fn collect(&self, out: &mut Vec<snapshot::Family>);
}

impl<F: Fn(&mut Vec<snapshot::Family>) + Send + Sync> Collector for F {
    fn collect(&self, out: &mut Vec<snapshot::Family>) {
        self(out);
    }
}

impl Registry {
    /// Adds a collector.
    pub fn register_collector(&self, collector: impl Collector + 'static) {
        lock(&self.0.state).collectors.push(Arc::new(collector));
    }

    /// Adds a function that adds families at each collection.
    pub fn collect_fn(&self, collect: impl Fn(&mut Vec<snapshot::Family>) + Send + Sync + 'static) {
        self.register_collector(collect);
    }

    /// Reads every metric. Writers are not disturbed, and nothing that was recorded before is missing.
    #[must_use]
    pub fn collect(&self) -> Snapshot {
        let (sources, collectors) = {
            let state = lock(&self.0.state);
            (
                state.families.values().cloned().collect::<Vec<_>>(),
                state.collectors.clone(),
            )
        };
        let mut families: Vec<_> = sources.iter().map(Source::collect).collect();
        for collector in collectors {
            let first = families.len();
            let run = || {
                let mut out = Vec::new();
                collector.collect(&mut out);
                out
            };
            // A collector that panics shows nothing; the others still do.
            let out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_default();
            families.extend(out);
            self.keep_valid(&mut families, first);
        }
        families.push(self.overflow_family(&sources));
        families.push(self.cut_family());
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families.dedup_by(|later, earlier| {
            let same = later.name == earlier.name;
            if same && later.kind == earlier.kind {
                earlier.merge(later);
            }
            same
        });
        Snapshot {
            time_unix_ns: self.0.shared.clock.now_unix_ns(),
            families,
        }
    }

    /// A collector's family whose name no format can carry is left out.
    fn keep_valid(&self, families: &mut Vec<snapshot::Family>, first: usize) {
        let mut i = 0;
        families.retain(|family| {
            i += 1;
            i <= first || name::is_metric_name(&family.name)
        });
    }

    fn overflow_family(&self, sources: &[Source]) -> snapshot::Family {
        let mut family = snapshot::Family::new(
            "watchroom_series_overflow_total",
            Kind::Counter,
            "Samples that went to a metric's overflow series because a limit of series was reached.",
        );
        for source in sources {
            if let Source::Family(one) = source
                && let n @ 1.. = one.overflowed()
            {
                let metric = [("metric", one.declaration.name())];
                family.push(&metric, Value::U64(n), self.0.shared.start_unix_ns);
            }
        }
        family
    }

    fn cut_family(&self) -> snapshot::Family {
        let mut family = snapshot::Family::new(
            "watchroom_label_values_cut_total",
            Kind::Counter,
            "Label values that were cut because they were too long.",
        );
        let n = self
            .0
            .shared
            .n_values_cut
            .load(std::sync::atomic::Ordering::Relaxed);
        family.push(&[], Value::U64(n), self.0.shared.start_unix_ns);
        family
    }
}

impl Source {
    fn collect(&self) -> snapshot::Family {
        match self {
            Self::Family(family) => family.collect(),
            Self::Info(info) => {
                let labels = lock(&info.labels).clone();
                let declaration = &info.declaration;
                let mut family =
                    snapshot::Family::new(declaration.name.clone(), Kind::Info, declaration.help.clone());
                if !labels.is_empty() {
                    let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                    family.push(&labels, Value::U64(1), info.shared.start_unix_ns);
                }
                family
            }
        }
    }
}
