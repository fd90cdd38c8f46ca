//! The store: appends and reads of the three signals.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use watchroom_model::{
    Labels, LogLine, Matcher, MetricMetadata, Sample, SeriesData, Span, SpanKind, TraceId, attr,
};

use crate::live::LiveLogs;
use crate::{
    AppendError, AppendOutcome, Direction, LogSubscription, OpenError, Problem, ReadError, SelectLimit,
    SpanFilter, StoreConfig, StoreStats, SyncError,
};

/// The store of one data directory. Cloning shares it; it closes when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: StoreConfig,
    state: RwLock<State>,
    live: LiveLogs,
}

#[derive(Debug, Default)]
struct State {
    series: BTreeMap<Labels, Vec<Sample>>,
    metadata: BTreeMap<String, MetricMetadata>,
    spans: Vec<Span>,
    logs: Vec<LogLine>,
    stats: StoreStats,
}

impl Store {
    /// Opens a data directory, making it if it is missing.
    ///
    /// # Errors
    /// [`OpenError`] if the directory cannot be used, is in use, or has a format that this program does not read. Damaged data is no
    /// error: it is set aside and told by [`Store::problems`].
    pub fn open(config: StoreConfig) -> Result<Self, OpenError> {
        std::fs::create_dir_all(&config.dir).map_err(|source| OpenError::Directory {
            dir: config.dir.clone(),
            source,
        })?;
        Ok(Self(Arc::new(Inner {
            config,
            state: RwLock::default(),
            live: LiveLogs::default(),
        })))
    }

    /// Appends samples; those of one series in order of time. What is refused is counted in the outcome, the rest is kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_samples(&self, batch: &[(Labels, Sample)]) -> Result<AppendOutcome, AppendError> {
        let mut outcome = AppendOutcome::default();
        let horizon = self.0.config.clock.now_ms().saturating_add(3_600_000);
        let mut state = self.write();
        for (labels, sample) in batch {
            if sample.t_ms > horizon {
                outcome.too_far_ahead += 1;
                continue;
            }
            let samples = state.series.entry(labels.clone()).or_default();
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
        state.stats.samples += outcome.accepted as u64;
        state.stats.out_of_order += outcome.out_of_order as u64;
        state.stats.duplicate += outcome.duplicate as u64;
        state.stats.too_far_ahead += outcome.too_far_ahead as u64;
        Ok(outcome)
    }

