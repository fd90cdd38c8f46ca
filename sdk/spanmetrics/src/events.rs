//! Fields of events as instruments.
//!
//! Invariant: the first use of a name decides what it is; what does not fit later is counted, not recorded, and told once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use watchroom_capture::{EventRecord, Fields, Scope};
use watchroom_core::{SpanContext, Value};
use watchroom_metrics::snapshot::{Family, Value as Sample};
use watchroom_metrics::{
    Declaration, DynamicCounter, DynamicGauge, DynamicHistogram, DynamicUpDownCounter, Exemplar, Kind,
    RegisterError, Registry,
};

use crate::builder::{Builder, DURATION_BUCKETS};
use crate::field::{Number, Wanted, metric_name, split};

/// Names of metric fields that are known at most. Fields are code, so no program comes near it; generated code might.
const MAX_NAMES: usize = 2_000;
/// Name under which refusals are counted that come after so many names.
const OTHERS: &str = "__overflow__";

/// Why events' metric fields are left out; told once for each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Debug)]
pub(crate) struct Events {
    settings: Builder,
    registry: Registry,
    known: RwLock<HashMap<Box<str>, Instrument>>,
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    by_field: BTreeMap<Box<str>, u64>,
    untold: Vec<Warning>,
}

#[derive(Debug, Clone)]
enum Instrument {
    CounterU64(DynamicCounter<u64>),
    CounterF64(DynamicCounter<f64>),
    UpDownI64(DynamicUpDownCounter<i64>),
    UpDownF64(DynamicUpDownCounter<f64>),
    GaugeI64(DynamicGauge<i64>),
    GaugeF64(DynamicGauge<f64>),
    Histogram(DynamicHistogram),
    Refused,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The labels of an event: its fields but for metrics and the message.
fn labels(fields: &Fields) -> impl Iterator<Item = (&str, Value<'_>)> + Clone {
    (0..fields.len())
        .filter_map(|idx| fields.at(idx))
        .filter(|(key, _)| *key != "message" && split(key).is_none())
}

impl Events {
    pub(crate) fn new(settings: Builder, registry: Registry) -> Self {
        Self {
            settings,
            registry,
            known: RwLock::default(),
            refused: Mutex::default(),
        }
    }

