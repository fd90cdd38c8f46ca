//! Native histograms, which both versions write alike.

use std::sync::Arc;

use watchroom_model::{HistogramSample, NativeHistogram, ResetHint, Sample, is_stale};

use super::batch::Batch;
use crate::ingest::otlp::Refusal;
use crate::ingest::protobuf::{Fields, unzigzag};
use crate::ingest::spans::Side;

/// Reads a histogram and adds it to the batch, or the reason why it cannot be kept.
pub(super) fn read(fields: Fields<'_>, batch: &mut Batch<'_, '_>) -> Result<(), Refusal> {
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
            8 => negative.span(field.message()?)?,
            9 => field.varints(|delta| negative.deltas.push(unzigzag(delta)))?,
            10 => field.doubles(|count| negative.counts.push(count))?,
            11 => positive.span(field.message()?)?,
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
        return batch.sample(Sample { t_ms, value });
    }
    let sides = positive
        .buckets()
        .and_then(|positive| Ok((positive, negative.buckets()?)));
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
            batch.histogram(HistogramSample { t_ms, histogram })
        }
        Err(reason) => {
            batch.rejected.one(reason);
            Ok(())
        }
    }
}