    /// Keeps what is known of metrics; the newest word on a metric replaces the older.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_metadata(&self, batch: &[MetricMetadata]) -> Result<(), AppendError> {
        let mut state = self.write();
        for metadata in batch {
            state.metadata.insert(metadata.name.clone(), metadata.clone());
        }
        Ok(())
    }

    /// Appends spans in any order and returns how many were kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_spans(&self, spans: Vec<Span>) -> Result<usize, AppendError> {
        let mut state = self.write();
        let n = spans.len();
        state.stats.spans += n as u64;
        state.spans.extend(spans);
        Ok(n)
    }

    /// Appends log lines in any order and returns how many were kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_logs(&self, lines: Vec<LogLine>) -> Result<usize, AppendError> {
        self.0.live.publish(&lines);
        let mut state = self.write();
        let n = lines.len();
        state.stats.log_lines += n as u64;
        state.logs.extend(lines);
        Ok(n)
    }

    /// Makes durable what was appended before the call.
    ///
    /// # Errors
    /// [`SyncError`] if the engine cannot.
    pub fn sync(&self) -> Result<(), SyncError> {
        Ok(())
    }

    /// Series that match all matchers, sorted by labels, with their samples from `start_ms` to `end_ms`, both inclusive; a series
    /// without such a sample is left out.
    ///
    /// # Errors
    /// [`ReadError::TooManySeries`] and [`ReadError::TooManySamples`] beyond `limit`.
    pub fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        limit: SelectLimit,
    ) -> Result<Vec<SeriesData>, ReadError> {
        let state = self.read();
        let mut found = Vec::new();
        let mut n_samples = 0;
        for (labels, samples) in state
            .series
            .iter()
            .filter(|(labels, _)| matches(labels, matchers))
        {
            let from = samples.partition_point(|sample| sample.t_ms < start_ms);
            let to = samples.partition_point(|sample| sample.t_ms <= end_ms);
            if from >= to {
                continue;
            }
            if found.len() == limit.max_series {
                return Err(ReadError::TooManySeries {
                    limit: limit.max_series,
                });
            }
            n_samples += to - from;
            if n_samples > limit.max_samples {
                return Err(ReadError::TooManySamples {
                    limit: limit.max_samples,
                });
            }
            found.push(SeriesData {
                labels: labels.clone(),
                samples: samples[from..to].to_vec(),
            });
        }
        Ok(found)
    }

    /// Label sets that match all matchers and have samples around the time range, sorted. The range is held to coarsely.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn series(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Result<Vec<Labels>, ReadError> {
        Ok(self
            .read()
            .series
            .iter()
            .filter(|(labels, samples)| {
                matches(labels, matchers)
                    && samples
                        .iter()
                        .any(|sample| (start_ms..=end_ms).contains(&sample.t_ms))
            })
            .map(|(labels, _)| labels.clone())
            .collect())
    }

    /// Names of the labels of [`Store::series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(names(&self.series(matchers, start_ms, end_ms)?))
    }

    /// Values of one label of [`Store::series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(values(&self.series(matchers, start_ms, end_ms)?, name))
    }

    /// What is known of one metric or of all, sorted by name.
    #[must_use]
    pub fn metadata(&self, metric: Option<&str>) -> Vec<MetricMetadata> {
        let state = self.read();
        match metric {
            Some(name) => state.metadata.get(name).cloned().into_iter().collect(),
            None => state.metadata.values().cloned().collect(),
        }
    }

    /// Every span of a trace, by start.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn trace(&self, id: TraceId) -> Result<Vec<Span>, ReadError> {
        let mut spans: Vec<_> = self
            .read()
            .spans
            .iter()
            .filter(|span| span.trace_id == id)
            .cloned()
            .collect();
        spans.sort_by_key(|span| span.start_ns);
        Ok(spans)
    }

    /// Traces with a span that satisfies the filter, the one with the newest such span first.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn find_traces(&self, filter: &SpanFilter) -> Result<Vec<TraceId>, ReadError> {
        let state = self.read();
        let mut newest: HashMap<TraceId, u64> = HashMap::new();
        for span in state.spans.iter().filter(|span| satisfies(span, filter)) {
            let start = newest.entry(span.trace_id).or_default();
            *start = span.start_ns.max(*start);
        }
        let mut found: Vec<_> = newest.into_iter().collect();
        found.sort_by_key(|(id, start)| (std::cmp::Reverse(*start), *id));
        found.truncate(filter.limit);
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    /// Names of the services that sent spans, sorted.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        let state = self.read();
        let services: BTreeSet<&str> = state.spans.iter().map(|span| &*span.resource.service).collect();
        services.into_iter().map(str::to_owned).collect()
    }

    /// Names and kinds of a service's spans, sorted by name.
    #[must_use]
    pub fn operations(&self, service: &str) -> Vec<(String, SpanKind)> {
        let state = self.read();
        let mut found: Vec<(String, SpanKind)> = Vec::new();
        for span in state
            .spans
            .iter()
            .filter(|span| &*span.resource.service == service)
        {
            if !found
                .iter()
                .any(|(name, kind)| **name == *span.name && *kind == span.kind)
            {
                found.push((span.name.to_string(), span.kind));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Shows the log lines whose stream matches all matchers, from `start_ns` (inclusive) to `end_ns` (exclusive), in order of time,
    /// until `visit` breaks.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn logs(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        visit: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut lines: Vec<LogLine> = self
            .read()
            .logs
            .iter()
            .filter(|line| (start_ns..end_ns).contains(&line.time_ns) && matches(&line.stream, matchers))
            .cloned()
            .collect();
        lines.sort_by_key(|line| line.time_ns);
        if direction == Direction::Backward {
            lines.reverse();
        }
        let _ = lines.iter().try_for_each(visit);
        Ok(())
    }

    /// Label sets of the streams that match all matchers and have lines around the time range, sorted. The range is held to coarsely.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn log_series(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<Labels>, ReadError> {
        let state = self.read();
        let streams: BTreeSet<&Labels> = state
            .logs
            .iter()
            .filter(|line| (start_ns..end_ns).contains(&line.time_ns) && matches(&line.stream, matchers))
            .map(|line| &line.stream)
            .collect();
        Ok(streams.into_iter().cloned().collect())
    }

    /// Names of the labels of [`Store::log_series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn log_labels(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(names(&self.log_series(matchers, start_ns, end_ns)?))
    }

    /// Values of one label of [`Store::log_series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] if the engine fails.
    pub fn log_label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(values(&self.log_series(matchers, start_ns, end_ns)?, name))
    }

    /// Listens to the log lines appended from now on.
    #[must_use]
    pub fn subscribe_logs(&self) -> LogSubscription {
        self.0.live.subscribe()
    }

    /// Figures of the store.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let state = self.read();
        StoreStats {
            series: state.series.len() as u64,
            live_missed: self.0.live.missed(),
            ..state.stats
        }
    }

    /// The newest problems found in stored data, oldest first; at most 1 000.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.live.close();
    }
}

fn matches(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
}

fn names(series: &[Labels]) -> Vec<String> {
    let names: BTreeSet<&str> = series
        .iter()
        .flat_map(|labels| labels.iter().map(|(name, _)| name))
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

fn values(series: &[Labels], name: &str) -> Vec<String> {
    let values: BTreeSet<&str> = series.iter().filter_map(|labels| labels.get(name)).collect();
    values.into_iter().map(str::to_owned).collect()
}

fn satisfies(span: &Span, filter: &SpanFilter) -> bool {
    filter
        .service
        .as_deref()
        .is_none_or(|service| &*span.resource.service == service)
        && filter.operation.as_deref().is_none_or(|name| &*span.name == name)
        && (filter.start_ns..=filter.end_ns).contains(&span.start_ns)
        && filter.min_duration_ns.is_none_or(|min| span.duration_ns >= min)
        && filter.max_duration_ns.is_none_or(|max| span.duration_ns <= max)
        && filter.tags.iter().all(|(key, value)| has_tag(span, key, value))
}

fn has_tag(span: &Span, key: &str, value: &str) -> bool {
    let mut known = false;
    let sets = [&span.attributes, &span.resource.attributes];
    for attributes in sets
        .into_iter()
        .chain(span.events.iter().map(|event| &event.attributes))
    {
        if let Some(found) = attr(attributes, key) {
            known = true;
            if found.to_string() == value {
                return true;
            }
        }
    }
    !known
        && match key {
            "error" => value == if span.is_error() { "true" } else { "false" },
            "span.kind" => value == span.kind.as_str(),
            "otel.scope.name" => value == &*span.scope,
            _ => false,
        }
}
