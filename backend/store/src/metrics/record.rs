//! What the engine keeps besides chunks: journal records, label sets, metadata.

use watchroom_model::{HistogramSample, Labels, MetricKind, MetricMetadata, Sample};

use crate::chunk::{decimals, histogram, unscaled};
use crate::codec::{
    Corrupt, Reader, compress_tightly, open, put_bytes, put_ivarint, put_str, put_uvarint, seal,
};

/// A journal record under construction: the samples of one batch by series id.
///
/// [`COLUMNS`] and a version, then columns, each after its length: steps of the ids (times four, and the form of the value), steps of the
/// times, and the values by form: whole numbers, numbers of a part with the decimals before them, and any numbers. Like stands by like, so
/// that the whole packs well. Histograms, if there are any, come before that: [`HISTOGRAMS`], a version, their number, and each as id, time and
/// what `chunk::histogram` makes of it.
///
/// Format 1 had, instead of columns, for each sample the step of the id (doubled, odd if the value is a whole number), the step of the time,
/// and the value.
#[derive(Debug, Default)]
pub(super) struct JournalRecord {
    steps: Vec<u8>,
    times: Vec<u8>,
    numbers: Vec<u8>,
    decimals: Vec<u8>,
    floats: Vec<u8>,
    id: u32,
    t_ms: i64,
    histograms: Vec<u8>,
    n_histograms: u64,
}

/// In the place of the first step of an id, which is never negative: histograms follow.
const HISTOGRAMS: i64 = i64::MIN;
/// Version of the form of histograms.
const HISTOGRAMS_VERSION: u8 = 1;
/// In the place of the first step of an id: columns follow. Since format 2.
const COLUMNS: i64 = i64::MIN + 1;
/// Version of the form of columns.
const COLUMNS_VERSION: u8 = 1;

/// Forms of values.
const FLOAT: i64 = 0;
const WHOLE: i64 = 1;
const DECIMAL: i64 = 2;

impl JournalRecord {
    pub(super) fn push(&mut self, id: u32, sample: Sample) {
        let form = match decimals(sample.value, 0) {
            Some((0, number)) => {
                put_ivarint(&mut self.numbers, number);
                WHOLE
            }
            Some((n_decimals, number)) => {
                self.decimals.push(n_decimals);
                put_ivarint(&mut self.decimals, number);
                DECIMAL
            }
            None => {
                self.floats
                    .extend_from_slice(&sample.value.to_bits().to_le_bytes());
                FLOAT
            }
        };
        let step = i64::from(id) - i64::from(self.id);
        put_ivarint(&mut self.steps, step * 4 + form);
        put_ivarint(&mut self.times, sample.t_ms.wrapping_sub(self.t_ms));
        (self.id, self.t_ms) = (id, sample.t_ms);
    }

    pub(super) fn push_histogram(&mut self, id: u32, sample: &HistogramSample) {
        put_uvarint(&mut self.histograms, u64::from(id));
        put_ivarint(&mut self.histograms, sample.t_ms);
        histogram::put(&mut self.histograms, &sample.histogram, None);
        self.n_histograms += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.n_histograms == 0
    }

    pub(super) fn finish(&self) -> Vec<u8> {
        let columns = [
            &self.steps,
            &self.times,
            &self.numbers,
            &self.decimals,
            &self.floats,
        ];
        let n: usize = columns.iter().map(|column| column.len() + 5).sum();
        let mut plain = Vec::with_capacity(self.histograms.len() + n + 32);
        if self.n_histograms > 0 {
            put_ivarint(&mut plain, HISTOGRAMS);
            plain.push(HISTOGRAMS_VERSION);
            put_uvarint(&mut plain, self.n_histograms);
            plain.extend_from_slice(&self.histograms);
        }
        put_ivarint(&mut plain, COLUMNS);
        plain.push(COLUMNS_VERSION);
        for column in columns {
            put_bytes(&mut plain, column);
        }
        compress_tightly(&plain)
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
    let mut ahead = reader;
    if !reader.is_empty() && ahead.ivarint()? == COLUMNS {
        return read_columns(ahead, visit);
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
        visit(series_of(id)?, Sample { t_ms, value });
    }
    Ok(())
}

fn read_columns(mut reader: Reader<'_>, mut visit: impl FnMut(u32, Sample)) -> Result<(), Corrupt> {
    if reader.u8()? != COLUMNS_VERSION {
        return Err(Corrupt("the form of columns is of a version that is not known"));
    }
    let mut column = || reader.bytes().map(Reader::new);
    let (mut steps, mut times) = (column()?, column()?);
    let (mut numbers, mut decimals, mut floats) = (column()?, column()?, column()?);
    let (mut id, mut t_ms) = (0_i64, 0_i64);
    while !steps.is_empty() {
        let step = steps.ivarint()?;
        id = id.wrapping_add(step >> 2);
        t_ms = t_ms.wrapping_add(times.ivarint()?);
        let value = match step & 3 {
            WHOLE => numbers.ivarint()? as f64,
            DECIMAL => {
                let n_decimals = decimals.u8()?;
                unscaled(decimals.ivarint()?, n_decimals)
            }
            FLOAT => f64::from_bits(floats.u64()?),
            _ => return Err(Corrupt("the form of a value is not known")),
        };
        visit(series_of(id)?, Sample { t_ms, value });
    }
    Ok(())
}

fn series_of(id: i64) -> Result<u32, Corrupt> {
    u32::try_from(id).map_err(|_| Corrupt("a series id is out of range"))
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
