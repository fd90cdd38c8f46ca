//! What a request comes down to, whichever version it is of.

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, MetricKind, MetricMetadata, Sample};
use watchroom_store::SampleBatch;

use crate::access::Client;
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
pub(super) struct Batch<'a, 'b> {
    pub(super) allowance: Allowance<'a>,
    /// Whose it is.
    client: Client,
    /// Texts are borrowed from the body.
    pub(super) samples: SampleBatch<'b>,
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

impl<'a, 'b> Batch<'a, 'b> {
    pub(super) fn new(allowance: Allowance<'a>, client: Client) -> Self {
        Self {
            allowance,
            client,
            samples: SampleBatch::default(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            rejected: Rejected::default(),
        }
    }

    /// Begins a series, out of pairs in any order; or the reason why they are none.
    pub(super) fn begin(
        &mut self,
        pairs: &mut [(&'b str, &'b str)],
    ) -> Result<Result<(), &'static str>, Refusal> {
        if let Err(reason) = check(pairs) {
            return Ok(Err(reason));
        }
        if !pairs
            .iter()
            .any(|(name, value)| *name == METRIC_NAME && !value.is_empty())
        {
            return Ok(Err("series has no metric name"));
        }
        if !self.client.admits(pairs.iter().copied()) {
            return Ok(Err("series is beyond the limit of its client"));
        }
        // The vectors double as they grow.
        self.allowance
            .take((2 * pairs.len() + 1) * size_of::<(&str, &str)>())?;
        self.samples.begin(pairs);
        Ok(Ok(()))
    }

    /// Labels of the series that was begun last.
    pub(super) fn labels_of_series(&mut self) -> Result<Labels, Refusal> {
        let labels = self.samples.labels();
        self.allowance.take(weight(labels.iter()))?;
        Ok(labels)
    }

    /// A label set, out of pairs in any order, or the reason why they are none.
    pub(super) fn labels(
        &mut self,
        pairs: &mut [(&str, &str)],
    ) -> Result<Result<Labels, &'static str>, Refusal> {
        if let Err(reason) = check(pairs) {
            return Ok(Err(reason));
        }
        self.allowance.take(weight(pairs.iter().copied()))?;
        Ok(Ok(Labels::from_pairs(pairs.iter().copied())))
    }

    /// Adds a sample to the series that was begun last.
    pub(super) fn sample(&mut self, sample: Sample) -> Result<(), Refusal> {
        // The vector doubles as it grows.
        self.allowance.take(2 * size_of::<Sample>())?;
        self.samples.push(sample);
        Ok(())
    }

    /// Adds a histogram to the series that was begun last.
    pub(super) fn histogram(&mut self, sample: HistogramSample) -> Result<(), Refusal> {
        self.allowance.take(2 * size_of::<(Labels, HistogramSample)>())?;
        let labels = self.labels_of_series()?;
        self.histograms.push((labels, sample));
        Ok(())
    }

    /// Adds an exemplar to the series that was begun last.
    pub(super) fn exemplar(&mut self, exemplar: Exemplar) -> Result<(), Refusal> {
        self.allowance.take(2 * size_of::<(Labels, Exemplar)>())?;
        let labels = self.labels_of_series()?;
        self.exemplars.push((labels, exemplar));
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

/// Puts the pairs of a label set in order, or says why they are none.
fn check(pairs: &mut [(&str, &str)]) -> Result<(), &'static str> {
    if pairs.len() > MAX_LABELS {
        return Err("series has more than 64 labels");
    }
    if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
        pairs.sort_unstable_by_key(|(name, _)| *name);
        if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err("series has a label twice");
        }
    }
    for (name, value) in pairs.iter() {
        if name.is_empty() {
            return Err("label has no name");
        }
        let longest = if *name == METRIC_NAME {
            MAX_NAME_BYTES
        } else {
            MAX_VALUE_BYTES
        };
        if name.len() > MAX_NAME_BYTES {
            return Err("label name is longer than 1024 bytes");
        }
        if value.len() > longest {
            return Err("label value is longer than 4096 bytes, or metric name than 1024");
        }
    }
    Ok(())
}

/// Memory of a label set: each text with its counts and the allocator's own, and the pair of pointers twice while the set is built.
fn weight<'t>(pairs: impl Iterator<Item = (&'t str, &'t str)>) -> usize {
    32 + pairs
        .map(|(name, value)| name.len() + value.len() + 128)
        .sum::<usize>()
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
