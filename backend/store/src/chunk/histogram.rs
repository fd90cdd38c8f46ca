//! Runs of native histograms of one series.
//!
//! Layout of a chunk: kind (1 byte), number of samples (2), first timestamp (8), version (1), then for each sample the difference of the
//! differences of times and the histogram. Of a histogram: flags (bit 0: buckets as in the one before; bit 1: whole counts; bits 2 and 3:
//! what is known of a reset); unless as before its schema, zero threshold, given bounds and indexes; then its counts, whole ones as
//! differences to the one before if that has the same buckets; then its sum.

use std::sync::Arc;

use watchroom_model::{HistogramSample, NativeHistogram, ResetHint};

use super::{KIND_HISTOGRAM, whole};
use crate::codec::{Corrupt, Reader, put_ivarint, put_uvarint};

/// Version of the layout.
const VERSION: u8 = 1;
/// Bytes before the samples.
const HEADER: usize = 12;
/// Samples and bytes after which a chunk is full.
const MAX_SAMPLES: u16 = 240;
const MAX_BYTES: usize = 16 << 10;

const SAME_BUCKETS: u8 = 1;
const WHOLE: u8 = 2;

/// A chunk of histograms that can be appended to; its bytes are a valid chunk at any time.
#[derive(Debug, Clone)]
pub(crate) struct HistogramChunk {
    bytes: Vec<u8>,
    count: u16,
    last: HistogramSample,
    last_time_delta: i64,
}

impl HistogramChunk {
    pub(crate) fn new(first: &HistogramSample) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(KIND_HISTOGRAM);
        bytes.extend_from_slice(&1_u16.to_le_bytes());
        bytes.extend_from_slice(&first.t_ms.to_le_bytes());
        bytes.push(VERSION);
        put_ivarint(&mut bytes, 0);
        put(&mut bytes, &first.histogram, None);
        Self {
            bytes,
            count: 1,
            last: first.clone(),
            last_time_delta: 0,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Memory it takes, the newest histogram with it.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.last.histogram.weight() * 16
    }

    pub(crate) fn last_ms(&self) -> i64 {
        self.last.t_ms
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count >= MAX_SAMPLES || self.bytes.len() >= MAX_BYTES
    }

    /// Appends a sample, which must be later than the last.
    pub(crate) fn push(&mut self, sample: &HistogramSample) {
        let time_delta = sample.t_ms.wrapping_sub(self.last.t_ms);
        put_ivarint(&mut self.bytes, time_delta.wrapping_sub(self.last_time_delta));
        put(&mut self.bytes, &sample.histogram, Some(&self.last.histogram));
        self.last_time_delta = time_delta;
        self.last = sample.clone();
        self.count += 1;
        self.bytes[1..3].copy_from_slice(&self.count.to_le_bytes());
    }
}

/// Shows every histogram of a chunk, in order of time. What is readable before the damage is shown.
pub(super) fn decode(chunk: &[u8], mut visit: impl FnMut(HistogramSample)) -> Result<(), Corrupt> {
    if chunk.len() < HEADER {
        return Err(Corrupt("a chunk has no header"));
    }
    let mut reader = Reader::new(&chunk[1..]);
    let count = u16::from_le_bytes(reader.array()?);
    let mut t_ms = reader.u64()? as i64;
    if reader.u8()? != VERSION {
        return Err(Corrupt("a histogram chunk's version is not known"));
    }
    let mut time_delta = 0_i64;
    let mut before: Option<Arc<NativeHistogram>> = None;
    for _ in 0..count {
        time_delta = time_delta.wrapping_add(reader.ivarint()?);
        t_ms = t_ms.wrapping_add(time_delta);
        let histogram = Arc::new(get(&mut reader, before.as_deref())?);
        before = Some(Arc::clone(&histogram));
        visit(HistogramSample { t_ms, histogram });
    }
    Ok(())
}

