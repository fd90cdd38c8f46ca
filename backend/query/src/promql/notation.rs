//! Native histograms as Prometheus' tests and rule unit tests write them.
//!
//! Not here: numbers, gaps and repetitions of a series of values, which the readers of those files know.

use watchroom_model::{NativeHistogram, ResetHint};

use super::parse_value;

/// Reads `{{schema:1 count:3 sum:2.5 z_bucket:1 z_bucket_w:0.001 offset:-1 buckets:[1 0 1] n_offset:2 n_buckets:[3]
/// custom_values:[5 10] counter_reset_hint:gauge}}`; every part may be left out.
///
/// ```
/// use watchroom_query::promql;
///
/// let histogram = promql::parse_histogram("{{schema:0 count:4 sum:5 buckets:[1 2 1]}}").unwrap();
/// assert_eq!(histogram.to_string(), "{count:4, sum:5, (0.5,1]:1, (1,2]:2, (2,4]:1}");
/// ```
///
/// # Errors
/// What is wrong, for a person.
///
/// Source: Prometheus, "Unit Testing for Rules", series.
pub fn parse_histogram(text: &str) -> Result<NativeHistogram, String> {
    let inner = text
        .trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let Some(mut rest) = inner.map(str::trim) else {
        return Err(format!("expected a histogram in double braces, got {text:?}"));
    };
    let mut histogram = NativeHistogram::default();
    let (mut offset, mut n_offset) = (0, 0);
    let (mut buckets, mut n_buckets) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("expected a name and a colon, got {rest:?}"))?;
        let (value, after) = if let Some(list) = after.strip_prefix('[') {
            list.split_once(']')
                .ok_or_else(|| format!("list of {key} is not closed"))?
        } else {
            after.split_once(char::is_whitespace).unwrap_or((after, ""))
        };
        let number = || parse_value(value).ok_or_else(|| format!("{key} is not a number: {value:?}"));
        let whole = || {
            value
                .parse::<i32>()
                .map_err(|_| format!("{key} is not a whole number: {value:?}"))
        };
        let list = || {
            let numbers = value.split_whitespace().map(parse_value);
            numbers
                .collect::<Option<Vec<f64>>>()
                .ok_or_else(|| format!("{key} is not a list of numbers: {value:?}"))
        };
        match key.trim() {
            "schema" => {
                histogram.schema =
                    i8::try_from(whole()?).map_err(|_| format!("schema {value} does not exist"))?;
            }
            "count" => histogram.count = number()?,
            "sum" => histogram.sum = number()?,
            "z_bucket" => histogram.zero_count = number()?,
            "z_bucket_w" => histogram.zero_threshold = number()?,
            "offset" => offset = whole()?,
            "n_offset" => n_offset = whole()?,
            "buckets" => buckets = list()?,
            "n_buckets" => n_buckets = list()?,
            "custom_values" => histogram.bounds = list()?,
            "counter_reset_hint" => {
                histogram.reset = match value {
                    "unknown" => ResetHint::Unknown,
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    "gauge" => ResetHint::Gauge,
                    other => return Err(format!("unknown counter_reset_hint {other:?}")),
                };
            }
            other => return Err(format!("unknown part {other:?} of a histogram")),
        }
        rest = after.trim_start();
    }
    let indexed = |start: i32, counts: Vec<f64>| (start..).zip(counts).collect();
    histogram.positive = indexed(offset, buckets);
    histogram.negative = indexed(n_offset, n_buckets);
    Ok(histogram.compact())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part() {
        let histogram = parse_histogram(
            "{{schema:1 sum:-0.3 count:8.1 z_bucket:1 z_bucket_w:0.05 buckets:[5.1 0 7] offset:-3 n_buckets:[4] n_offset:2 \
             counter_reset_hint:gauge}}",
        )
        .unwrap();
        let expect = NativeHistogram {
            schema: 1,
            reset: ResetHint::Gauge,
            zero_threshold: 0.05,
            zero_count: 1.0,
            count: 8.1,
            sum: -0.3,
            positive: vec![(-3, 5.1), (-1, 7.0)],
            negative: vec![(2, 4.0)],
            bounds: vec![],
        };
        assert_eq!(histogram, expect);
        assert_eq!(parse_histogram("{{}}").unwrap(), NativeHistogram::default());
        let custom = parse_histogram("{{schema:-53 custom_values:[5 10] buckets:[1 2 3] count:6}}").unwrap();
        assert_eq!((custom.bounds, custom.positive.len()), (vec![5.0, 10.0], 3));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expect) in [
            (
                "{schema:1}",
                "expected a histogram in double braces, got \"{schema:1}\"",
            ),
            ("{{schema}}", "expected a name and a colon, got \"schema\""),
            ("{{schema:x}}", "schema is not a whole number: \"x\""),
            ("{{buckets:[1 2}}", "list of buckets is not closed"),
            ("{{buckets:[1 x]}}", "buckets is not a list of numbers: \"1 x\""),
            ("{{counts:1}}", "unknown part \"counts\" of a histogram"),
            ("{{counter_reset_hint:no}}", "unknown counter_reset_hint \"no\""),
        ] {
            assert_eq!(parse_histogram(text).unwrap_err(), expect);
        }
    }
}
