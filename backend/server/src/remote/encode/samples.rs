//! Samples, native histograms, exemplars and metadata as remote write 1.0 has them.
//!
//! Source: Prometheus, `prompb/types.proto` and `prompb/remote.proto`.

use watchroom_model::{
    HistogramSample, Labels, MetricKind, MetricMetadata, NativeHistogram, ResetHint, Sample,
};

use super::proto::{Message, zigzag};
use crate::exemplars::Exemplar;

/// A request of samples; those of one series that stand together become one series.
pub(in crate::remote) fn samples(batch: &[(Labels, Sample)]) -> Vec<u8> {
    let mut request = Message::default();
    for run in batch.chunk_by(|a, b| a.0 == b.0) {
        request.message(1, |series| {
            labels(series, run[0].0.iter());
            for (_, one) in run {
                series.message(2, |out| sample(out, one));
            }
        });
    }
    request.0
}

/// Adds a series to a request.
pub(in crate::remote) fn series<'a>(
    request: &mut Vec<u8>,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    samples: &[Sample],
) {
    let mut message = Message(std::mem::take(request));
    message.message(1, |series| {
        labels(series, pairs);
        for one in samples {
            series.message(2, |out| sample(out, one));
        }
    });
    *request = message.0;
}

/// A request of native histograms.
pub(in crate::remote) fn histograms(batch: &[(Labels, HistogramSample)]) -> Vec<u8> {
    let mut request = Message::default();
    for run in batch.chunk_by(|a, b| a.0 == b.0) {
        request.message(1, |series| {
            labels(series, run[0].0.iter());
            for (_, one) in run {
                series.message(4, |out| histogram(out, one));
            }
        });
    }
    request.0
}

/// A request of exemplars, whose series were sent before.
pub(in crate::remote) fn exemplars(batch: &[(Labels, Exemplar)]) -> Vec<u8> {
    let mut request = Message::default();
    for run in batch.chunk_by(|a, b| a.0 == b.0) {
        request.message(1, |series| {
            labels(series, run[0].0.iter());
            for (_, one) in run {
                series.message(3, |out| {
                    labels(out, one.labels.iter());
                    out.double(2, one.value);
                    out.int(3, one.t_ms);
                });
            }
        });
    }
    request.0
}

/// A request of metadata.
pub(in crate::remote) fn metadata<'a>(batch: impl Iterator<Item = &'a MetricMetadata>) -> Vec<u8> {
    let mut request = Message::default();
    for metric in batch {
        request.message(3, |out| {
            out.varint(1, kind(metric.kind));
            out.text(2, &metric.name);
            out.text(4, &metric.help);
            out.text(5, &metric.unit);
        });
    }
    request.0
}

fn labels<'a>(out: &mut Message, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in pairs {
        out.message(1, |pair| {
            pair.text(1, name);
            pair.text(2, value);
        });
    }
}

/// A sample, which both versions write alike.
pub(super) fn sample(out: &mut Message, sample: &Sample) {
    out.double(1, sample.value);
    out.int(2, sample.t_ms);
}

/// A type, which both versions number alike.
pub(super) fn kind(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Unknown => 0,
        MetricKind::Counter => 1,
        MetricKind::Gauge => 2,
        MetricKind::Histogram => 3,
        MetricKind::Summary => 5,
        MetricKind::Info => 6,
        MetricKind::StateSet => 7,
    }
}

/// A native histogram, which both versions write alike: of whole numbers where all are, else of floats.
pub(super) fn histogram(out: &mut Message, sample: &HistogramSample) {
    let of = &*sample.histogram;
    let whole = is_whole(of);
    match whole {
        true => out.varint_always(1, of.count as u64),
        false => out.double_always(2, of.count),
    }
    out.double(3, of.sum);
    out.zigzag(4, i64::from(of.schema));
    out.double(5, of.zero_threshold);
    match whole {
        true => out.varint_always(6, of.zero_count as u64),
        false => out.double_always(7, of.zero_count),
    }
    for (buckets, spans, deltas, counts) in [(&of.negative, 8, 9, 10), (&of.positive, 11, 12, 13)] {
        let mut next = 0;
        for run in buckets.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0)) {
            let first = i64::from(run[0].0);
            out.message(spans, |span| {
                span.zigzag(1, first - next);
                span.varint(2, run.len() as u64);
            });
            next = first + run.len() as i64;
        }
        match whole {
            true => {
                let mut before = 0;
                out.varints(
                    deltas,
                    buckets.iter().map(|(_, count)| {
                        let count = *count as i64;
                        zigzag(count - std::mem::replace(&mut before, count))
                    }),
                );
            }
            false => out.doubles(counts, buckets.iter().map(|(_, count)| *count)),
        }
    }
    let hint = match of.reset {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    };
    out.varint(14, hint);
    out.int(15, sample.t_ms);
    out.doubles(16, of.bounds.iter().copied());
}

fn is_whole(of: &NativeHistogram) -> bool {
    let counts = of.positive.iter().chain(&of.negative).map(|(_, count)| *count);
    counts
        .chain([of.count, of.zero_count])
        .all(|count| (0.0..9e15).contains(&count) && count.fract() == 0.0)
}
