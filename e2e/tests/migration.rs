//! The program of the migration guide, before and after: the same traffic gives the same traces and the same numbers; what was forgotten
//! to be masked before is redacted afterwards.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "oracle/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::mpsc;

use opentelemetry_proto::tonic::trace::v1::Span;
use receiver::Receiver;
use watchroom_e2e::http::{get, post, send};
use watchroom_e2e::{Process, eventually};

const OWNER: &str = "ada@example.org";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a program showed.
struct Seen {
    spans: Vec<Span>,
    metrics: BTreeMap<String, f64>,
    log: String,
    /// Trace ids that the probed target was told.
    probed: Vec<String>,
}

/// A target that answers 200 to everything and tells the `traceparent` that it was sent.
fn target() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let parent = head.lines().find_map(|line| line.strip_prefix("traceparent: "));
            tell.send(parent.unwrap_or_default().to_owned()).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
        }
    });
    (address, told)
}

fn run(exe: &str, protocol: &str) -> Seen {
    let receiver = Receiver::start();
    let endpoint = match protocol {
        "grpc" => receiver.grpc_url(),
        _ => receiver.http_url(),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(exe);
    command
        .args(["--listen", "127.0.0.1:0", "--dir"])
        .arg(dir.path())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("WATCHROOM_ADMIN_LISTEN", "127.0.0.1:0")
        .env("WATCHROOM_LOG_FORMAT", "json");
    let mut process = Process::start(&mut command, dir.path().join("log"));
    let address_after = |log: &str, word: &str| -> Option<SocketAddr> {
        let (_, rest) = log.split_once(&format!("{word} http://"))?;
        rest.split([' ', '\n']).next()?.parse().ok()
    };
    let (app, page) = eventually("the program tells its addresses", || {
        assert!(process.is_running(), "{}", process.log());
        let log = process.log();
        let complete = log.lines().find(|line| line.starts_with("app http://"))?;
        Some((
            address_after(complete, "app")?,
            address_after(complete, "metrics")?,
        ))
    });

    assert_eq!(get(page, "/healthz").status, 200);
    let (good, told) = target();
    let wish = |target: SocketAddr| format!(r#"{{"target":"http://{target}/","owner":"{OWNER}"}}"#);
    let headers = [("content-type", "application/json"), ("traceparent", TRACEPARENT)];
    let made = send(app, "POST", "/links", &headers, wish(good).as_bytes()).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let code = made.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(post(app, "/links", "application/json", b"{}").status, 400);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(
        post(app, "/links", "application/json", wish(nobody).as_bytes()).status,
        422
    );
    assert_eq!(get(app, &format!("/{code}")).status, 307);
    assert_eq!(get(app, "/nobody").status, 404);
    assert_eq!(get(app, &format!("/links/{code}")).json()["visits"], 1);
    assert_eq!(get(app, "/no/such/route").status, 404);
    assert_eq!(
        send(app, "DELETE", &format!("/links/{code}"), &[], b"")
            .unwrap()
            .status,
        204
    );

    let metrics = numbers(&get(page, "/metrics").text());
    process.signal("TERM");
    assert!(process.ended().success(), "{}", process.log());
    let probed = told.try_iter().collect();
    Seen {
        spans: receiver.spans_of("shortener"),
        metrics,
        log: process.log(),
        probed,
    }
}

/// Samples of the shortener's own families and of HTTP's, by series with the labels in order.
fn numbers(page: &str) -> BTreeMap<String, f64> {
    let wanted = |line: &&str| line.starts_with("shortener_") || line.starts_with("http_requests_total");
    page.lines()
        .filter(wanted)
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
            labels.sort_unstable();
            (format!("{name}{{{}}}", labels.join(",")), value.parse().unwrap())
        })
        .collect()
}

/// Name, kind, status and the parent's name of each span, with how often that is there.
fn shape(spans: &[Span]) -> BTreeMap<(String, i32, i32, String), usize> {
    let name_of = |id: &[u8]| {
        let parent = spans.iter().find(|span| span.span_id == id);
        parent.map_or_else(
            || if id.is_empty() { "none" } else { "remote" }.to_owned(),
            |span| span.name.clone(),
        )
    };
    let mut shape = BTreeMap::new();
    for span in spans {
        let code = span.status.as_ref().map_or(0, |status| status.code);
        let key = (span.name.clone(), span.kind, code, name_of(&span.parent_span_id));
        *shape.entry(key).or_default() += 1;
    }
    shape
}

#[test]
fn the_moved_program_shows_what_it_showed_before() {
    let before = run(env!("CARGO_BIN_EXE_shortener-before"), "grpc");
    for protocol in ["grpc", "http/protobuf"] {
        compare(&before, &run(env!("CARGO_BIN_EXE_shortener-after"), protocol));
    }
}

fn compare(before: &Seen, after: &Seen) {
    assert_eq!(shape(&before.spans), shape(&after.spans));
    let traced = |seen: &Seen| {
        let caller: Vec<u8> = (0..16)
            .map(|i| u8::from_str_radix(&TRACEPARENT[3 + 2 * i..5 + 2 * i], 16).unwrap())
            .collect();
        seen.spans.iter().filter(|span| span.trace_id == caller).count()
    };
    assert_eq!(traced(before), 3, "the request, the probe, the store");
    assert_eq!(traced(after), 3);
    for seen in [before, after] {
        assert_eq!(seen.probed.len(), 1);
        assert!(seen.probed[0].contains(&TRACEPARENT[3..35]), "{:?}", seen.probed);
    }

    let own = |seen: &Seen| -> BTreeMap<String, f64> {
        let is_own = |name: &str| name.starts_with("shortener_") && !name.contains("probe_duration");
        let own = seen.metrics.iter().filter(|(name, _)| is_own(name));
        own.map(|(name, value)| (name.clone(), *value)).collect()
    };
    assert!(own(before).len() >= 5, "{:?}", before.metrics);
    for (series, value) in own(before) {
        assert_eq!(after.metrics.get(&series), Some(&value), "{series}");
    }
    let requests = |seen: &Seen| -> f64 {
        let all = seen
            .metrics
            .iter()
            .filter(|(name, _)| name.starts_with("http_requests_total"));
        all.map(|(_, value)| value).sum()
    };
    assert!((requests(before) - 8.0).abs() < 0.5, "{:?}", before.metrics);
    assert!((requests(after) - 8.0).abs() < 0.5, "{:?}", after.metrics);

    assert!(
        before.log.contains(OWNER),
        "the forgotten mask is what the guide tells of"
    );
    assert!(!after.log.contains(OWNER), "{}", after.log);
    assert!(after.log.contains("link made"), "{}", after.log);
}
