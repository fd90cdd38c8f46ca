//! Samples by remote write: how fast, what memory they take, and how long a start with them lasts.

use std::time::Duration;

use watchroom_bench::Stopwatch;
use watchroom_bench::backend::{Connection, Fleet, Kind, RemoteWrite, Server, occupied};

use crate::table::{Goal, Row, Unit};

/// Samples of a request, as Prometheus sends by default.
pub(crate) const PER_REQUEST: usize = 2_000;
/// Connections, each with its share of the instances.
const N_CONNECTIONS: usize = 2;
/// Time between two samples of a series.
const STEP_MS: i64 = 15_000;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (n_instances, n_steps) in [(34, 4_000), (3_334, 120)] {
        let n_series = n_instances * Fleet::PER_INSTANCE;
        let name = |what: &str| format!("{what}, {} series", round(n_series));
        let mut rate = Row::new(
            name("samples by remote write, acknowledged"),
            Unit::PerSecond,
            Goal::OfPrometheusAtLeast(1.5),
        );
        let mut cpu = Row::new(
            name("the same, processor time of the server, a million samples"),
            Unit::CpuPerMillion,
            Goal::None,
        );
        let large = n_series > 10_000;
        let half = if large {
            Goal::OfPrometheusAtMost(0.5)
        } else {
            Goal::None
        };
        let mut peak = Row::new(name("the same, most resident memory"), Unit::Bytes, half);
        let mut resident = Row::new(name("resident memory 5 s later"), Unit::Bytes, half);
        let mut disk = Row::new(
            name("disk a sample, the whole directory then"),
            Unit::BytesEach,
            Goal::OfPrometheusAtMost(0.5),
        );
        let mut again = Row::new(
            name(&format!(
                "start with {} M samples after a stop",
                n_series * n_steps / 1_000_000
            )),
            Unit::Seconds,
            Goal::AtMost(2.0),
        );
        let mut killed = Row::new(
            name("the same, after kill -9"),
            Unit::Seconds,
            if large { Goal::AtMost(2.0) } else { Goal::None },
        );
        for kind in Kind::installed() {
            let mut server = Server::start(kind, &[]);
            let sent = send(&server, 0..n_instances, n_steps as u64, STEP_MS);
            rate.add(kind, sent.n_samples as f64 / sent.took.as_secs_f64());
            let usage = server.usage();
            assert_kept(&server, n_series);
            cpu.add(kind, usage.cpu_s * 1e6 / sent.n_samples as f64);
            peak.add(kind, usage.peak as f64);
            std::thread::sleep(Duration::from_secs(5));
            resident.add(kind, server.usage().resident as f64);
            disk.add(kind, occupied(server.dir()) as f64 / sent.n_samples as f64);
            if large {
                killed.add(kind, server.restart("KILL").as_secs_f64());
                again.add(kind, server.restart("TERM").as_secs_f64());
            }
        }
        rows.extend([rate, cpu, peak, resident, disk]);
        if large {
            rows.extend([again, killed]);
        }
    }
    rows
}

/// A server that refuses what it has no room for would look quick.
fn assert_kept(server: &Server, n_series: usize) {
    if server.kind == Kind::Victoria {
        let _ = server.get("/internal/force_flush");
    }
    let query = [("query", "sum(count by (job) ({job=\"checkout\"}))")];
    let answer = server.connect().post_form("/api/v1/query", &query);
    let answer = answer.expect("a server answers").text();
    let wanted = format!("\"{n_series}\"");
    assert!(
        answer.contains(&wanted),
        "{} keeps {wanted} series: {answer}",
        server.kind.name()
    );
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) n_samples: usize,
    pub(crate) took: Duration,
}

/// Sends so many steps of some instances, the last of them now, over several connections at once.
pub(crate) fn send(server: &Server, instances: std::ops::Range<usize>, n_steps: u64, step_ms: i64) -> Sent {
    let end_ms = now_ms() / step_ms * step_ms;
    send_until(server, instances, Fleet::new, n_steps, step_ms, end_ms)
}

/// As [`send`], of any fleet, the last of them at `end_ms`.
pub(crate) fn send_until(
    server: &Server,
    instances: std::ops::Range<usize>,
    fleet: fn(std::ops::Range<usize>) -> Fleet,
    n_steps: u64,
    step_ms: i64,
    end_ms: i64,
) -> Sent {
    let share = instances.len().div_ceil(N_CONNECTIONS);
    let watch = Stopwatch::start();
    let n_samples = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..N_CONNECTIONS)
            .map(|i| {
                let first = instances.start + i * share;
                let share = first..(first + share).min(instances.end);
                scope.spawn(move || send_share(server, fleet(share), n_steps, step_ms, end_ms))
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("a sender ends well"))
            .sum()
    });
    Sent {
        n_samples,
        took: watch.elapsed(),
    }
}

fn send_share(server: &Server, mut fleet: Fleet, n_steps: u64, step_ms: i64, end_ms: i64) -> usize {
    let mut body = RemoteWrite::default();
    let mut connection = server.connect();
    let path = server.kind.write_path();
    for step in 0..n_steps {
        let t_ms = end_ms - (n_steps - 1 - step) as i64 * step_ms;
        fleet.step(step, t_ms, PER_REQUEST, &mut body, |body| {
            post(&mut connection, path, &body);
        });
    }
    if !body.is_empty() {
        post(&mut connection, path, &body.take());
    }
    fleet.len() * n_steps as usize
}

/// Sends until it is taken: a server that says that it is busy is asked again.
fn post(connection: &mut Connection, path: &str, body: &[u8]) {
    loop {
        let answer = connection
            .post(path, RemoteWrite::HEADERS, body)
            .expect("a server answers");
        match answer.status {
            200..300 => return,
            429 | 503 => std::thread::sleep(Duration::from_millis(5)),
            status => panic!("{path}: {status} {}", answer.text()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "data has to be of now for a server to take it"
)]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

fn round(n: usize) -> usize {
    let unit = 10_usize.pow(n.ilog10());
    (n + unit / 2) / unit * unit
}
