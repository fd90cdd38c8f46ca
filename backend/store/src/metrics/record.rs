//! What the engine keeps besides chunks: journal records, label sets, metadata.

use watchroom_model::{HistogramSample, Labels, MetricKind, MetricMetadata, Sample};

use crate::chunk::histogram;
use crate::codec::{Corrupt, Reader, open, put_ivarint, put_str, put_uvarint, seal};

/// A journal record under construction: the samples of one batch by series id.
///
/// Each sample is the step of the id (doubled, odd if the value is a whole number), the step of the time, and the value. Histograms, if
/// there are any, come before them: [`HISTOGRAMS`], a version, their number, and each as id, time and what `chunk::histogram` makes of it.
#[derive(Debug, Default)]
pub(super) struct JournalRecord {
    plain: Vec<u8>,
    id: u32,
    t_ms: i64,
    histograms: Vec<u8>,
    n_histograms: u64,
}

/// In the place of the first step of an id, which is never negative: histograms follow.
const HISTOGRAMS: i64 = i64::MIN;
/// Version of the form of histograms.
const HISTOGRAMS_VERSION: u8 = 1;

impl JournalRecord {
    pub(super) fn push(&mut self, id: u32, sample: Sample) {
        let whole = sample.value as i64;
        let is_whole = whole.unsigned_abs() < 1 << 40 && (whole as f64).to_bits() == sample.value.to_bits();
        let step = i64::from(id) - i64::from(self.id);
        put_ivarint(&mut self.plain, step * 2 + i64::from(is_whole));
        put_ivarint(&mut self.plain, sample.t_ms.wrapping_sub(self.t_ms));
        if is_whole {
            put_ivarint(&mut self.plain, whole);
        } else {
            self.plain
                .extend_from_slice(&sample.value.to_bits().to_le_bytes());
        }
        (self.id, self.t_ms) = (id, sample.t_ms);
    }

    pub(super) fn push_histogram(&mut self, id: u32, sample: &HistogramSample) {
        put_uvarint(&mut self.histograms, u64::from(id));
        put_ivarint(&mut self.histograms, sample.t_ms);
        histogram::put(&mut self.histograms, &sample.histogram, None);
        self.n_histograms += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.n_histograms == 0
    }

    pub(super) fn finish(&self) -> Vec<u8> {
        if self.n_histograms == 0 {
            return seal(&self.plain);
        }
        let mut both = Vec::with_capacity(self.histograms.len() + self.plain.len() + 16);
        put_ivarint(&mut both, HISTOGRAMS);
        both.push(HISTOGRAMS_VERSION);
        put_uvarint(&mut both, self.n_histograms);
        both.extend_from_slice(&self.histograms);
        both.extend_from_slice(&self.plain);
        seal(&both)
    }
}

/// Shows the samples of a journal record.
pub(super) fn read_journal(
    value: &[u8],
    mut visit: impl FnMut(u32, Sample),
    mut visit_histogram: impl FnMut(u32, HistogramSample),
) -> Result<(), Corrupt> {
    let plain = open(value)?;
    let mut reader = Reader::new(&plain);
    let mut ahead = reader;
    if !reader.is_empty() && ahead.ivarint()? == HISTOGRAMS {
        reader = ahead;
        if reader.u8()? != HISTOGRAMS_VERSION {
            return Err(Corrupt(
                "the form of histograms is of a version that is not known",
            ));
        }
        for _ in 0..reader.count()? {
            let id = reader.u32v()?;
            let t_ms = reader.ivarint()?;
            let histogram = histogram::get(&mut reader, None)?.into();
            visit_histogram(id, HistogramSample { t_ms, histogram });
        }
    }
    let (mut id, mut t_ms) = (0_i64, 0_i64);
    while !reader.is_empty() {
        let step = reader.ivarint()?;
        id = id.wrapping_add(step >> 1);
        t_ms = t_ms.wrapping_add(reader.ivarint()?);
        let value = if step & 1 == 1 {
            reader.ivarint()? as f64
        } else {
            f64::from_bits(reader.u64()?)
        };
        let series = u32::try_from(id).map_err(|_| Corrupt("a series id is out of range"))?;
        visit(series, Sample { t_ms, value });
    }
    Ok(())
}

