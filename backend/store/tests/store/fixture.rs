//! Data to append.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use watchroom_model::{
    AttrValue, Labels, LogLine, Matcher, Resource, Sample, SeriesData, Severity, Span, SpanId, SpanKind,
    SpanStatus, TraceId,
};
use watchroom_store::{AppendError, Clock, Direction, SelectLimit, Store, StoreConfig};

/// 2025-01-01.
pub(crate) const T0_MS: i64 = 1_735_689_600_000;
pub(crate) const T0_NS: u64 = T0_MS as u64 * 1_000_000;

/// A clock that a test sets.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(T0_MS)))
    }

    pub(crate) fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = self.0.clone();
        Clock::from_fn(move || now.load(Ordering::SeqCst))
    }
}

pub(crate) fn config(dir: &std::path::Path, clock: &TestClock) -> StoreConfig {
    let mut config = StoreConfig::new(dir);
    config.clock = clock.clock();
    config.max_memory_bytes = 64 << 20;
    config
}

pub(crate) fn labels(series: usize) -> Labels {
    let n = series.to_string();
    Labels::from_pairs([
        ("__name__", if series.is_multiple_of(2) { "even" } else { "odd" }),
        ("n", &n),
        ("tens", if series < 10 { "" } else { &n[..n.len() - 1] }),
    ])
}

pub(crate) fn sample(t_ms: i64, value: f64) -> Sample {
    Sample { t_ms, value }
}

pub(crate) fn resource(service: &str) -> Arc<Resource> {
    Arc::new(Resource::new(vec![("service.name".into(), service.into())]))
}

pub(crate) fn span(trace: u128, id: u64, start_ns: u64, resource: &Arc<Resource>) -> Span {
    Span {
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        parent_id: id.checked_sub(1).filter(|id| *id > 0).map(SpanId),
        trace_state: "".into(),
        name: ["get", "put", "list"][id as usize % 3].into(),
        kind: [SpanKind::Server, SpanKind::Client][id as usize % 2],
        start_ns,
        duration_ns: 1_000 * (id + 1),
        status: if id.is_multiple_of(5) {
            SpanStatus::Error("broken".into())
        } else {
            SpanStatus::Unset
        },
        attributes: vec![
            ("http.route".into(), format!("/r{}", id % 4).into()),
            ("size".into(), AttrValue::Int(id as i64 % 7)),
        ],
        events: Vec::new(),
        links: Vec::new(),
        resource: resource.clone(),
        scope: watchroom_model::Scope::named("test"),
        dropped: 0,
    }
}

pub(crate) fn line(time_ns: u64, stream: &str, body: &str) -> LogLine {
    LogLine {
        time_ns,
        stream: Labels::from_pairs([("service_name", stream), ("level", "info")]),
        severity: Severity::Info,
        body: body.into(),
        attributes: Vec::new(),
        trace_id: None,
        span_id: None,
        resource: resource(stream),
    }
}

/// Every sample of the series that match.
pub(crate) fn select_all(store: &Store, matchers: &[Matcher]) -> Vec<SeriesData> {
    store
        .select(matchers, i64::MIN, i64::MAX, SelectLimit::default())
        .unwrap()
}

/// Bodies of all lines, oldest first.
pub(crate) fn bodies(store: &Store) -> Vec<String> {
    let mut bodies = Vec::new();
    store
        .logs(&[], 0, u64::MAX, Direction::Forward, &mut |line| {
            bodies.push(line.body.to_string());
            ControlFlow::Continue(())
        })
        .unwrap();
    bodies
}

/// Appends, trying again while the store is overloaded.
pub(crate) fn insist<T>(mut append: impl FnMut() -> Result<T, AppendError>) -> T {
    loop {
        match append() {
            Ok(done) => return done,
            Err(error) if error.is_retryable() => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}
