//! Figures of traces: durable ingest, disk, a trace by id, search and analytics over millions of spans.
//!
//! Spans are made to look like those of 12 services: traces of 10 spans, 48 operations, durations with a long tail, one in a hundred failed,
//! five attributes of which one has 100 000 values. Run with `cargo bench -p watchroom-bench --bench traces -- [millions of spans]`, one
//! million if not told. Not here: HTTP, and peers, which do not keep spans.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time, prints and may fail"
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use watchroom_model::{AttrValue, Resource, Scope, Span, SpanId, SpanKind, SpanStatus, TraceId};
use watchroom_query::traces::{
    RedQuery, SpanHint, SpanSource, SpanVisitor, TraceExpr, Window, compare, duration_histogram, parse_field,
    red, search, service_graph,
};
use watchroom_query::{Never, SourceError};
use watchroom_store::{AppendError, Scanned, SpanFilter, SpanScan, Store, StoreConfig};

/// The store as the server hands it to the query crate.
struct Source<'a>(&'a Store);

impl SpanSource for Source<'_> {
    fn scan(
        &self,
        hint: &SpanHint,
        start_ns: u64,
        end_ns: u64,
        visitor: &mut dyn SpanVisitor,
    ) -> Result<(), SourceError> {
        let scan = SpanScan {
            start_ns,
            end_ns,
            service: hint.service.clone(),
            operation: hint.name.clone(),
            kind: hint.kind,
            error: hint.error,
            min_duration_ns: hint.min_duration_ns,
            max_duration_ns: hint.max_duration_ns.unwrap_or(u64::MAX),
            texts: hint.texts.clone(),
            columns_only: !hint.rows,
        };
        self.0
            .scan_spans(&scan, &mut |seen| match seen {
                Scanned::Until(newest_ns) => visitor.until(newest_ns),
                Scanned::Span(span) => visitor.span(span),
            })
            .map_err(SourceError::failed)
    }

    fn trace(&self, id: TraceId) -> Result<Vec<Span>, SourceError> {
        self.0.trace(id).map_err(SourceError::failed)
    }
}

/// The same numbers in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Mostly a few milliseconds, seldom a second, very seldom ten.
    fn duration_ns(&mut self) -> u64 {
        let doublings = (self.next() | 1 << 14).trailing_zeros();
        (1_000_000 + self.below(1_000_000)) << doublings
    }
}

const SERVICES: u64 = 12;
/// Spans of a trace.
const DEPTH: u64 = 10;
/// Traces of a batch.
const BATCH: u64 = 100;
/// Time between two traces.
const GAP_NS: u64 = 3_000_000;

struct Made {
    noise: Noise,
    resources: Vec<Arc<Resource>>,
    names: Vec<Arc<str>>,
    keys: Vec<Arc<str>>,
    scope: Arc<Scope>,
    empty: Arc<str>,
}

impl Made {
    fn new() -> Self {
        let resource = |i| {
            Arc::new(Resource::new(vec![
                ("service.name".into(), format!("service-{i}").into()),
                ("service.version".into(), "1.4.2".into()),
                ("host.name".into(), format!("host-{i}").into()),
            ]))
        };
        let keys = [
            "http.request.method",
            "http.route",
            "http.response.status_code",
            "user.id",
            "url.path",
        ];
        Self {
            noise: Noise(9),
            resources: (0..SERVICES).map(resource).collect(),
            names: (0..48).map(|i| format!("GET /api/v1/thing{i}").into()).collect(),
            keys: keys.map(Arc::from).to_vec(),
            scope: Scope::named("http-server"),
            empty: "".into(),
        }
    }

