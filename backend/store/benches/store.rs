//! Figures of the whole store: durable ingest, disk, memory, reads and opening.
//!
//! Data is made to look like a scrape of services: counters, gauges and histogram buckets; traces of 10 spans; log lines of 200 bytes
//! with ids in them. Run with `cargo bench -p watchroom-store --bench store`. Not here: peers, which are measured over the network.

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

use watchroom_model::{
    AttrValue, Labels, LogLine, Matcher, Resource, Sample, Severity, Span, SpanId, SpanKind, SpanStatus,
    TraceId,
};
use watchroom_store::{AppendError, Direction, SelectLimit, SpanFilter, Store, StoreConfig};

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
}

fn config(dir: &Path) -> StoreConfig {
    let mut config = StoreConfig::new(dir);
    config.max_memory_bytes = 1 << 30;
    config
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

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

fn status(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: f64 = line
        .and_then(|line| line.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok())
        .unwrap_or(0.0);
    kib / 1024.0
}

fn resident_mb() -> f64 {
    status("VmRSS:")
}

/// Bytes of data as they are in the long run: flushed, compacted, without the engine's log.
fn data_bytes(dir: &Path) -> u64 {
    let db = fjall::Database::builder(dir.join("engine")).open().unwrap();
    db.list_keyspace_names()
        .iter()
        .map(|name| {
            let keyspace = db.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
            keyspace.rotate_memtable_and_wait().unwrap();
            keyspace.major_compact().unwrap();
            keyspace.disk_space()
        })
        .sum()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

fn series_labels(i: usize) -> Labels {
    let instance = format!("10.0.{}.{}:9090", i / 2_000, i / 100 % 20);
    let kind = i % 20;
    let name = match kind {
        0..=3 => "process_memory_bytes",
        4..=8 => "http_requests_total",
        _ => "http_request_duration_seconds_bucket",
    };
    Labels::from_pairs([
        ("__name__", name),
        ("job", "service"),
        ("instance", &instance),
        ("namespace", "production"),
        ("pod", &format!("service-{}", i / 100)),
        ("method", ["GET", "PUT", "POST", "DELETE"][i % 4]),
        ("route", &format!("/api/v1/route{}", i / 20 % 5)),
        ("code", &format!("{}", 200 + kind)),
        ("le", if kind > 8 { "0.25" } else { "" }),
    ])
}

fn metrics(n_series: usize, n_scrapes: i64) {
    let dir = tempfile::tempdir().unwrap();
    let before_mb = resident_mb();
    let store = Store::open(config(dir.path())).unwrap();
    let labels: Vec<Labels> = (0..n_series).map(series_labels).collect();
    let inputs_mb = resident_mb() - before_mb;
    let mut noise = Noise(7);
    let mut values: Vec<f64> = vec![0.0; n_series];
    let t0_ms = now_ms() - n_scrapes * 15_000;
    let mut spent = Duration::ZERO;
    for scrape in 0..n_scrapes {
        for from in (0..n_series).step_by(5_000) {
            let batch: Vec<_> = (from..n_series.min(from + 5_000))
                .map(|i| {
                    let value = &mut values[i];
                    match i % 20 {
                        0..=1 => *value = 1e8 + (noise.below(1 << 20) * 4_096) as f64,
                        2..=3 => *value = noise.below(1 << 40) as f64 / 1e9,
                        4..=8 => *value += noise.below(200) as f64,
                        _ => *value += (noise.below(8) / 6 * noise.below(30)) as f64,
                    }
                    // Targets are scraped a few milliseconds off.
                    let t_ms = t0_ms + scrape * 15_000 + (i / 100) as i64 % 13;
                    (labels[i].clone(), Sample { t_ms, value: *value })
                })
                .collect();
            let (_, took) = timed(|| insist(|| store.append_samples(&batch)));
            spent += took;
        }
    }
    let (_, synced) = timed(|| store.sync().unwrap());
    let n = n_series as f64 * n_scrapes as f64;
    let resident = resident_mb() - before_mb - inputs_mb;
    let (_, flushed) = timed(|| store.flush().unwrap());
    println!(
        "samples, {n_series} series: {:.0} k/s appended ({synced:.1?} to sync), flush {flushed:.1?}, resident {resident:.0} MB, \
         told {:.0} MB",
        n / (spent + synced).as_secs_f64() / 1e3,
        store.stats().memory_bytes as f64 / 1e6,
    );
    let end_ms = t0_ms + n_scrapes * 15_000;
    for (what, matchers, start_ms) in [
        (
            "all, the last hour",
            vec![Matcher::equal("job", "service")],
            end_ms - 3_600_000,
        ),
        (
            "all, the last 5 min",
            vec![Matcher::equal("job", "service")],
            end_ms - 300_000,
        ),
        (
            "one pod, the last hour",
            vec![Matcher::equal("pod", "service-3")],
            end_ms - 3_600_000,
        ),
    ] {
        let (found, took) = timed(|| {
            store
                .select(&matchers, start_ms, end_ms, SelectLimit::default())
                .unwrap()
        });
        let n: usize = found.iter().map(|series| series.samples.len()).sum();
        println!(
            "  select {what}: {} series, {n} samples in {took:.1?}",
            found.len()
        );
    }
    drop(store);
    let (store, opened) = timed(|| Store::open(config(dir.path())).unwrap());
    let (found, took) = timed(|| store.select(&[], t0_ms, end_ms, SelectLimit::default()).unwrap());
    let read: usize = found.iter().map(|series| series.samples.len()).sum();
    assert_eq!(read as f64, n, "everything comes back");
    drop((found, store));
    println!(
        "  reopened in {opened:.1?}, all {read} samples read in {took:.1?}; {:.2} bytes a sample on disk",
        data_bytes(dir.path()) as f64 / n
    );
}

fn spans(n_traces: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).unwrap();
    let resources: Vec<_> = (0..8)
        .map(|i| {
            Arc::new(Resource::new(vec![
                ("service.name".into(), format!("service-{i}").into()),
                ("service.version".into(), "1.4.2".into()),
                ("host.name".into(), format!("host-{i}").into()),
            ]))
        })
        .collect();
    let names: Vec<Arc<str>> = (0..40).map(|i| format!("GET /api/v1/thing{i}").into()).collect();
    let keys: Vec<Arc<str>> = [
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "user.id",
        "url.path",
    ]
    .map(Arc::from)
    .to_vec();
    let scope = watchroom_model::Scope::named("http-server");
    let empty: Arc<str> = "".into();
    let mut noise = Noise(9);
    let t0_ns = now_ms() as u64 * 1_000_000 - 3_600_000_000_000;
    let mut spent = Duration::ZERO;
    let mut last = TraceId(1);
    for batch in 0..n_traces / 100 {
        let mut rows = Vec::with_capacity(1_000);
        for trace in 0..100 {
            let id = TraceId(u128::from(noise.next()) << 64 | u128::from(noise.next()));
            last = id;
            let start = t0_ns + (batch * 100 + trace) * 300_000 + noise.below(100_000);
            let mut parent = None;
            for i in 0..10 {
                let span_id = SpanId(noise.next());
                let route = noise.below(40) as usize;
                rows.push(Span {
                    trace_id: id,
                    span_id,
                    parent_id: parent,
                    trace_state: empty.clone(),
                    name: names[route].clone(),
                    kind: SpanKind::Server,
                    start_ns: start + i * 20_000 + noise.below(9_000),
                    duration_ns: 1_000_000 + noise.below(50_000_000),
                    status: SpanStatus::Unset,
                    attributes: vec![
                        (keys[0].clone(), "GET".into()),
                        (keys[1].clone(), AttrValue::Str(names[route].clone())),
                        (keys[2].clone(), 200.into()),
                        (keys[3].clone(), (noise.below(100_000) as i64).into()),
                        (
                            keys[4].clone(),
                            format!("/api/v1/thing{route}/{}", noise.below(10_000)).into(),
                        ),
                    ],
                    events: Vec::new(),
                    links: Vec::new(),
                    resource: resources[i as usize % 8].clone(),
                    scope: scope.clone(),
                    dropped: 0,
                });
                if noise.below(2) == 0 {
                    parent = Some(span_id);
                }
            }
        }
        let (_, took) = timed(|| insist(|| store.append_spans(rows.clone())));
        spent += took;
    }
    let (_, synced) = timed(|| store.sync().unwrap());
    let n = n_traces as f64 * 10.0;
    println!(
        "spans: {:.0} k/s appended, resident {:.0} MB",
        n / (spent + synced).as_secs_f64() / 1e3,
        resident_mb()
    );
    let (_, flushed) = timed(|| store.flush().unwrap());
    let (trace, took) = timed(|| store.trace(last).unwrap());
    println!(
        "  flush {flushed:.1?}; trace by id: {} spans in {took:.1?}",
        trace.len()
    );
    for (what, filter) in [
        (
            "newest of a service",
            SpanFilter {
                service: Some("service-3".into()),
                ..SpanFilter::default()
            },
        ),
        (
            "slowest",
            SpanFilter {
                service: Some("service-3".into()),
                min_duration_ns: Some(50_999_000),
                ..SpanFilter::default()
            },
        ),
        (
            "by tag",
            SpanFilter {
                service: Some("service-3".into()),
                tags: vec![("user.id".into(), "777".into())],
                ..SpanFilter::default()
            },
        ),
        (
            "none that slow",
            SpanFilter {
                min_duration_ns: Some(60_000_000),
                ..SpanFilter::default()
            },
        ),
    ] {
        let (found, took) = timed(|| store.find_traces(&filter).unwrap());
        println!("  find {what}: {} traces in {took:.1?}", found.len());
    }
    drop(store);
    let (_, opened) = timed(|| Store::open(config(dir.path())).unwrap());
    println!(
        "  reopened in {opened:.1?}; {:.0} bytes a span on disk",
        data_bytes(dir.path()) as f64 / n
    );
}

fn logs(n_lines: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).unwrap();
    let mut noise = Noise(11);
    let sender = Arc::new(Resource::new(vec![("service.name".into(), "service".into())]));
    let streams: Vec<_> = (0..8)
        .map(|i| {
            Labels::from_pairs([
                ("service_name", format!("service-{}", i / 2)),
                ("level", ["info", "warn"][i % 2].to_owned()),
            ])
        })
        .collect();
    let t0_ns = now_ms() as u64 * 1_000_000 - 3_600_000_000_000;
    let mut spent = Duration::ZERO;
    let mut bytes = 0;
    for batch in 0..n_lines / 1_000 {
        let rows: Vec<_> = (0..1_000)
            .map(|i| {
                let body = format!(
                    "request completed method={} path=/api/v1/thing{}/{} status={} duration_ms={}.{:03} bytes={} user={} \
                     request_id={:016x} client=10.{}.{}.{} cache={} upstream=service-{} attempt=1",
                    ["GET", "PUT", "POST"][noise.below(3) as usize],
                    noise.below(40),
                    noise.below(10_000),
                    [200, 200, 200, 404, 500][noise.below(5) as usize],
                    noise.below(200),
                    noise.below(1_000),
                    noise.below(100_000),
                    noise.below(100_000),
                    noise.next(),
                    noise.below(4),
                    noise.below(256),
                    noise.below(256),
                    ["hit", "miss"][noise.below(2) as usize],
                    noise.below(8),
                );
                bytes += body.len();
                LogLine {
                    time_ns: t0_ns + (batch * 1_000 + i) * 50_000 + noise.below(40_000),
                    stream: streams[noise.below(8) as usize].clone(),
                    severity: Severity::Info,
                    body: body.into(),
                    attributes: Vec::new(),
                    trace_id: None,
                    span_id: None,
                    resource: sender.clone(),
                }
            })
            .collect();
        let (_, took) = timed(|| insist(|| store.append_logs(rows.clone())));
        spent += took;
    }
    let (_, synced) = timed(|| store.sync().unwrap());
    let n = n_lines as f64;
    println!(
        "log lines of {:.0} bytes: {:.0} k/s appended, resident {:.0} MB",
        bytes as f64 / n,
        n / (spent + synced).as_secs_f64() / 1e3,
        resident_mb()
    );
    let (_, flushed) = timed(|| store.flush().unwrap());
    println!("  flush {flushed:.1?}");
    for (what, limit) in [
        ("the newest 1000 of a stream", 1_000),
        ("all of a stream", usize::MAX),
    ] {
        let matcher = [Matcher::equal("service_name", "service-2")];
        let mut found = 0;
        let (_, took) = timed(|| {
            store
                .logs(&matcher, 0, u64::MAX, Direction::Backward, &mut |_| {
                    found += 1;
                    if found < limit {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })
                .unwrap();
        });
        println!("  read {what}: {found} lines in {took:.1?}");
    }
    drop(store);
    let (_, opened) = timed(|| Store::open(config(dir.path())).unwrap());
    println!(
        "  reopened in {opened:.1?}; {:.0} bytes a line on disk",
        data_bytes(dir.path()) as f64 / n
    );
}

fn main() {
    // `cargo test` runs benches once with `--test`; there is nothing to test here.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (store, opened) = timed(|| Store::open(config(dir.path())).unwrap());
    println!(
        "empty store: opened in {opened:.1?}, resident {:.0} MB",
        resident_mb()
    );
    drop(store);
    metrics(1_000, 4_000);
    metrics(100_000, 60);
    spans(100_000);
    logs(1_000_000);
}