    /// Has the registry show what is refused.
    pub(crate) fn register(self: &Arc<Self>) {
        let own = Arc::downgrade(self);
        self.registry.collect_fn(move |families| {
            if let Some(events) = own.upgrade() {
                let mut family = Family::new(
                    "watchroom_event_metrics_refused_total",
                    Kind::Counter,
                    "Metric fields of events that were left out, by field.",
                );
                for (field, n) in &lock(&events.refused).by_field {
                    family.push(&[("field", field)], Sample::U64(*n), 0);
                }
                families.push(family);
            }
        });
    }

    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut lock(&self.refused).untold)
    }

    pub(crate) fn record(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        let sampled = scope
            .context()
            .filter(|context| self.settings.exemplars && context.is_sampled());
        for (field, value) in event.fields.iter() {
            let Some((wanted, name)) = split(field) else {
                continue;
            };
            match Number::of(value) {
                Some(number) => self.record_one((field, wanted, name), number, event, sampled),
                None => self.refuse(field, || "its value is not a number".to_owned()),
            }
        }
    }

    fn record_one(
        &self,
        (field, wanted, name): (&str, Wanted, &str),
        number: Number,
        event: &EventRecord<'_>,
        sampled: Option<&SpanContext>,
    ) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let done = match known.get(field) {
            Some(instrument) => instrument.record(number, event, sampled),
            None => {
                drop(known);
                match self.make(field, wanted, name, number) {
                    Some(instrument) => instrument.record(number, event, sampled),
                    None => return,
                }
            }
        };
        if let Err(problem) = done {
            self.refuse(field, || problem.to_owned());
        }
    }

    #[cold]
    fn make(&self, field: &str, wanted: Wanted, name: &str, number: Number) -> Option<Instrument> {
        let made = self.register_metric(field, wanted, name, number.is_float());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_NAMES && !known.contains_key(field) {
            drop(known);
            self.refuse(OTHERS, || {
                format!("there are more than {MAX_NAMES} metric fields")
            });
            return None;
        }
        match made {
            Ok(instrument) => Some(known.entry(field.into()).or_insert(instrument).clone()),
            // Another thread may have been quicker, with the other kind of number.
            Err(_) if matches!(known.get(field), Some(known) if !matches!(known, Instrument::Refused)) => {
                known.get(field).cloned()
            }
            Err(error) => {
                known.insert(field.into(), Instrument::Refused);
                drop(known);
                self.refuse(field, || error.to_string());
                None
            }
        }
    }

    fn register_metric(
        &self,
        field: &str,
        wanted: Wanted,
        name: &str,
        float: bool,
    ) -> Result<Instrument, RegisterError> {
        let help = format!("From events with the field `{field}`.");
        let mut declaration = Declaration::new(metric_name(wanted, name), help)
            .with_legacy_name()
            .at("watchroom-spanmetrics");
        if let Some(limit) = self.settings.limit {
            declaration = declaration.with_limit(limit);
        }
        if let Some(idle) = self.settings.expire {
            declaration = declaration.expiring_after(idle);
        }
        let registry = &self.registry;
        Ok(match (wanted, float) {
            (Wanted::Counter, false) => {
                Instrument::CounterU64(DynamicCounter::register(registry, declaration)?)
            }
            (Wanted::Counter, true) => {
                Instrument::CounterF64(DynamicCounter::register(registry, declaration)?)
            }
            (Wanted::UpDownCounter, false) => {
                Instrument::UpDownI64(DynamicUpDownCounter::register(registry, declaration)?)
            }
            (Wanted::UpDownCounter, true) => {
                Instrument::UpDownF64(DynamicUpDownCounter::register(registry, declaration)?)
            }
            (Wanted::Gauge, false) => Instrument::GaugeI64(DynamicGauge::register(registry, declaration)?),
            (Wanted::Gauge, true) => Instrument::GaugeF64(DynamicGauge::register(registry, declaration)?),
            (Wanted::Histogram, _) => {
                let bounds = if name.ends_with("seconds") {
                    DURATION_BUCKETS.to_vec().into()
                } else {
                    self.settings.buckets.clone()
                };
                Instrument::Histogram(DynamicHistogram::register(
                    registry,
                    declaration.with_buckets(bounds),
                )?)
            }
        })
    }

    /// Counts what is left out, and notes it down to be told the first time.
    #[cold]
    fn refuse(&self, field: &str, problem: impl FnOnce() -> String) {
        let mut refused = lock(&self.refused);
        if let Some(n) = refused.by_field.get_mut(field) {
            *n += 1;
            return;
        }
        let field = if refused.by_field.len() < MAX_NAMES {
            field
        } else {
            OTHERS
        };
        let n = refused.by_field.entry(field.into()).or_insert(0);
        *n += 1;
        if *n == 1 {
            refused.untold.push(Warning {
                field: field.to_owned(),
                problem: problem(),
            });
        }
    }
}

impl Instrument {
    fn record(
        &self,
        number: Number,
        event: &EventRecord<'_>,
        sampled: Option<&SpanContext>,
    ) -> Result<(), &'static str> {
        const NOT_WHOLE: &str =
            "its first value was a whole number, this one is not, or is too large for one";
        const NEGATIVE: &str = "a monotonic counter takes whole numbers, like its first one, from zero on";
        let labels = labels(event.fields);
        let exemplar = |value: f64| {
            let context = sampled?;
            Some(Exemplar {
                trace_id: context.trace_id,
                span_id: context.span_id,
                value,
                time_unix_ns: event.time_unix_ns,
            })
        };
        match self {
            Self::CounterU64(counter) => {
                let n = number.as_u64().ok_or(NEGATIVE)?;
                match exemplar(number.as_f64()) {
                    Some(exemplar) => counter.inc_with_exemplar(labels, n, exemplar),
                    None => counter.inc_by(labels, n),
                }
            }
            Self::CounterF64(counter) => match number.as_f64() {
                n if n >= 0.0 => match exemplar(n) {
                    Some(exemplar) => counter.inc_with_exemplar(labels, n, exemplar),
                    None => counter.inc_by(labels, n),
                },
                _ => return Err("a monotonic counter does not go down"),
            },
            Self::UpDownI64(counter) => counter.add(labels, number.as_i64().ok_or(NOT_WHOLE)?),
            Self::UpDownF64(counter) => counter.add(labels, number.as_f64()),
            Self::GaugeI64(gauge) => gauge.set(labels, number.as_i64().ok_or(NOT_WHOLE)?),
            Self::GaugeF64(gauge) => gauge.set(labels, number.as_f64()),
            Self::Histogram(histogram) => match exemplar(number.as_f64()) {
                Some(exemplar) => histogram.observe_with_exemplar(labels, number.as_f64(), exemplar),
                None => histogram.observe(labels, number.as_f64()),
            },
            Self::Refused => return Err("another metric has its name"),
        }
        Ok(())
    }
}
