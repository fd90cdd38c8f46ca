//! `Metric` and its data points, from a registry's snapshot.
//!
//! Invariant: the names, labels and numbers are those that `/metrics` shows at the same moment; sums are cumulative.
//!
//! Source: OpenTelemetry metrics data model; the kinds of Prometheus that OTLP has not (info, state set) go as gauges, as its
//! Prometheus compatibility specification has it.

use watchroom_core::Value as Attribute;
use watchroom_metrics::snapshot::{ExponentialValue, Family, HistogramValue, SeriesRef, SummaryValue, Value};
use watchroom_metrics::{Exemplar, Kind, Snapshot};

use super::attributes::attribute;
use super::{Batch, proto};

const SCOPE: &str = "watchroom";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const CUMULATIVE: u64 = 2;

/// Encodes a snapshot into a batch; a metric without series is left out. Returns the number of data points.
pub fn push_metrics(batch: &mut Batch, snapshot: &Snapshot) -> u64 {
    let families = snapshot.families.iter().filter(|family| !family.is_empty());
    families
        .map(|family| {
            let n_points = family.iter().count() as u64;
            batch.push(SCOPE, VERSION, n_points, |out| {
                encode_family(out, family, snapshot.time_unix_ns)
            });
            n_points
        })
        .sum()
}

fn encode_family(out: &mut Vec<u8>, family: &Family, time_unix_ns: u64) {
    proto::bytes(out, 1, family.name.as_bytes());
    proto::bytes(out, 2, family.help.as_bytes());
    if let Some(unit) = &family.unit {
        match ucum(unit) {
            Some(code) => proto::bytes(out, 3, code.as_bytes()),
            None => proto::bytes(out, 3, format!("{{{unit}}}").as_bytes()),
        }
    }
    let (field, is_sum) = match family.kind {
        Kind::Gauge | Kind::Info | Kind::StateSet => (5, false),
        Kind::Counter | Kind::UpDownCounter => (7, true),
        Kind::Histogram => (9, true),
        Kind::NativeHistogram => (10, true),
        Kind::Summary => (11, false),
    };
    proto::message::<3>(out, field, |out| {
        for series in family.iter() {
            proto::message::<2>(out, 1, |out| encode_point(out, series, time_unix_ns));
        }
        if is_sum {
            proto::uint(out, 2, CUMULATIVE);
        }
        proto::uint(out, 3, u64::from(family.kind == Kind::Counter));
    });
}

fn encode_point(out: &mut Vec<u8>, series: SeriesRef<'_>, time_unix_ns: u64) {
    proto::fixed64(out, 2, series.start_unix_ns());
    proto::fixed64(out, 3, time_unix_ns);
    // The three kinds of points number their labels and exemplars differently.
    let (labels_field, exemplars_field) = match series.value() {
        Value::Histogram(histogram) => {
            encode_histogram(out, histogram);
            (9, 8)
        }
        Value::Exponential(histogram) => {
            encode_exponential(out, histogram);
            (1, 11)
        }
        // Its points have no exemplars.
        Value::Summary(summary) => {
            encode_summary(out, summary);
            (7, 0)
        }
        number => {
            encode_number(out, number);
            (7, 5)
        }
    };
    for (name, value) in series.labels() {
        attribute(out, labels_field, name, Attribute::Str(value));
    }
    for exemplar in series.exemplars() {
        proto::message::<1>(out, exemplars_field, |out| encode_exemplar(out, exemplar));
    }
}

fn encode_number(out: &mut Vec<u8>, value: &Value) {
    let integer = match value {
        Value::U64(value) => i64::try_from(*value).ok(),
        Value::I64(value) => Some(*value),
        _ => None,
    };
    match integer {
        Some(integer) => proto::fixed64_always(out, 6, integer.cast_unsigned()),
        None => proto::double_always(out, 4, value.as_f64()),
    }
}

fn encode_histogram(out: &mut Vec<u8>, histogram: &HistogramValue) {
    proto::fixed64(out, 4, histogram.count);
    proto::double_always(out, 5, histogram.sum);
    proto::packed_fixed64(out, 6, histogram.counts.iter().copied());
    proto::packed_fixed64(out, 7, histogram.bounds.iter().map(|bound| bound.to_bits()));
}

fn encode_exponential(out: &mut Vec<u8>, histogram: &ExponentialValue) {
    proto::fixed64(out, 4, histogram.count);
    proto::double_always(out, 5, histogram.sum);
    proto::sint32(out, 6, histogram.scale);
    proto::fixed64(out, 7, histogram.zero_count);
    proto::message::<2>(out, 8, |out| {
        proto::sint32(out, 1, histogram.offset);
        proto::packed_varint(out, 2, histogram.counts.iter().copied());
    });
    if histogram.zero_threshold != 0.0 {
        proto::double_always(out, 14, histogram.zero_threshold);
    }
}

fn encode_summary(out: &mut Vec<u8>, summary: &SummaryValue) {
    proto::fixed64(out, 4, summary.count);
    proto::double_always(out, 5, summary.sum);
    for (quantile, value) in &summary.quantiles {
        proto::message::<1>(out, 6, |out| {
            proto::double_always(out, 1, *quantile);
            proto::double_always(out, 2, *value);
        });
    }
}

fn encode_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    proto::fixed64(out, 2, exemplar.time_unix_ns);
    proto::double_always(out, 3, exemplar.value);
    proto::bytes_always(out, 4, &exemplar.span_id.to_bytes());
    proto::bytes_always(out, 5, &exemplar.trace_id.to_bytes());
}

/// OTLP wants codes of UCUM where Prometheus has words; a word without a code goes in braces, as an annotation.
fn ucum(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "bytes" => "By",
        "ratio" => "1",
        "percent" => "%",
        "celsius" => "Cel",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "grams" => "g",
        "hertz" => "Hz",
        _ => return None,
    })
}
