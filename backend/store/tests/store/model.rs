//! A store that keeps everything in lists and looks at all of it: what the real one is compared with.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use watchroom_model::{
    Labels, LogLine, Matcher, Sample, SeriesData, Span, SpanKind, SpanStatus, TraceId, attr,
};
use watchroom_store::{AppendOutcome, Direction, SpanFilter};

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) series: BTreeMap<Labels, Vec<Sample>>,
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogLine>,
}

impl Model {
    pub(crate) fn append_samples(&mut self, batch: &[(Labels, Sample)]) -> AppendOutcome {
        let mut outcome = AppendOutcome::default();
        for (labels, sample) in batch {
            let samples = self.series.entry(labels.clone()).or_default();
            match samples.last() {
                Some(last) if last.t_ms > sample.t_ms => outcome.out_of_order += 1,
                Some(last) if last.t_ms == sample.t_ms => {
                    if last.value.to_bits() == sample.value.to_bits() {
                        outcome.accepted += 1;
                    } else {
                        outcome.duplicate += 1;
                    }
                }
                _ => {
                    samples.push(*sample);
                    outcome.accepted += 1;
                }
            }
        }
        outcome
    }

    pub(crate) fn select(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<SeriesData> {
        self.series
            .iter()
            .filter(|(labels, _)| matches(labels, matchers))
            .map(|(labels, samples)| {
                let samples = samples
                    .iter()
                    .filter(|sample| (start_ms..=end_ms).contains(&sample.t_ms))
                    .copied()
                    .collect();
                SeriesData::floats(labels.clone(), samples)
            })
            .filter(|series| !series.samples.is_empty())
            .collect()
    }

    pub(crate) fn trace(&self, id: TraceId) -> Vec<Span> {
        let mut spans: Vec<_> = self
            .spans
            .iter()
            .filter(|span| span.trace_id == id)
            .cloned()
            .collect();
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        spans.dedup();
        spans
    }

    pub(crate) fn find_traces(&self, filter: &SpanFilter) -> Vec<TraceId> {
        let mut newest: HashMap<TraceId, u64> = HashMap::new();
        for span in self.spans.iter().filter(|span| satisfies(span, filter)) {
            let start = newest.entry(span.trace_id).or_default();
            *start = span.start_ns.max(*start);
        }
        let mut found: Vec<_> = newest.into_iter().collect();
        found.sort_by_key(|(id, start)| (std::cmp::Reverse(*start), *id));
        found.truncate(filter.limit);
        found.into_iter().map(|(id, _)| id).collect()
    }

    pub(crate) fn operations(&self, service: &str) -> BTreeSet<(String, &'static str)> {
        self.spans
            .iter()
            .filter(|span| &*span.resource.service == service)
            .map(|span| (span.name.to_string(), SpanKind::as_str(span.kind)))
            .collect()
    }

    pub(crate) fn logs(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
    ) -> Vec<LogLine> {
        let mut lines: Vec<LogLine> = self
            .logs
            .iter()
            .filter(|line| (start_ns..end_ns).contains(&line.time_ns) && matches(&line.stream, matchers))
            .cloned()
            .collect();
        lines.sort_by_key(|line| line.time_ns);
        if direction == Direction::Backward {
            lines.reverse();
        }
        lines
    }
}

fn matches(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
}

fn satisfies(span: &Span, filter: &SpanFilter) -> bool {
    let tag = |key: &str, value: &str| {
        let of_span = attr(&span.attributes, key).or_else(|| attr(&span.resource.attributes, key));
        match of_span {
            Some(found) => found.to_string() == value,
            None => key == "error" && (value == "true") == matches!(span.status, SpanStatus::Error(_)),
        }
    };
    filter
        .service
        .as_deref()
        .is_none_or(|service| &*span.resource.service == service)
        && filter.operation.as_deref().is_none_or(|name| &*span.name == name)
        && (filter.start_ns..=filter.end_ns).contains(&span.start_ns)
        && filter.min_duration_ns.is_none_or(|min| span.duration_ns >= min)
        && filter.max_duration_ns.is_none_or(|max| span.duration_ns <= max)
        && filter.tags.iter().all(|(key, value)| tag(key, value))
}
