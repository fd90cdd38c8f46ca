//! Figures of LogQL over the store: a million log lines of 200 bytes, most of them flushed to blocks.
//!
//! Run with `cargo bench -p watchroom-store --bench logql`. Not here: ingest and disk, which `store` measures.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time, prints and may fail"
)]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use watchroom_model::{AttrValue, Labels, LogLine, Resource, Severity};
use watchroom_query::SourceError;
use watchroom_query::logql::{self, Direction, LogOptions, LogSource, LogWindow, Query};
use watchroom_store::{AppendError, Store, StoreConfig};

const LINES: u64 = 1_000_000;
/// An hour, so that a line comes every 3.6 ms.
const SPAN_NS: u64 = 3_600_000_000_000;
const START_NS: u64 = 1_700_000_000_000_000_000;

struct Source<'a>(&'a Store);

impl LogSource for Source<'_> {
    fn visit(
        &self,
        window: &LogWindow<'_>,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let direction = match window.direction {
            Direction::Forward => watchroom_store::Direction::Forward,
            Direction::Backward => watchroom_store::Direction::Backward,
        };
        self.0
            .logs(window.matchers, window.start_ns, window.end_ns, direction, each)
            .map_err(SourceError::failed)
    }
}

fn line(i: u64, streams: &[(Labels, Arc<Resource>)]) -> LogLine {
    let noise = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let level = if noise.is_multiple_of(50) { "error" } else { "info" };
    let needle = if i.is_multiple_of(10_000) {
        "needle"
    } else {
        "thread"
    };
    let (stream, resource) = &streams[(noise >> 32) as usize % streams.len()];
    let body = format!(
        r#"{{"level":"{level}","method":"GET","path":"/api/items/{}","status":{},"took_ms":{},"request_id":"{noise:016x}{i:016x}","msg":"handled a request of a client by {needle}","worker":"{}"}}"#,
        noise % 5_000,
        if level == "error" { 500 } else { 200 },
        noise >> 54,
        noise >> 8 & 15,
    );
    LogLine {
        time_ns: START_NS + i * (SPAN_NS / LINES),
        stream: stream.clone(),
        severity: Severity::Info,
        body: body.into(),
        attributes: vec![("thread.id".into(), AttrValue::Int((noise & 15) as i64))],
        trace_id: None,
        span_id: None,
        resource: resource.clone(),
    }
}

fn status(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: f64 = line
        .and_then(|line| line.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok())
        .unwrap_or(0.0);
    kib / 1024.0
}

fn fill(store: &Store) -> u64 {
    let streams: Vec<(Labels, Arc<Resource>)> = (0..20)
        .map(|i| {
            let level = if i % 2 == 0 { "info" } else { "error" };
            let service = format!("service-{}", i / 2);
            (
                Labels::from_pairs([("service_name", service.as_str()), ("level", level)]),
                Arc::new(Resource::new(vec![(
                    "service.name".into(),
                    service.as_str().into(),
                )])),
            )
        })
        .collect();
    let mut bytes = 0;
    for batch in 0..LINES / 1_000 {
        let lines: Vec<LogLine> = (0..1_000).map(|i| line(batch * 1_000 + i, &streams)).collect();
        bytes += lines.iter().map(|line| line.body.len() as u64).sum::<u64>();
        loop {
            match store.append_logs(lines.clone()) {
                Ok(_) => break,
                Err(AppendError::Overloaded { .. }) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    store.flush().unwrap();
    bytes
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = StoreConfig::new(dir.path());
    config.max_memory_bytes = 1 << 30;
    let store = Store::open(config).unwrap();
    let bytes = fill(&store);
    println!(
        "{LINES} lines, {} bytes a line; resident {:.0} MB",
        bytes / LINES,
        status("VmRSS:")
    );
    let (start_ms, end_ms) = (
        (START_NS / 1_000_000) as i64,
        ((START_NS + SPAN_NS) / 1_000_000) as i64,
    );
    for text in [
        r#"{service_name=~".+"}"#,
        r#"{service_name=~".+"} |= "needle""#,
        r#"{service_name=~".+"} |~ "needl[ef]""#,
        r#"{service_name=~".+"} | json | worker="16""#,
        r#"{service_name=~".+"} |= "needle" | json | status >= 500"#,
        r#"sum by (level) (rate({service_name=~".+"}[5m]))"#,
        r#"sum by (status) (count_over_time({service_name=~".+"} | json [5m]))"#,
        r#"quantile_over_time(0.99, {service_name=~".+"} | json | unwrap took_ms [5m]) by (service_name)"#,
    ] {
        let options = LogOptions {
            limit: 5_000,
            ..LogOptions::default()
        };
        let mut fastest = f64::INFINITY;
        let mut visited = 0;
        for _ in 0..3 {
            let since = Instant::now();
            visited = match logql::parse(text).unwrap() {
                Query::Logs(query) => {
                    let end_ns = START_NS + SPAN_NS;
                    logql::evaluate(&query, &Source(&store), START_NS, end_ns, &options)
                        .unwrap()
                        .visited
                }
                Query::Metric(query) => {
                    let output = logql::range(&query, &Source(&store), start_ms, end_ms, 15_000, &options);
                    output.unwrap().visited
                }
            };
            fastest = fastest.min(since.elapsed().as_secs_f64());
        }
        println!(
            "{:>8.0} ms {:>8.2} M lines/s {visited:>8} looked at  {text}",
            fastest * 1e3,
            visited as f64 / fastest / 1e6
        );
    }
    println!("most memory {:.0} MB", status("VmHWM:"));
}
