//! Spans and log lines by OTLP over HTTP: how fast, and what they take on disk. The peers take neither.

use std::time::Duration;

use watchroom_bench::Stopwatch;
use watchroom_bench::backend::{Connection, Kind, LogLines, Server, Spans, occupied};

use crate::ingest::now_ms;
use crate::table::{Goal, Row, Unit};

const N: usize = 2_000_000;
const PER_REQUEST: usize = 1_000;

pub(crate) fn rows() -> Vec<Row> {
    let mut spans = Spans::default();
    let spans = measure("spans", "/v1/traces", 100e3, 100.0, |n, start_ns| {
        spans.body(n, start_ns)
    });
    let mut lines = LogLines::default();
    let lines = measure(
        "log lines of 200 bytes",
        "/v1/logs",
        150e3,
        40.0,
        |n, start_ns| lines.body(n, start_ns),
    );
    spans.into_iter().chain(lines).collect()
}

fn measure(
    what: &str,
    path: &str,
    per_s: f64,
    each: f64,
    mut body: impl FnMut(usize, u64) -> Vec<u8>,
) -> Vec<Row> {
    let kind = Kind::Watchroom;
    let server = Server::start(kind, &[]);
    let mut connection = Connection::open(server.otlp).expect("a server accepts");
    let first_ns = now_ms() as u64 * 1_000_000 - N as u64 * 20_000;
    let before = server.usage();
    let watch = Stopwatch::start();
    let mut made = Duration::ZERO;
    for i in 0..N / PER_REQUEST {
        let making = Stopwatch::start();
        let body = body(PER_REQUEST, first_ns + (i * PER_REQUEST) as u64 * 20_000);
        made += making.elapsed();
        loop {
            let answer = connection.post(path, "content-type: application/x-protobuf\r\n", &body);
            let answer = answer.expect("a server answers");
            match answer.status {
                200..300 => break,
                429 | 503 => std::thread::sleep(Duration::from_millis(2)),
                status => panic!("{path}: {status} {}", answer.text()),
            }
        }
    }
    // One connection waits while the next body is made; another would send meanwhile.
    let took = watch.elapsed() - made;
    let after = server.usage();
    let mut rate = Row::new(
        format!("{what} by OTLP, acknowledged, one connection"),
        Unit::PerSecond,
        Goal::AtLeast(per_s),
    );
    rate.add(kind, N as f64 / took.as_secs_f64());
    let mut cpu = Row::new(
        "the same, processor time of the server, a million",
        Unit::CpuPerMillion,
        Goal::None,
    );
    cpu.add(kind, (after.cpu_s - before.cpu_s) * 1e6 / N as f64);
    let mut memory = Row::new("the same, most resident memory", Unit::Bytes, Goal::None);
    memory.add(kind, after.peak as f64);
    std::thread::sleep(Duration::from_secs(10));
    let mut disk = Row::new(
        "the same, disk each, the whole directory",
        Unit::BytesEach,
        Goal::AtMost(each),
    );
    disk.add(kind, occupied(server.dir()) as f64 / N as f64);
    vec![rate, cpu, memory, disk]
}
