//! Prometheus text format 0.0.4.
//!
//! Up-down counters, infos and state sets are gauges here; a native histogram shows one bucket for each doubling.
//! Source: Prometheus exposition formats, text-based format.

use super::write::{head, help, number, summary};
use crate::declaration::Kind;
use crate::snapshot::{HistogramValue, SeriesRef, Snapshot, Value, write_f64};

/// Writes a snapshot at the end of `out`. A family without series is left out.
pub fn text(snapshot: &Snapshot, out: &mut String) {
    for family in snapshot.families.iter().filter(|family| !family.is_empty()) {
        let name = &*family.name;
        help(out, name, &family.help, false);
        out.push_str("# TYPE ");
        out.push_str(name);
        out.push_str(match family.kind {
            Kind::Counter => " counter\n",
            Kind::Histogram | Kind::NativeHistogram => " histogram\n",
            Kind::Summary => " summary\n",
            Kind::UpDownCounter | Kind::Gauge | Kind::Info | Kind::StateSet => " gauge\n",
        });
        for series in family.iter() {
            match series.value() {
                Value::Histogram(value) => histogram(out, name, &series, value),
                Value::Exponential(value) => histogram(out, name, &series, &value.to_classic()),
                Value::Summary(value) => summary(out, name, series.label_text(), value),
                value => {
                    head(out, name, "", series.label_text(), None);
                    number(out, value);
                    out.push('\n');
                }
            }
        }
    }
}

fn histogram(out: &mut String, name: &str, series: &SeriesRef<'_>, value: &HistogramValue) {
    let labels = series.label_text();
    let mut cumulative = 0_u64;
    for (count, le) in value.counts.iter().zip(&value.bounds.plain) {
        cumulative = cumulative.wrapping_add(*count);
        head(out, name, "_bucket", labels, Some(("le", le)));
        out.push_str(itoa::Buffer::new().format(cumulative));
        out.push('\n');
    }
    head(out, name, "_sum", labels, None);
    write_f64(out, value.sum);
    out.push('\n');
    head(out, name, "_count", labels, None);
    out.push_str(itoa::Buffer::new().format(value.count));
    out.push('\n');
}
