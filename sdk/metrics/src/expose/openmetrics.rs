//! OpenMetrics 1.0.
//!
//! A counter's samples end with `_total` here, also those of a counter whose legacy name does not. A native histogram shows one bucket
//! for each doubling, for the text form has no other.
//! Source: OpenMetrics 1.0.0.

use super::write::{head, help, number, seconds, summary};
use crate::declaration::Kind;
use crate::exemplar::Exemplar;
use crate::snapshot::{Family, HistogramValue, SeriesRef, Snapshot, Value, write_f64};

/// Writes a snapshot at the end of `out`, with `# EOF`. A family without series is left out.
pub fn openmetrics(snapshot: &Snapshot, out: &mut String) {
    for family in snapshot.families.iter().filter(|family| !family.is_empty()) {
        let (name, kind) = name_and_type(family);
        out.push_str("# TYPE ");
        out.push_str(name);
        out.push(' ');
        out.push_str(kind);
        out.push('\n');
        if let Some(unit) = &family.unit
            && name.strip_suffix(&**unit).is_some_and(|rest| rest.ends_with('_'))
        {
            out.push_str("# UNIT ");
            out.push_str(name);
            out.push(' ');
            out.push_str(unit);
            out.push('\n');
        }
        help(out, name, &family.help, true);
        for series in family.iter() {
            samples(out, family.kind, name, &series);
        }
    }
    out.push_str("# EOF\n");
}

fn name_and_type(family: &Family) -> (&str, &'static str) {
    let name = &*family.name;
    match family.kind {
        Kind::Counter => (name.strip_suffix("_total").unwrap_or(name), "counter"),
        Kind::Info => (name.strip_suffix("_info").unwrap_or(name), "info"),
        Kind::UpDownCounter | Kind::Gauge => (name, "gauge"),
        Kind::Histogram | Kind::NativeHistogram => (name, "histogram"),
        Kind::Summary => (name, "summary"),
        Kind::StateSet => (name, "stateset"),
    }
}

fn samples(out: &mut String, kind: Kind, name: &str, series: &SeriesRef<'_>) {
    match series.value() {
        Value::Histogram(value) => histogram(out, name, series, value),
        Value::Exponential(value) => histogram(out, name, series, &value.to_classic()),
        Value::Summary(value) => summary(out, name, series.label_text(), value),
        value => {
            let suffix = match kind {
                Kind::Counter => "_total",
                Kind::Info => "_info",
                _ => "",
            };
            head(out, name, suffix, series.label_text(), None);
            number(out, value);
            if kind == Kind::Counter {
                exemplar(out, series.exemplars().first());
            }
            out.push('\n');
        }
    }
    if matches!(
        kind,
        Kind::Counter | Kind::Histogram | Kind::NativeHistogram | Kind::Summary
    ) && series.start_unix_ns() > 0
    {
        head(out, name, "_created", series.label_text(), None);
        seconds(out, series.start_unix_ns());
        out.push('\n');
    }
}

fn histogram(out: &mut String, name: &str, series: &SeriesRef<'_>, value: &HistogramValue) {
    let labels = series.label_text();
    let mut cumulative = 0_u64;
    let mut lower = f64::NEG_INFINITY;
    for (i, (count, le)) in value.counts.iter().zip(&value.bounds.canonical).enumerate() {
        let upper = value.bounds.get(i).copied().unwrap_or(f64::INFINITY);
        cumulative = cumulative.wrapping_add(*count);
        head(out, name, "_bucket", labels, Some(("le", le)));
        out.push_str(itoa::Buffer::new().format(cumulative));
        let inside = |e: &&Exemplar| lower < e.value && e.value <= upper;
        exemplar(out, series.exemplars().iter().find(inside));
        out.push('\n');
        lower = upper;
    }
    head(out, name, "_count", labels, None);
    out.push_str(itoa::Buffer::new().format(value.count));
    out.push('\n');
    head(out, name, "_sum", labels, None);
    write_f64(out, value.sum);
    out.push('\n');
}

fn exemplar(out: &mut String, exemplar: Option<&Exemplar>) {
    if let Some(exemplar) = exemplar {
        out.push_str(" # {trace_id=\"");
        out.push_str(exemplar.trace_id.hex().as_str());
        out.push_str("\",span_id=\"");
        out.push_str(exemplar.span_id.hex().as_str());
        out.push_str("\"} ");
        write_f64(out, exemplar.value);
        out.push(' ');
        seconds(out, exemplar.time_unix_ns);
    }
}
