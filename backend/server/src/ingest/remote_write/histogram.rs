//! Native histograms, which both versions write alike.

use std::sync::Arc;

use watchroom_model::{HistogramSample, Labels, NativeHistogram, ResetHint, Sample, is_stale};

use super::batch::Batch;
use crate::ingest::otlp::Refusal;
use crate::ingest::protobuf::{Fields, Malformed, unzigzag};

/// Most buckets of a histogram; Prometheus' own has at most 160 or so by default.
const MAX_BUCKETS: usize = 8 << 10;

/// Buckets of one side.
#[derive(Debug, Default)]
struct Side {
    /// Gap before a run of buckets, and its length.
    spans: Vec<(i64, u64)>,
    /// Count of each bucket, as the step from the one before.
    deltas: Vec<i64>,
    /// Count of each bucket of a histogram of floats.
    counts: Vec<f64>,
}

/// Reads a histogram and adds it to the batch, or the reason why it cannot be kept.
pub(super) fn read(fields: Fields<'_>, series: &Labels, batch: &mut Batch<'_>) -> Result<(), Refusal> {
    let mut histogram = NativeHistogram::default();
    let (mut positive, mut negative) = (Side::default(), Side::default());
    let mut t_ms = 0;
    let mut schema = 0;
    for field in fields {
        let field = field?;
        if matches!(field.number, 8..=13 | 16) {
            // Doubled as the vector grows, and once more as what it becomes.
            batch.allowance.take(field.repeats() * 48)?;
        }
        match field.number {
            1 | 6 => {
                let count = field.varint()? as f64;
                if field.number == 1 {
                    histogram.count = count
                } else {
                    histogram.zero_count = count
                }
            }
            2 => histogram.count = field.double()?,
            7 => histogram.zero_count = field.double()?,
            3 => histogram.sum = field.double()?,
            4 => schema = field.zigzag()?,
            5 => histogram.zero_threshold = field.double()?,
            8 => negative.spans.push(span(field.message()?)?),
            9 => field.varints(|delta| negative.deltas.push(unzigzag(delta)))?,
            10 => field.doubles(|count| negative.counts.push(count))?,
            11 => positive.spans.push(span(field.message()?)?),
            12 => field.varints(|delta| positive.deltas.push(unzigzag(delta)))?,
            13 => field.doubles(|count| positive.counts.push(count))?,
            14 => {
                histogram.reset = match field.varint()? {
                    1 => ResetHint::Reset,
                    2 => ResetHint::NotReset,
                    3 => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                }
            }
            15 => t_ms = field.int()?,
            16 => field.doubles(|bound| histogram.bounds.push(bound))?,
            _ => {}
        }
    }
    if is_stale(histogram.sum) {
        let value = histogram.sum;
        return batch.sample(series, Sample { t_ms, value });
    }
    let sides = buckets(&positive).and_then(|positive| Ok((positive, buckets(&negative)?)));
    let checked = sides.and_then(|(positive, negative)| {
        histogram.schema =
            i8::try_from(schema).map_err(|_| "native histogram has a schema that there is not".to_owned())?;
        (histogram.positive, histogram.negative) = (positive, negative);
        histogram.validate().map_err(|error| error.to_string())?;
        Ok(histogram.compact())
    });
    match checked {
        Ok(histogram) => {
            let histogram = Arc::new(histogram);
            batch.histogram(series, HistogramSample { t_ms, histogram })
        }
        Err(reason) => {
            batch.rejected.one(reason);
            Ok(())
        }
    }
}

fn span(fields: Fields<'_>) -> Result<(i64, u64), Malformed> {
    let (mut offset, mut length) = (0, 0);
    for field in fields {
        let field = field?;
        match field.number {
            1 => offset = field.zigzag()?,
            2 => length = field.varint()?,
            _ => {}
        }
    }
    Ok((offset, length))
}

/// Index and count of each bucket. The work is bounded by the counts that are there, not by what the spans claim.
fn buckets(side: &Side) -> Result<Vec<(i32, f64)>, String> {
    let mut total = 0i64;
    let counts: Vec<f64> = match side.counts.is_empty() {
        false => side.counts.clone(),
        true => side
            .deltas
            .iter()
            .map(|delta| {
                total = total.saturating_add(*delta);
                total as f64
            })
            .collect(),
    };
    if counts.len() > MAX_BUCKETS {
        return Err(format!("native histogram has more than {MAX_BUCKETS} buckets"));
    }
    let claimed = side
        .spans
        .iter()
        .fold(0u64, |sum, (_, length)| sum.saturating_add(*length));
    if claimed != counts.len() as u64 {
        return Err("native histogram has spans for another number of buckets than it has".into());
    }
    let mut counts = counts.into_iter();
    let mut buckets = Vec::with_capacity(counts.len());
    let mut index = 0i64;
    for (offset, length) in &side.spans {
        index = index.saturating_add(*offset);
        for count in counts
            .by_ref()
            .take(usize::try_from(*length).unwrap_or(usize::MAX))
        {
            let at =
                i32::try_from(index).map_err(|_| "native histogram has a bucket out of range".to_owned())?;
            buckets.push((at, count));
            index += 1;
        }
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_steps_become_buckets() {
        let side = Side {
            spans: vec![(-2, 2), (3, 1)],
            deltas: vec![4, -1, 2],
            counts: vec![],
        };
        assert_eq!(buckets(&side).unwrap(), [(-2, 4.0), (-1, 3.0), (3, 5.0)]);
        let floats = Side {
            spans: vec![(1, 1)],
            deltas: vec![],
            counts: vec![0.5],
        };
        assert_eq!(buckets(&floats).unwrap(), [(1, 0.5)]);
    }

    #[test]
    fn spans_that_claim_more_than_is_there_cost_nothing() {
        for spans in [
            vec![(0, u64::MAX), (0, 1)],
            vec![(0, 1 << 40)],
            vec![(i64::MAX, 1), (1, 1)],
        ] {
            let side = Side {
                spans,
                deltas: vec![1, 1],
                counts: vec![],
            };
            assert!(buckets(&side).is_err());
        }
    }
}