/// Appends a histogram, told by what differs from the one before.
pub(crate) fn put(out: &mut Vec<u8>, histogram: &NativeHistogram, before: Option<&NativeHistogram>) {
    let before = before.filter(|before| same_buckets(before, histogram));
    let is_whole = counts(histogram).all(|count| whole(count).is_some());
    let reset = match histogram.reset {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3_u8,
    };
    let same = if before.is_some() { SAME_BUCKETS } else { 0 };
    out.push(same | if is_whole { WHOLE } else { 0 } | reset << 2);
    if before.is_none() {
        out.push(histogram.schema as u8);
        out.extend_from_slice(&histogram.zero_threshold.to_bits().to_le_bytes());
        put_uvarint(out, histogram.bounds.len() as u64);
        for bound in &histogram.bounds {
            out.extend_from_slice(&bound.to_bits().to_le_bytes());
        }
        for side in [&histogram.positive, &histogram.negative] {
            put_uvarint(out, side.len() as u64);
            let mut last = 0;
            for (index, _) in side {
                put_ivarint(out, i64::from(*index) - last);
                last = i64::from(*index);
            }
        }
    }
    if is_whole {
        let mut of_before = before.into_iter().flat_map(counts);
        for count in counts(histogram) {
            let base = of_before.next().and_then(whole).unwrap_or(0);
            put_ivarint(out, whole(count).unwrap_or(0) - base);
        }
    } else {
        for count in counts(histogram) {
            out.extend_from_slice(&count.to_bits().to_le_bytes());
        }
    }
    out.extend_from_slice(&histogram.sum.to_bits().to_le_bytes());
}

/// Reads what [`put`] wrote.
pub(crate) fn get(
    reader: &mut Reader<'_>,
    before: Option<&NativeHistogram>,
) -> Result<NativeHistogram, Corrupt> {
    let flags = reader.u8()?;
    let mut histogram = NativeHistogram::default();
    let before = match (flags & SAME_BUCKETS != 0, before) {
        (false, _) => None,
        (true, Some(before)) => Some(before),
        (true, None) => return Err(Corrupt("a histogram has buckets as one that is not there")),
    };
    match before {
        Some(before) => histogram.clone_from(before),
        None => {
            histogram.schema = reader.u8()? as i8;
            histogram.zero_threshold = f64::from_bits(reader.u64()?);
            let n_bounds = reader.count()?;
            histogram.bounds = (0..n_bounds)
                .map(|_| reader.u64().map(f64::from_bits))
                .collect::<Result<_, _>>()?;
            for side in [&mut histogram.positive, &mut histogram.negative] {
                let n = reader.count()?;
                side.reserve_exact(n);
                let mut last = 0_i64;
                for _ in 0..n {
                    last = last.wrapping_add(reader.ivarint()?);
                    let index =
                        i32::try_from(last).map_err(|_| Corrupt("a bucket's index is out of range"))?;
                    side.push((index, 0.0));
                }
            }
        }
    }
    histogram.reset = match flags >> 2 & 3 {
        0 => ResetHint::Unknown,
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        _ => ResetHint::Gauge,
    };
    let as_whole = flags & WHOLE != 0;
    let NativeHistogram {
        count,
        zero_count,
        positive,
        negative,
        ..
    } = &mut histogram;
    let buckets = positive.iter_mut().chain(negative).map(|(_, count)| count);
    for value in [count, zero_count].into_iter().chain(buckets) {
        *value = match as_whole {
            // The value of the one before still stands there, or zero.
            true => whole(*value).unwrap_or(0).wrapping_add(reader.ivarint()?) as f64,
            false => f64::from_bits(reader.u64()?),
        };
    }
    histogram.sum = f64::from_bits(reader.u64()?);
    Ok(histogram)
}

fn counts(histogram: &NativeHistogram) -> impl Iterator<Item = f64> + '_ {
    let buckets = histogram.positive.iter().chain(&histogram.negative);
    [histogram.count, histogram.zero_count]
        .into_iter()
        .chain(buckets.map(|(_, count)| *count))
}

