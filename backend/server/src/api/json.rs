//! Writes JSON text straight into a string, so that a large answer is not built twice.

use std::fmt::Write as _;

use watchroom_model::{HistogramSample, Labels, Point, Sample, SeriesData};
use watchroom_query::promql::Value;

/// Appends a JSON string.
pub(crate) fn text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(i) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.push_str(&rest[..i]);
        match rest.as_bytes()[i] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
        rest = &rest[i + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Appends a list, calling `each` for its items.
pub(crate) fn list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

/// Appends an object of strings.
pub(crate) fn map<K: AsRef<str>, V: AsRef<str>>(out: &mut String, pairs: impl IntoIterator<Item = (K, V)>) {
    out.push('{');
    for (i, (key, value)) in pairs.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        text(out, key.as_ref());
        out.push(':');
        text(out, value.as_ref());
    }
    out.push('}');
}

/// Appends a label set.
pub(crate) fn labels(out: &mut String, labels: &Labels) {
    map(out, labels.iter());
}

/// Appends a sample as Prometheus has it: seconds with at most three decimals, and the value as text.
pub(crate) fn sample(out: &mut String, sample: &Sample) {
    out.push('[');
    seconds(out, sample.t_ms);
    out.push_str(",\"");
    out.push_str(&float(sample.value));
    out.push_str("\"]");
}

/// Appends the result of a query as Prometheus and Loki have it: the members `resultType` and `result`.
pub(crate) fn result(out: &mut String, result: &Value) {
    out.push_str(r#""resultType":""#);
    out.push_str(&result.value_type().to_string());
    out.push_str(r#"","result":"#);
    value(out, result);
}

fn value(out: &mut String, value: &Value) {
    match value {
        Value::Scalar(at) => {
            // Prometheus prints a scalar without an exponent, however large or small it is.
            out.push('[');
            seconds(out, at.t_ms);
            out.push_str(",\"");
            out.push_str(&watchroom_query::promql::format_value(at.value));
            out.push_str("\"]");
        }
        Value::String { t_ms, text } => {
            out.push('[');
            seconds(out, *t_ms);
            out.push(',');
            self::text(out, text);
            out.push(']');
        }
        Value::Vector(vector) => list(out, vector, |out, (labels, at)| {
            out.push_str(r#"{"metric":"#);
            self::labels(out, labels);
            match at {
                Point::Float(at) => {
                    out.push_str(r#","value":"#);
                    sample(out, at);
                }
                Point::Histogram(at) => {
                    out.push_str(r#","histogram":"#);
                    histogram(out, at);
                }
            }
            out.push('}');
        }),
        Value::Matrix(matrix) => list(out, matrix, self::series),
    }
}

/// Appends a series with its numbers as `values` and its histograms as `histograms`, each if there are any.
pub(crate) fn series(out: &mut String, series: &SeriesData) {
    out.push_str(r#"{"metric":"#);
    labels(out, &series.labels);
    if !series.samples.is_empty() || series.histograms.is_empty() {
        out.push_str(r#","values":"#);
        list(out, &series.samples, sample);
    }
    if !series.histograms.is_empty() {
        out.push_str(r#","histograms":"#);
        list(out, &series.histograms, histogram);
    }
    out.push('}');
}

/// Appends a native histogram as Prometheus has it: buckets as `[rule, "lower", "upper", "count"]`, where the rule tells which bounds are
/// part of the bucket: 0 the upper, 1 the lower, 2 none, 3 both.
pub(crate) fn histogram(out: &mut String, sample: &HistogramSample) {
    let of = &sample.histogram;
    out.push('[');
    seconds(out, sample.t_ms);
    let _ = write!(
        out,
        r#",{{"count":"{}","sum":"{}""#,
        float(of.count),
        float(of.sum)
    );
    let mut buckets = of.buckets().filter(|bucket| bucket.count != 0.0).peekable();
    if buckets.peek().is_some() {
        out.push_str(r#","buckets":"#);
        list(out, buckets, |out, bucket| {
            let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let (lower, upper, count) = (float(bucket.lower), float(bucket.upper), float(bucket.count));
            let _ = write!(out, r#"[{rule},"{lower}","{upper}","{count}"]"#);
        });
    }
    out.push_str("}]");
}

/// Appends milliseconds as seconds.
pub(crate) fn seconds(out: &mut String, t_ms: i64) {
    if t_ms < 0 {
        out.push('-');
    }
    let (whole, ms) = (t_ms.unsigned_abs() / 1000, t_ms.unsigned_abs() % 1000);
    let _ = match ms {
        0 => write!(out, "{whole}"),
        ms => write!(out, "{whole}.{ms:03}"),
    };
}

/// A number as Prometheus' API prints it: shortest digits, with an exponent below 1e-6 and from 1e21 on.
///
/// Source: Prometheus `util/jsonutil`, `MarshalFloat`.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-6..1e21).contains(&size) {
        return exponent(value);
    }
    watchroom_query::promql::format_value(value)
}

/// A number with an exponent, such as `1e+00`, as Prometheus shows the value of an alert.
pub(crate) fn exponent(value: f64) -> String {
    let shown = format!("{value:e}");
    match shown.split_once('e').filter(|_| value.is_finite()) {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => watchroom_query::promql::format_value(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_json_cannot_hold() {
        let all: String = (0..300u32)
            .filter_map(char::from_u32)
            .chain(['"', '\\', '€'])
            .collect();
        let mut out = String::new();
        text(&mut out, &all);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), all);
    }

    #[test]
    fn prints_numbers_as_prometheus_does() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
            (0.000001, "0.000001"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (1e300, "1e+300"),
        ] {
            assert_eq!(float(value), expect);
        }
    }

    #[test]
    fn prints_native_histograms_with_their_buckets() {
        let mut of = watchroom_model::NativeHistogram {
            count: 6.0,
            sum: 3.5,
            zero_count: 1.0,
            zero_threshold: 0.001,
            positive: vec![(0, 2.0), (2, 1.0)],
            negative: vec![(1, 2.0)],
            ..watchroom_model::NativeHistogram::default()
        };
        let shown = |of: &watchroom_model::NativeHistogram| {
            let mut out = String::new();
            histogram(
                &mut out,
                &HistogramSample {
                    t_ms: 1_500,
                    histogram: of.clone().into(),
                },
            );
            out
        };
        assert_eq!(
            shown(&of),
            r#"[1.500,{"count":"6","sum":"3.5","buckets":[[1,"-2","-1","2"],[3,"-0.001","0.001","1"],[0,"0.5","1","2"],[0,"2","4","1"]]}]"#
        );
        (of.positive, of.negative, of.zero_count) = (vec![], vec![], 0.0);
        assert_eq!(shown(&of), r#"[1.500,{"count":"6","sum":"3.5"}]"#);
    }

    #[test]
    fn prints_moments_with_milliseconds_where_there_are_any() {
        for (t_ms, expect) in [
            (0, "0"),
            (1_500, "1.500"),
            (1_005, "1.005"),
            (-1_500, "-1.500"),
            (60_000, "60"),
        ] {
            let mut out = String::new();
            seconds(&mut out, t_ms);
            assert_eq!(out, expect);
        }
    }
}
