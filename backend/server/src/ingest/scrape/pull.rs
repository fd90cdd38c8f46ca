//! From a target's text to samples: what a scrape, and what its failure, writes.
//!
//! Invariant: a series that was there and no longer is ends with a stale marker, once.

use std::collections::HashSet;
use std::time::Duration;

use watchroom_model::{Labels, MetricMetadata, Sample, stale_nan};

use super::exposition::{Exposition, Format, ParseLimits, parse};
use super::{Target, relabel};
use crate::exemplars::Exemplar;

/// What one target's last scrape left behind.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Series that bear no times of their own, which are followed for staleness.
    seen: HashSet<Labels>,
}

/// What a scrape writes.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) samples: Vec<(Labels, Sample)>,
    pub(super) metadata: Vec<MetricMetadata>,
    /// Exemplars, by the series that they are of, and whether each has a time of its own.
    pub(super) exemplars: Vec<(Labels, Exemplar, bool)>,
    /// Samples of the text.
    pub(super) scraped: usize,
}

impl Memory {
    /// Works out what the answer of a target, or the reason why there is none, writes at `t_ms`.
    ///
    /// # Errors
    /// What is wrong with the text, besides the samples that a failed scrape writes.
    pub(super) fn outcome(
        &mut self,
        target: &Target,
        answer: Result<(String, Format), String>,
        t_ms: i64,
        took: Duration,
    ) -> (Outcome, Result<(), String>) {
        let read = answer.and_then(|(text, format)| {
            let mut limits = ParseLimits::default();
            if target.spec.sample_limit > 0 {
                limits.samples = limits.samples.min(target.spec.sample_limit);
            }
            parse(&text, format, &limits).map_err(|error| error.to_string())
        });
        let mut outcome = Outcome::default();
        let (result, figures) = match read {
            Ok(exposition) => (Ok(()), self.accept(target, exposition, t_ms, &mut outcome)),
            Err(reason) => {
                let gone = std::mem::take(&mut self.seen);
                outcome
                    .samples
                    .extend(gone.into_iter().map(|labels| stale(labels, t_ms)));
                (Err(reason), (0, 0, 0))
            }
        };
        let (scraped, kept, added) = figures;
        outcome.scraped = scraped;
        // What tells of the target comes first: where the store has no room for all series, it has room for these.
        let reports = [
            ("up", if result.is_ok() { 1.0 } else { 0.0 }),
            ("scrape_duration_seconds", took.as_secs_f64()),
            ("scrape_samples_scraped", scraped as f64),
            ("scrape_samples_post_metric_relabeling", kept as f64),
            ("scrape_series_added", added as f64),
        ];
        let reports = reports.map(|(name, value)| (target.report(name), Sample { t_ms, value }));
        outcome.samples.splice(0..0, reports);
        (outcome, result)
    }

    /// Enters what a text holds. Gives back how many samples it had, how many were kept, and how many series are new.
    fn accept(
        &mut self,
        target: &Target,
        exposition: Exposition,
        t_ms: i64,
        outcome: &mut Outcome,
    ) -> (usize, usize, usize) {
        let scraped = exposition.samples.len();
        let (mut kept, mut added) = (0, 0);
        let mut seen = HashSet::with_capacity(self.seen.len());
        for sample in exposition.samples {
            let labelled = target.label(&sample.labels);
            let Some(labels) = relabel(&labelled, &target.spec.metric_relabel) else {
                continue;
            };
            if labels.metric_name().is_empty() {
                continue;
            }
            kept += 1;
            let own_time = sample.t_ms.filter(|_| target.spec.honor_timestamps);
            if own_time.is_none() {
                if !seen.insert(labels.clone()) {
                    // Twice in one text: the first stands.
                    continue;
                }
                added += usize::from(!self.seen.contains(&labels));
            }
            if let Some(exemplar) = sample.exemplar {
                let timed = exemplar.t_ms.is_some();
                let exemplar = Exemplar {
                    labels: exemplar.labels,
                    value: exemplar.value,
                    t_ms: exemplar.t_ms.or(own_time).unwrap_or(t_ms),
                };
                outcome.exemplars.push((labels.clone(), exemplar, timed));
            }
            let sample = Sample {
                t_ms: own_time.unwrap_or(t_ms),
                value: sample.value,
            };
            outcome.samples.push((labels, sample));
        }
        let gone = self.seen.difference(&seen);
        outcome
            .samples
            .extend(gone.map(|labels| stale(labels.clone(), t_ms)));
        self.seen = seen;
        outcome.metadata = exposition.metadata;
        (scraped, kept, added)
    }

