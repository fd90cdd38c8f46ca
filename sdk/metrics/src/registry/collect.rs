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
    ///
    /// Families of one name and kind become one. A collector's family is left out, and counted, if its name is not one or if another
    /// kind of metric has it; so is all that a collector gives that panics.
    #[must_use]
    pub fn collect(&self) -> Snapshot {
        let shared = &self.0.shared;
        let (sources, collectors) = {
            let state = lock(&self.0.state);
            (
                state.families.values().cloned().collect::<Vec<_>>(),
                state.collectors.clone(),
            )
        };
        let mut families: Vec<_> = sources.iter().map(Source::collect).collect();
        for collector in collectors {
            let run = || {
                let mut out = Vec::new();
                collector.collect(&mut out);
                out
            };
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
                Ok(out) => {
                    for family in out {
                        if name::is_metric_name(&family.name) {
                            families.push(family);
                        } else {
                            shared.leave_out();
                        }
                    }
                }
                Err(_) => shared.leave_out(),
            }
        }
        families.push(self.overflow_family(&sources));
        let mut families = shared.merged(families);
        let of_itself = [
            (
                "watchroom_label_values_cut_total",
                "Label values that were cut because they were too long.",
                &shared.n_values_cut,
            ),
            (
                "watchroom_families_left_out_total",
                "Families of collectors that were left out: a bad name, a clash or a panic.",
                &shared.n_left_out,
            ),
            (
                "watchroom_series_expired_total",
                "Series that ended because nothing was recorded in them.",
                &self.0.n_expired,
            ),
        ];
        for (name, help, n) in of_itself {
            let mut family = snapshot::Family::new(name, Kind::Counter, help);
            family.push(&[], Value::U64(n.load(Relaxed)), shared.start_unix_ns);
            families.push(family);
        }
        let series = [
            (
                "watchroom_series",
                "Series that exist, in all metrics together.",
                shared.n_series.load(Relaxed),
            ),
            (
                "watchroom_series_limit",
                "Series that there may be, in all metrics together.",
                shared.limits.total,
            ),
        ];
        for (name, help, n) in series {
            families.push(snapshot::Family::new(name, Kind::Gauge, help).with(&[], Value::U64(n as u64)));
        }
        families.sort_by(|a, b| a.name.cmp(&b.name));
        Snapshot {
            time_unix_ns: shared.clock.now_unix_ns(),
            families,
        }
    }

    fn overflow_family(&self, sources: &[Source]) -> snapshot::Family {
        let mut family = snapshot::Family::new(
            "watchroom_series_overflow_total",
            Kind::Counter,
            "Samples that went to a metric's overflow series because a limit of series was reached.",
        );
        for source in sources {
            let n_overflowed = match source {
                Source::Family(one) => one.overflowed(),
                Source::Reservoir(one) => one.overflowed(),
                Source::Info(_) => 0,
            };
            if n_overflowed > 0 {
                let metric = [("metric", source.declaration().name())];
                family.push(&metric, Value::U64(n_overflowed), self.0.shared.start_unix_ns);
            }
        }
        family
    }
}

impl Shared {
    fn leave_out(&self) {
        self.n_left_out.fetch_add(1, Relaxed);
    }

    /// One family for each name; the first one's kind holds.
    fn merged(&self, mut families: Vec<snapshot::Family>) -> Vec<snapshot::Family> {
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families.dedup_by(|later, earlier| {
            let same = later.name == earlier.name;
            if same && later.kind == earlier.kind {
                earlier.merge(later);
            } else if same {
                self.leave_out();
            }
            same
        });
        families
    }
}

impl Source {
    fn collect(&self) -> snapshot::Family {
        match self {
            Self::Family(family) => family.collect(),
            Self::Reservoir(reservoir) => reservoir.collect(),
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