fn same_buckets(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let same = |a: &[(i32, f64)], b: &[(i32, f64)]| a.iter().map(|(i, _)| i).eq(b.iter().map(|(i, _)| i));
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.bounds.len() == b.bounds.len()
        && a.bounds
            .iter()
            .zip(&b.bounds)
            .all(|(a, b)| a.to_bits() == b.to_bits())
        && same(&a.positive, &b.positive)
        && same(&a.negative, &b.negative)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{decode_points, first_ms, n_samples};

    fn count() -> impl Strategy<Value = f64> {
        prop_oneof![4 => (0..1_000_000_i64).prop_map(|n| n as f64), 1 => any::<u64>().prop_map(f64::from_bits)]
    }

    fn histogram() -> impl Strategy<Value = NativeHistogram> {
        let side = || proptest::collection::btree_map(-40..40_i32, count(), 0..6);
        let hint = prop::sample::select(vec![
            ResetHint::Unknown,
            ResetHint::Reset,
            ResetHint::NotReset,
            ResetHint::Gauge,
        ]);
        (
            any::<i8>(),
            hint,
            count(),
            count(),
            count(),
            side(),
            side(),
            proptest::collection::vec(count(), 0..3),
        )
            .prop_map(
                |(schema, reset, zero_threshold, zero_count, count, positive, negative, bounds)| {
                    NativeHistogram {
                        schema,
                        reset,
                        zero_threshold,
                        zero_count,
                        count,
                        sum: zero_count - count,
                        positive: positive.into_iter().collect(),
                        negative: negative.into_iter().collect(),
                        bounds,
                    }
                },
            )
    }

    fn bits(histogram: &NativeHistogram) -> String {
        let values = counts(histogram)
            .chain([histogram.sum, histogram.zero_threshold])
            .chain(histogram.bounds.clone());
        let values: Vec<u64> = values.map(f64::to_bits).collect();
        let indexes: Vec<i32> = histogram
            .positive
            .iter()
            .chain(&histogram.negative)
            .map(|(i, _)| *i)
            .collect();
        format!(
            "{} {:?} {values:?} {indexes:?} {}",
            histogram.schema,
            histogram.reset,
            histogram.positive.len()
        )
    }

    proptest! {
        #[test]
        fn chunks_keep_every_bit(first: i64, list in proptest::collection::vec((1..1_000_000_i64, histogram(), any::<bool>()), 1..20)) {
            let mut t_ms = first / 2;
            let mut samples: Vec<HistogramSample> = Vec::new();
            for (step, mut histogram, repeat) in list {
                t_ms += step;
                // The same buckets again, as they mostly come.
                if repeat && let Some(last) = samples.last() {
                    let count = histogram.count;
                    histogram = (*last.histogram).clone();
                    histogram.count = count;
                }
                samples.push(HistogramSample { t_ms, histogram: histogram.into() });
            }
            let mut chunk = HistogramChunk::new(&samples[0]);
            samples[1..].iter().for_each(|sample| chunk.push(sample));
            prop_assert_eq!(first_ms(chunk.bytes()), Some(samples[0].t_ms));
            prop_assert_eq!(n_samples(chunk.bytes()), samples.len());
            let mut back = Vec::new();
            decode_points(chunk.bytes(), |_| {}, |sample| back.push(sample)).unwrap();
            let shown = |samples: &[HistogramSample]| -> Vec<(i64, String)> {
                samples.iter().map(|sample| (sample.t_ms, bits(&sample.histogram))).collect()
            };
            prop_assert_eq!(shown(&back), shown(&samples));
        }

        #[test]
        fn never_panics_on_any_bytes(mut bytes: Vec<u8>) {
            let _ = decode_points(&bytes, |_| {}, |_| {});
            bytes.splice(0..0, [KIND_HISTOGRAM, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, VERSION]);
            let _ = decode_points(&bytes, |_| {}, |_| {});
        }
    }

    #[test]
    fn steady_buckets_take_little_room() {
        let of = |n: i64| HistogramSample {
            t_ms: n * 15_000,
            histogram: Arc::new(NativeHistogram {
                schema: 3,
                count: (n * 20) as f64,
                sum: n as f64 * 1.7,
                positive: (0..20).map(|i| (i, n as f64)).collect(),
                ..NativeHistogram::default()
            }),
        };
        let mut chunk = HistogramChunk::new(&of(1));
        (2..=200).for_each(|n| chunk.push(&of(n)));
        assert!(chunk.bytes().len() < 200 * 36, "{} bytes", chunk.bytes().len());
    }

    #[test]
    fn another_version_is_refused() {
        let sample = HistogramSample {
            t_ms: 1,
            histogram: Arc::default(),
        };
        let mut bytes = HistogramChunk::new(&sample).into_bytes();
        bytes[HEADER - 1] += 1;
        assert!(decode(&bytes, |_| {}).is_err());
    }
}
