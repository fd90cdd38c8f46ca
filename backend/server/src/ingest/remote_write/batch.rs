//! What a request comes down to, whichever version it is of.

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, MetricKind, MetricMetadata, Sample};

use crate::exemplars::Exemplar;
use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::{Refusal, Rejected};
use crate::ingest::protobuf::Malformed;

/// Most labels of a series.
const MAX_LABELS: usize = 64;
/// Longest name of a metric or label.
const MAX_NAME_BYTES: usize = 1 << 10;
/// Longest value of a label.
const MAX_VALUE_BYTES: usize = 4 << 10;
/// Longest help text; the rest is cut.
const MAX_HELP_BYTES: usize = 4 << 10;

/// What a request holds.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) allowance: Allowance<'a>,
    pub(super) samples: Vec<(Labels, Sample)>,
    pub(super) histograms: Vec<(Labels, HistogramSample)>,
    pub(super) exemplars: Vec<(Labels, Exemplar)>,
    pub(super) metadata: Vec<MetricMetadata>,
    pub(super) rejected: Rejected,
}

/// The message cannot be read at all.
impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Invalid(format!("body is not a valid request: {malformed}"))
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(allowance: Allowance<'a>) -> Self {
        Self {
            allowance,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            rejected: Rejected::default(),
        }
    }

    /// Labels of a series, out of pairs in any order, or the reason why they are none.
    pub(super) fn series(
        &mut self,
        pairs: &mut [(&str, &str)],
    ) -> Result<Result<Labels, &'static str>, Refusal> {
        let found = match self.labels(pairs)? {
            Ok(labels) if labels.metric_name().is_empty() => Err("series has no metric name"),
            other => other,
        };
        Ok(found)
    }

    /// A label set, out of pairs in any order, or the reason why they are none.
    pub(super) fn labels(
        &mut self,
        pairs: &mut [(&str, &str)],
    ) -> Result<Result<Labels, &'static str>, Refusal> {
        if pairs.len() > MAX_LABELS {
            return Ok(Err("series has more than 64 labels"));
        }
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.sort_unstable_by_key(|(name, _)| *name);
            if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
                return Ok(Err("series has a label twice"));
            }
        }
        let mut bytes = 32;
        for (name, value) in pairs.iter() {
            if name.is_empty() {
                return Ok(Err("label has no name"));
            }
            let longest = if *name == METRIC_NAME {
                MAX_NAME_BYTES
            } else {
                MAX_VALUE_BYTES
            };
            if name.len() > MAX_NAME_BYTES {
                return Ok(Err("label name is longer than 1024 bytes"));
            }
            if value.len() > longest {
                return Ok(Err(
                    "label value is longer than 4096 bytes, or metric name than 1024",
                ));
            }
            // Two texts, each with its counts and the allocator's own, and the pair of pointers twice while the set is built.
            bytes += name.len() + value.len() + 128;
        }
        self.allowance.take(bytes)?;
        Ok(Ok(Labels::from_pairs(pairs.iter().copied())))
    }

    pub(super) fn sample(&mut self, labels: &Labels, sample: Sample) -> Result<(), Refusal> {
        // The vector doubles as it grows.
        self.allowance.take(2 * size_of::<(Labels, Sample)>())?;
        self.samples.push((labels.clone(), sample));
        Ok(())
    }

    pub(super) fn histogram(&mut self, labels: &Labels, sample: HistogramSample) -> Result<(), Refusal> {
        self.allowance.take(2 * size_of::<(Labels, HistogramSample)>())?;
        self.histograms.push((labels.clone(), sample));
        Ok(())
    }

    pub(super) fn exemplar(&mut self, series: &Labels, exemplar: Exemplar) -> Result<(), Refusal> {
        self.allowance.take(2 * size_of::<(Labels, Exemplar)>())?;
        self.exemplars.push((series.clone(), exemplar));
        Ok(())
    }

    pub(super) fn metadata(&mut self, name: &str, kind: u64, help: &str, unit: &str) -> Result<(), Refusal> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Ok(());
        }
        let help = &help[..help.floor_char_boundary(MAX_HELP_BYTES)];
        let unit = &unit[..unit.floor_char_boundary(64)];
        let texts = name.len() + help.len() + unit.len() + 96;
        self.allowance.take(2 * size_of::<MetricMetadata>() + texts)?;
        self.metadata.push(MetricMetadata {
            name: name.to_owned(),
            kind: metric_kind(kind),
            help: help.to_owned(),
            unit: unit.to_owned(),
        });
        Ok(())
    }
}

/// Type of a metric; both versions number them alike. A gauge histogram is a histogram to the store.
fn metric_kind(number: u64) -> MetricKind {
    match number {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 | 4 => MetricKind::Histogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}