    /// Stale markers for all that is followed: the target is no longer scraped.
    pub(super) fn end(&mut self, target: &Target, t_ms: i64) -> Vec<(Labels, Sample)> {
        let reports = [
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        ];
        std::mem::take(&mut self.seen)
            .into_iter()
            .chain(reports.map(|name| target.report(name)))
            .map(|labels| stale(labels, t_ms))
            .collect()
    }
}

fn stale(labels: Labels, t_ms: i64) -> (Labels, Sample) {
    let value = stale_nan();
    (labels, Sample { t_ms, value })
}

#[cfg(test)]
mod tests {
    use watchroom_model::is_stale;

    use super::*;

    fn target() -> Target {
        Target::of_url(&"j=http://h:1/m".parse().unwrap())
    }

    fn shown(outcome: &Outcome, metric: &str) -> Vec<String> {
        let mut lines: Vec<String> = outcome
            .samples
            .iter()
            .filter(|(labels, _)| labels.metric_name() == metric)
            .map(|(labels, sample)| {
                let value = match is_stale(sample.value) {
                    true => "stale".to_owned(),
                    false => sample.value.to_string(),
                };
                format!("{} {value} {}", labels.get("a").unwrap_or(""), sample.t_ms)
            })
            .collect();
        lines.sort();
        lines
    }

    fn scrape(memory: &mut Memory, text: Result<&str, &str>, t_ms: i64) -> (Outcome, Result<(), String>) {
        let answer = text
            .map(|text| (text.to_owned(), Format::Text))
            .map_err(str::to_owned);
        memory.outcome(&target(), answer, t_ms, Duration::from_millis(5))
    }

    #[test]
    fn series_that_vanish_end_once() {
        let mut memory = Memory::default();
        let (outcome, _) = scrape(
            &mut memory,
            Ok("m{a=\"1\"} 1\nm{a=\"2\"} 2\nm{a=\"3\"} 3 42\n"),
            10,
        );
        assert_eq!(shown(&outcome, "m"), ["1 1 10", "2 2 10", "3 3 42"]);
        assert_eq!(shown(&outcome, "up"), [" 1 10"]);
        assert_eq!(shown(&outcome, "scrape_series_added"), [" 2 10"]);
        assert_eq!(shown(&outcome, "scrape_duration_seconds"), [" 0.005 10"]);
        let (outcome, _) = scrape(&mut memory, Ok("m{a=\"2\"} 5\nm{a=\"2\"} 6\n"), 20);
        assert_eq!(shown(&outcome, "m"), ["1 stale 20", "2 5 20"]);
        assert_eq!(shown(&outcome, "scrape_samples_scraped"), [" 2 20"]);
        let (outcome, _) = scrape(&mut memory, Ok("m{a=\"2\"} 6\n"), 30);
        assert_eq!(shown(&outcome, "m"), ["2 6 30"]);
    }

    #[test]
    fn a_failure_ends_every_series_and_says_why() {
        let mut memory = Memory::default();
        scrape(&mut memory, Ok("m{a=\"1\"} 1\n"), 10).1.unwrap();
        let (outcome, result) = scrape(&mut memory, Err("connection refused"), 20);
        assert_eq!(result.unwrap_err(), "connection refused");
        assert_eq!(shown(&outcome, "m"), ["1 stale 20"]);
        assert_eq!(shown(&outcome, "up"), [" 0 20"]);
        let (outcome, result) = scrape(&mut memory, Ok("m{a=\"1\" 1\n"), 30);
        assert_eq!(
            result.unwrap_err(),
            "line 1: expected a comma or a closing brace, got \"1\""
        );
        assert_eq!(shown(&outcome, "m"), [""; 0]);
    }

    #[test]
    fn a_target_that_goes_away_ends_its_series_and_its_reports() {
        let mut memory = Memory::default();
        scrape(&mut memory, Ok("m{a=\"1\"} 1\n"), 10).1.unwrap();
        let ended = memory.end(&target(), 20);
        assert_eq!(ended.len(), 6);
        assert!(ended.iter().all(|(_, sample)| is_stale(sample.value)));
    }
}