pub(super) fn write_labels(labels: &Labels) -> Vec<u8> {
    let mut plain = Vec::new();
    put_uvarint(&mut plain, labels.len() as u64);
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        put_str(&mut plain, text);
    }
    seal(&plain)
}

pub(super) fn read_labels(value: &[u8]) -> Result<Labels, Corrupt> {
    let plain = open(value)?;
    let mut reader = Reader::new(&plain);
    let n = reader.count()?;
    let pairs = (0..n)
        .map(|_| Ok((reader.str()?, reader.str()?)))
        .collect::<Result<Vec<_>, Corrupt>>()?;
    Ok(Labels::from_pairs(pairs))
}

pub(super) fn write_metadata(metadata: &MetricMetadata) -> Vec<u8> {
    let mut plain = Vec::new();
    for text in [
        &*metadata.name,
        metadata.kind.as_str(),
        &metadata.help,
        &metadata.unit,
    ] {
        put_str(&mut plain, text);
    }
    seal(&plain)
}

pub(super) fn read_metadata(value: &[u8]) -> Result<MetricMetadata, Corrupt> {
    let plain = open(value)?;
    let mut reader = Reader::new(&plain);
    Ok(MetricMetadata {
        name: reader.str()?.to_owned(),
        kind: MetricKind::parse(reader.str()?),
        help: reader.str()?.to_owned(),
        unit: reader.str()?.to_owned(),
    })
}

/// Key of a metric's metadata.
pub(super) fn metadata_key(name: &str) -> Vec<u8> {
    // Keys of the engine have at most 65 535 bytes; a name that long is cut, and shares its place with others that begin alike.
    let mut key = vec![b'd'];
    key.extend_from_slice(&name.as_bytes()[..name.len().min(1_024)]);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn journal_records_keep_every_bit(samples: Vec<(u32, i64, u64)>) {
            let mut record = JournalRecord::default();
            for &(id, t_ms, bits) in &samples {
                record.push(id, Sample { t_ms, value: f64::from_bits(bits) });
            }
            let mut back = Vec::new();
            read_journal(&record.finish(), |id, sample| back.push((id, sample.t_ms, sample.value.to_bits())), |_, _| {}).unwrap();
            prop_assert_eq!(&back, &samples);
            // The same with histograms before them.
            let mut with_histograms = Vec::new();
            for &(id, t_ms, _) in &samples {
                let histogram = watchroom_model::NativeHistogram { count: f64::from(id), ..Default::default() };
                with_histograms.push((id, HistogramSample { t_ms, histogram: histogram.into() }));
            }
            with_histograms.iter().for_each(|(id, sample)| record.push_histogram(*id, sample));
            let (mut floats, mut histograms) = (Vec::new(), Vec::new());
            read_journal(
                &record.finish(),
                |id, sample| floats.push((id, sample.t_ms, sample.value.to_bits())),
                |id, sample| histograms.push((id, sample)),
            )
            .unwrap();
            prop_assert_eq!((floats, histograms), (samples, with_histograms));
        }

        #[test]
        fn labels_and_metadata_come_back(pairs: Vec<(String, String)>, name: String, help: String) {
            let labels = Labels::from_pairs(pairs);
            prop_assert_eq!(read_labels(&write_labels(&labels)), Ok(labels));
            let metadata = MetricMetadata { name, kind: MetricKind::StateSet, help, unit: "s".to_owned() };
            prop_assert_eq!(read_metadata(&write_metadata(&metadata)), Ok(metadata));
        }

        #[test]
        fn never_panics_on_any_bytes(bytes: Vec<u8>) {
            let framed = seal(&bytes);
            let _ = read_journal(&framed, |_, _| {}, |_, _| {});
            let _ = read_labels(&framed);
            let _ = read_metadata(&framed);
        }
    }
}
