//! What jobs take over from `global`, and limits, which stand in both.

use std::time::Duration;

use super::section::Section;
use crate::ingest::scrape::{BODY_LIMIT, Protocol, SampleLimits};

/// What jobs take over from `global`.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) interval: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) limits: JobLimits,
}

/// Limits and formats of a job.
#[derive(Debug, Clone)]
pub(super) struct JobLimits {
    pub(super) samples: SampleLimits,
    pub(super) body: usize,
    pub(super) targets: usize,
    pub(super) keep_dropped: usize,
    pub(super) classic_histograms: bool,
    native_histograms: bool,
    protocols: Option<Vec<Protocol>>,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self {
            samples: SampleLimits::default(),
            body: BODY_LIMIT,
            targets: 0,
            keep_dropped: 0,
            classic_histograms: false,
            native_histograms: false,
            protocols: None,
        }
    }
}

impl JobLimits {
    /// These, with what the section says otherwise.
    pub(super) fn read(&self, section: &mut Section) -> Result<Self, String> {
        let count = |section: &mut Section, key: &str, default: usize| {
            section.count(key).map(|n| n.unwrap_or(default))
        };
        let of = &self.samples;
        Ok(Self {
            samples: SampleLimits {
                samples: count(section, "sample_limit", of.samples)?,
                labels: count(section, "label_limit", of.labels)?,
                name_bytes: count(section, "label_name_length_limit", of.name_bytes)?,
                value_bytes: count(section, "label_value_length_limit", of.value_bytes)?,
                buckets: count(section, "native_histogram_bucket_limit", of.buckets)?,
            },
            body: match section.bytes("body_size_limit")? {
                None => self.body,
                Some(0) => BODY_LIMIT,
                Some(limit) => limit,
            },
            targets: count(section, "target_limit", self.targets)?,
            keep_dropped: count(section, "keep_dropped_targets", self.keep_dropped)?,
            classic_histograms: section.flag("always_scrape_classic_histograms", self.classic_histograms)?,
            native_histograms: section.flag("scrape_native_histograms", self.native_histograms)?,
            protocols: match section.has("scrape_protocols") {
                true => Some(protocols(section)?),
                false => self.protocols.clone(),
            },
        })
    }

    /// What a target is asked for, best first.
    pub(super) fn protocols(&self) -> Vec<Protocol> {
        match &self.protocols {
            Some(protocols) => protocols.clone(),
            None => Protocol::defaults(self.native_histograms),
        }
    }
}

fn protocols(section: &mut Section) -> Result<Vec<Protocol>, String> {
    let path = format!("{}.scrape_protocols", section.path());
    let words = section.strings("scrape_protocols")?;
    let mut found = Vec::new();
    for word in words {
        let protocol = Protocol::parse(&word).ok_or_else(|| {
            format!(
                "{path}: {word:?} is not a protocol; there are PrometheusProto, OpenMetricsText1.0.0, OpenMetricsText0.0.1, \
                 PrometheusText1.0.0 and PrometheusText0.0.4"
            )
        })?;
        if found.contains(&protocol) {
            return Err(format!("{path}: {word} stands there twice"));
        }
        found.push(protocol);
    }
    match found.is_empty() {
        true => Err(format!("{path}: it names no protocol")),
        false => Ok(found),
    }
}