    /// Each span is below the one before; services call each other in turn, by a client's and a server's span.
    fn trace(&mut self, start_ns: u64, out: &mut Vec<Span>) -> TraceId {
        let noise = &mut self.noise;
        let id = TraceId(u128::from(noise.next()) << 64 | u128::from(noise.next()));
        let first = noise.below(SERVICES);
        let mut parent = None;
        for i in 0..DEPTH {
            let span_id = SpanId(noise.next());
            let service = (first + i.div_ceil(2)) % SERVICES;
            let route = (service * 4 + noise.below(4)) as usize;
            let failed = noise.below(100) == 0;
            out.push(Span {
                trace_id: id,
                span_id,
                parent_id: parent,
                trace_state: self.empty.clone(),
                name: self.names[route].clone(),
                kind: if i % 2 == 0 {
                    SpanKind::Server
                } else {
                    SpanKind::Client
                },
                start_ns: start_ns + i * 20_000 + noise.below(9_000),
                duration_ns: noise.duration_ns(),
                status: if failed {
                    SpanStatus::Error("boom".into())
                } else {
                    SpanStatus::Unset
                },
                attributes: vec![
                    (self.keys[0].clone(), "GET".into()),
                    (self.keys[1].clone(), AttrValue::Str(self.names[route].clone())),
                    (self.keys[2].clone(), if failed { 500 } else { 200 }.into()),
                    (
                        self.keys[3].clone(),
                        format!("user-{}", noise.below(100_000)).into(),
                    ),
                    (
                        self.keys[4].clone(),
                        format!("/api/v1/thing{route}/{}", noise.below(10_000)).into(),
                    ),
                ],
                events: Vec::new(),
                links: Vec::new(),
                resource: self.resources[service as usize].clone(),
                scope: self.scope.clone(),
                dropped: 0,
            });
            parent = Some(span_id);
        }
        id
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// Waits out overload, as a client that backs off does.
fn insist<T>(mut append: impl FnMut() -> Result<T, AppendError>) -> T {
    loop {
        match append() {
            Ok(done) => return done,
            Err(AppendError::Overloaded { .. }) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn config(dir: &Path) -> StoreConfig {
    let mut config = StoreConfig::new(dir);
    config.max_memory_bytes = 1 << 30;
    config
}

fn disk_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => disk_bytes(&entry.path()),
            false => {
                use std::os::unix::fs::MetadataExt as _;
                entry.metadata().map_or(0, |meta| meta.blocks() * 512)
            }
        })
        .sum()
}

fn resident_mb() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    pages * 4096.0 / 1e6
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(1).collect()
}

fn quantile(sorted: &[Duration], q: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

fn main() {
    // `cargo test` runs benches once with `--test`; there is nothing to test here.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let millions: f64 = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(1.0);
    let n_traces = (millions * 1e6 / DEPTH as f64) as u64;
    let dir = match std::env::var_os("TRACES_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let store = Store::open(config(dir.path())).unwrap();
    let mut made = Made::new();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let t0_ns = now.as_nanos() as u64 - n_traces * GAP_NS;
    let mut ids = Vec::new();
    let mut spent = Duration::ZERO;
    for batch in 0..n_traces / BATCH {
        let mut rows = Vec::with_capacity((BATCH * DEPTH) as usize);
        for trace in 0..BATCH {
            let id = made.trace(t0_ns + (batch * BATCH + trace) * GAP_NS, &mut rows);
            if (batch * BATCH + trace).is_multiple_of((n_traces / 400).max(1)) {
                ids.push(id);
            }
        }
        spent += timed(|| insist(|| store.append_spans(rows.clone()))).1;
    }
    let n = (n_traces / BATCH * BATCH * DEPTH) as f64;
    spent += timed(|| store.sync().unwrap()).1;
    println!(
        "{n} spans: {:.0} k/s durable, resident {:.0} MB, load {}",
        n / spent.as_secs_f64() / 1e3,
        resident_mb(),
        load()
    );
    store.flush().unwrap();
    drop(store);
    let (store, opened) = timed(|| Store::open(config(dir.path())).unwrap());
    println!(
        "reopened in {opened:.1?}, {:.1} bytes a span on disk",
        disk_bytes(dir.path()) as f64 / n
    );

    for round in ["cold", "again"] {
        let mut times: Vec<Duration> = ids
            .iter()
            .map(|id| {
                let (trace, took) = timed(|| store.trace(*id).unwrap());
                assert_eq!(trace.len(), DEPTH as usize);
                took
            })
            .collect();
        times.sort();
        println!(
            "trace by id, {round}: median {:.2?}, p99 {:.2?}, load {}",
            quantile(&times, 0.5),
            quantile(&times, 0.99),
            load()
        );
    }
    let (missing, took) = timed(|| store.trace(TraceId(7)).unwrap());
    println!("trace that is not there: {took:.2?}");
    assert!(missing.is_empty());
    searches(&store);
    analytics(&store, t0_ns, n_traces * GAP_NS);
}

fn searches(store: &Store) {
    let service = Some("service-3".to_owned());
    let any = SpanFilter {
        service,
        ..SpanFilter::default()
    };
    let at_least = |ms: u64| SpanFilter {
        min_duration_ns: Some(ms * 1_000_000),
        ..any.clone()
    };
    for (what, filter) in [
        ("newest of a service", any.clone()),
        ("service, ≥ 100 ms", at_least(100)),
        ("service, ≥ 10 s", at_least(10_000)),
        ("service, ≥ 30 s", at_least(30_000)),
        ("service, ≥ 60 s (none)", at_least(60_000)),
        (
            "service, ≥ 10 s, 1500 traces",
            SpanFilter {
                limit: 1_500,
                ..at_least(10_000)
            },
        ),
        (
            "service and a user",
            SpanFilter {
                tags: vec![("user.id".into(), "user-777".into())],
                ..any.clone()
            },
        ),
    ] {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..3 {
            let (traces, took) = timed(|| store.find_traces(&filter).unwrap());
            (found, _) = (traces.len(), times.push(took));
        }
        println!(
            "search {what}: {found} traces, first {:.1?}, then {:.1?}, load {}",
            times[0],
            times[2],
            load()
        );
    }
}

fn analytics(store: &Store, t0_ns: u64, length_ns: u64) {
    let source = Source(store);
    let end_ns = t0_ns + length_ns + 1_000_000_000;
    for (part, start_ns) in [("all", t0_ns), ("the last tenth", end_ns - length_ns / 10)] {
        let window = Window::new(start_ns, end_ns, &Never);
        let expr = |text: &str| TraceExpr::parse(text).unwrap();
        let by = |field: &str| RedQuery {
            by: vec![parse_field(field).unwrap()],
            step_ns: length_ns / 100,
            max_groups: 20,
        };
        let say = |what: &str, took: Duration, n: u64| {
            println!("{part}, {what}: {n} spans looked at, {took:.1?}, load {}", load());
        };
        let slow = expr("{ resource.service.name = \"service-3\" && duration > 10s }");
        let (found, took) = timed(|| search(&source, &slow, 20, &window).unwrap());
        say("search by service and duration", took, found.coverage.looked_at);
        let user = expr("{ span.user.id = \"user-777\" }");
        let (found, took) = timed(|| search(&source, &user, 100, &window).unwrap());
        say("search by one of 100 000 users", took, found.coverage.looked_at);
        let below = expr("{ status = error && duration > 10s } >> { status = error }");
        let (found, took) = timed(|| search(&source, &below, 20, &window).unwrap());
        say(
            "search of failed below slow and failed",
            took,
            found.coverage.looked_at,
        );
        let (found, took) =
            timed(|| duration_histogram(&source, &expr("{ }"), length_ns / 100, &window).unwrap());
        say("histogram", took, found.coverage.looked_at);
        let (found, took) =
            timed(|| red(&source, &expr("{ }"), &by("resource.service.name"), &window).unwrap());
        say("RED by service", took, found.coverage.looked_at);
        let (found, took) = timed(|| {
            red(
                &source,
                &expr("{ kind = server }"),
                &by("span.http.route"),
                &window,
            )
            .unwrap()
        });
        say("RED of servers by route", took, found.coverage.looked_at);
        let mut sample = window;
        sample.max_spans = 500_000;
        let (found, took) =
            timed(|| compare(&source, &expr("{ }"), &expr("{ status = error }"), 30, &sample).unwrap());
        say(
            "comparison of failed with the rest, 500 000 spans at most",
            took,
            found.coverage.looked_at,
        );
        let (found, took) = timed(|| service_graph(&source, &expr("{ }"), &window).unwrap());
        say("service graph", took, found.coverage.looked_at);
        let mut n = 0_u64;
        let scan = SpanScan {
            start_ns,
            end_ns,
            ..SpanScan::default()
        };
        let ((), took) = timed(|| {
            store
                .scan_spans(&scan, &mut |seen| {
                    n += u64::from(matches!(seen, Scanned::Span(_)));
                    ControlFlow::Continue(())
                })
                .unwrap();
        });
        say("every span whole", took, n);
    }
}
