//! What is measured once: memory with everything on, and the time of a shutdown whose collector does not answer.
//!
//! Memory is that of a process of its own, which is this program started again.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use watchroom::prelude::*;
use watchroom::{LogFormat, Protocol};
use watchroom_bench::Stopwatch;

use crate::collector::{self, Exporter};
use crate::labels::{METHODS, Method, Route};

/// Set in the process whose memory is measured: the address of a collector that does not answer.
const CHILD: &str = "WATCHROOM_BENCH_MEMORY";

const SHUTDOWN: Duration = Duration::from_millis(500);

#[derive(Metrics)]
#[metrics(prefix = "bench")]
struct Many {
    /// A thousand series.
    many_total: Counter<(Route, Method)>,
}

/// The second table.
pub(crate) fn table() -> String {
    let mut out = String::from("| what | here | goal |\n|---|---:|---:|\n");
    let mb = |kib: u64| kib as f64 * 1.024 / 1e3;
    let memory = match memory() {
        Some(Resident { own, file }) => format!(
            "{:.1} MB of heap and stacks, besides {:.1} MB of this program's file, which has all peers in it",
            mb(own),
            mb(file)
        ),
        None => "not measured: `/proc/self/status` is not there".to_owned(),
    };
    let _ = writeln!(
        out,
        "| resident memory that `watchroom::init` adds: all signals, 1 000 series, the queues of spans and log records full | {memory} | ≤ 5 MB |",
    );
    let took = shutdown();
    let _ = writeln!(
        out,
        "| shutdown with 1 000 spans waiting for a collector that never answers, timeout {} ms | {} ms | ≤ {0} ms |",
        SHUTDOWN.as_millis(),
        took.as_millis(),
    );
    out
}

/// Whether this process is the one whose memory is measured; then it has done so.
pub(crate) fn is_child() -> bool {
    let Ok(collector) = std::env::var(CHILD) else {
        return false;
    };
    let before = resident();
    let config = Config::for_service("bench")
        .log_format(LogFormat::Json)
        .admin_listen(([127, 0, 0, 1], 0))
        .otlp_endpoint(collector, Protocol::HttpProtobuf);
    let telemetry = watchroom::init(config).unwrap();
    let many = Many::register(telemetry.metrics()).unwrap();
    for i in 0..250 {
        let route = format!("/path/{i}");
        METHODS
            .iter()
            .for_each(|method| many.many_total.inc((&route, *method)));
    }
    // Twice what the queues hold.
    for i in 0..4_096_u64 {
        tracing::info_span!("span", method = "GET", n = i, hit = true).in_scope(|| tracing::info!(i, "line"));
    }
    let after = resident();
    if let (Some(before), Some(after)) = (before, after) {
        let own = after.own.saturating_sub(before.own);
        eprintln!("{own} {}", after.file.saturating_sub(before.file));
    }
    telemetry.shutdown(Duration::from_millis(100));
    true
}

fn memory() -> Option<Resident> {
    let (address, listener) = collector::mute();
    let child = Command::new(std::env::current_exe().ok()?)
        .env(CHILD, address)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    drop(listener);
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().rev().find_map(|line| {
        let (own, file) = line.trim().split_once(' ')?;
        Some(Resident {
            own: own.parse().ok()?,
            file: file.parse().ok()?,
        })
    })
}

/// Resident memory, KiB.
struct Resident {
    /// What belongs to the process alone: heap and stacks.
    own: u64,
    /// Pages of files, most of all of the program's own code: shared, and dropped when memory is short.
    file: u64,
}

fn resident() -> Option<Resident> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Resident {
        own: kib("RssAnon:")?,
        file: kib("RssFile:")?,
    })
}

fn shutdown() -> Duration {
    let (address, _listener) = collector::mute();
    let exporter = Exporter::to(&address);
    let spans = exporter.otlp.span_exporter().unwrap();
    let (layer, _handle) = watchroom_capture::Capture::builder().exporter(spans).build();
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), layer);
    tracing::subscriber::with_default(subscriber, || {
        (0..1_000).for_each(|i| tracing::info_span!("span", i).in_scope(|| ()));
    });
    let watch = Stopwatch::start();
    exporter.otlp.shutdown(SHUTDOWN);
    watch.elapsed()
}
