//! 340 secrets go in by every door of every signal; none comes out anywhere: not in lines, files, what is sent, what is spooled, what
//! other services get, nor on a page.
//!
//! Each door first takes a witness, a harmless text that must be seen outside, so that a door that leads nowhere is noticed.
//! Not here: texts that only look like secrets; `docs/redaction-corpus.md` lists those that are redacted all the same.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;
use tracing::field;
use watchroom::capture::Status;
use watchroom::metrics::{Declaration, DynamicCounter};
use watchroom::prelude::*;
use watchroom::redact::testing::Corpus;
use watchroom_http::ServerLayer;

use crate::collector::Collector;
use crate::scene::{Ended, Scene, get, http};
use crate::scenes::{init, tell};

/// Where the texts come in, and for each whether it comes out with spans (`t`), log records (`r`), lines (`l`), metrics (`m`), panics
/// on stderr (`e`), health (`h`), the build page (`b`), or what is carried to other services (`c`).
const DOORS: [(&str, &str); 31] = [
    ("field", "lr"),
    ("message", "lr"),
    ("display", "lr"),
    ("debug", "lr"),
    ("dyn-error", "lr"),
    ("error-source", "lr"),
    ("error-chain", "lr"),
    ("span-field", "tl"),
    ("span-name", "t"),
    ("recorded", "tl"),
    ("attribute", "t"),
    ("status", "t"),
    ("status-field", "t"),
    ("event-name", "t"),
    ("event-attribute", "t"),
    ("event-in-span", "tlr"),
    ("exception", "tlr"),
    ("actor", "lr"),
    ("object", "lr"),
    ("label", "m"),
    ("dynamic-label", "m"),
    ("exemplar", "m"),
    ("info", "m"),
    ("event-label", "mlr"),
    ("baggage", "tlc"),
    ("health", "hlr"),
    ("health-details", "h"),
    ("health-field", "h"),
    ("panic", "lr"),
    ("path", "tl"),
    ("request-id", "tl"),
];

/// What has seen the doors.
#[derive(Debug, Metrics)]
#[metrics(prefix = "doors")]
struct Doors {
    /// By note.
    seen_total: Counter<Note>,
    /// What this is.
    build_info: Info,
}

/// Whatever somebody noted.
#[derive(Label)]
#[label(limit = 2000)]
struct Note;

#[derive(Debug)]
struct Customer<'a> {
    #[expect(dead_code, reason = "shown by `Debug`")]
    note: &'a str,
}

#[derive(Debug, thiserror::Error)]
#[error("outer: {0}")]
struct Outer(String, #[source] Inner);

#[derive(Debug, thiserror::Error)]
#[error("inner: {0}")]
struct Inner(String);

/// Lets a text in by every door; `at` gives what each door is to take.
fn enter(
    telemetry: &Telemetry,
    doors: &Doors,
    dynamic: &DynamicCounter,
    idx: usize,
    at: impl Fn(&str) -> String,
) {
    tracing::info!(note = at("field"), "noted");
    tracing::info!("said {}", at("message"));
    tracing::info!(note = %at("display"), "shown");
    tracing::info!(customer = ?Customer { note: &at("debug") }, "shown");
    let error = Outer(at("dyn-error"), Inner(at("error-source")));
    tracing::error!(error = &error as &(dyn Error + 'static), "failed");
    let error = Outer("chained".into(), Inner(at("error-chain")));
    tracing::error!(error = %watchroom::chain(&error), "failed");

    let span = tracing::info_span!(
        "doors",
        otel.name = at("span-name"),
        note = at("span-field"),
        later = field::Empty
    );
    span.in_scope(|| {
        span.record("later", at("recorded"));
        span.set_attribute("set", at("attribute").as_str());
        span.set_status(Status::Error, &at("status"));
        span.add_event(
            &at("event-name"),
            &[("note", at("event-attribute").as_str().into())],
        );
        tracing::info!(note = at("event-in-span"), "within");
        // Its exemplar leads to a span that is full of secrets.
        doors.seen_total.inc(&at("exemplar"));
        let error = Inner(at("exception"));
        tracing::error!(error = &error as &(dyn Error + 'static), "failed within");
    });
    tracing::info_span!(
        "status",
        otel.status_code = "ERROR",
        otel.status_description = at("status-field")
    )
    .in_scope(|| ());
    watchroom::security!(
        actor = at("actor"),
        action = "open",
        object = at("object"),
        outcome = watchroom::security::Outcome::Denied
    );

    doors.seen_total.inc(&at("label"));
    doors.build_info.set([("note", at("info"))]);
    dynamic.inc([("note", at("dynamic-label").as_str())]);
    tracing::info!(
        monotonic_counter.doors_events = 1,
        note = at("event-label"),
        "counted"
    );

    let span = tracing::info_span!("travels");
    // What is too long or too much to travel does not; then there is nothing to be seen.
    let _ = span.set_baggage("note", &at("baggage"));
    span.in_scope(|| {
        tracing::info!("on the way");
        let mut carrier = HashMap::<String, String>::new();
        watchroom::inject(&mut carrier);
        println!("\nCARRIED {carrier:?}");
    });

    let extra = at("health-field");
    telemetry
        .health()
        .extra(move || vec![("note", extra.as_str().into())]);
    let component = telemetry.health().component(format!("component-{idx}"));
    component.details(at("health-details")).unhealthy(at("health"));

    ask(telemetry, &at("path"), &at("request-id"));

    let text = at("panic");
    let name = text.replace('\0', "");
    let panics = std::thread::Builder::new()
        .name(name)
        .spawn(move || tracing::info_span!("of a thread").in_scope(|| panic!("{text}")));
    assert!(panics.unwrap().join().is_err());
}

/// A request whose path and id hold texts, in the way of a careful client: what a URL has a meaning for is encoded.
fn ask(telemetry: &Telemetry, path: &str, id: &str) {
    let server = Router::new()
        .fallback(|| async { tracing::info!("asked") })
        .layer(ServerLayer::http(telemetry.metrics()).unwrap());
    let path: String = path
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b';' | b'=' | b':' | b'@' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let mut request = Request::get(format!("/asked/{path}"))
        .body(Body::empty())
        .unwrap();
    if let Ok(id) = id.parse() {
        request.headers_mut().insert("x-request-id", id);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(server.oneshot(request)).unwrap();
}

fn witness(door: &str) -> String {
    format!("witness-of-{door}-door")
}

pub(crate) fn play(scene: &str) -> bool {
    if scene == "corpus" {
        corpus();
    }
    scene == "corpus"
}

fn corpus() {
    let telemetry = init();
    let doors = Doors::register(telemetry.metrics()).unwrap();
    let declaration = Declaration::new("doors_dynamic_total", "By note.").with_limit(2_000);
    let dynamic = DynamicCounter::register(telemetry.metrics(), declaration).unwrap();
    for (idx, entry) in Corpus::secrets().iter().enumerate() {
        enter(&telemetry, &doors, &dynamic, idx, |_| entry.text.clone());
    }
    enter(&telemetry, &doors, &dynamic, 1_000, witness);
    let admin = telemetry.admin_addr().unwrap().to_string().into();
    let mut pages: String = PAGES.iter().map(|page| get(&admin, page)).collect();
    pages += &http(
        &admin,
        "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: application/openmetrics-text; version=1.0.0\r\nconnection: close\r\n\r\n",
    );
    drop(telemetry);
    tell(&pages.into());
}

/// Everything in a folder and below.
fn files(dir: &Path, out: &mut Vec<u8>) -> usize {
    let mut n = 0;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            n += files(&entry.path(), out);
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            out.extend(bytes);
            n += 1;
        }
    }
    n
}

/// A folder that is gone when the test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("watchroom-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Resource attributes as the environment gives them, one for each secret.
fn resource() -> String {
    let mut out = String::from("owner=witness-of-resource-door");
    for (idx, entry) in Corpus::secrets().iter().enumerate() {
        write!(out, ",note{idx}=").unwrap();
        for byte in entry.text.bytes() {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

struct Outputs(Vec<(&'static str, String)>);

impl Outputs {
    fn push(&mut self, name: &'static str, bytes: &[u8]) {
        self.0.push((name, String::from_utf8_lossy(bytes).into_owned()));
    }

    fn get(&self, name: &str) -> &str {
        &self.0.iter().find(|(n, _)| *n == name).unwrap().1
    }

    /// Nothing leaks, be it written as it is, escaped once or twice, or percent-encoded.
    fn leaks(&self) -> String {
        let corpus = Corpus::secrets();
        let mut leaks = String::new();
        for (name, output) in &self.0 {
            let once = unescaped(output);
            for output in [output, &once, &unescaped(&once), &percent_decoded(output)] {
                let pieces = Pieces::of(output);
                for entry in &corpus {
                    // Two letters are somewhere in any output; then it is the whole text that must not be seen.
                    let secret = if entry.secret.len() < 5 {
                        &entry.text
                    } else {
                        &entry.secret
                    };
                    if pieces.may_hold(secret)
                        && let Some(at) = output.find(secret.as_str())
                    {
                        // The corpus is made up, so what stands around may be shown.
                        let around = output.as_bytes().iter().skip(at.saturating_sub(100)).take(200);
                        let around: String = around.map(|byte| char::from(*byte)).collect();
                        writeln!(leaks, "{name}, {}: {around:?}", entry.kind).unwrap();
                    }
                }
            }
        }
        leaks
    }

    #[track_caller]
    fn are_clean(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "{leaks}");
    }

    #[track_caller]
    fn show(&self, output: &str, of: char) {
        let text = self.get(output);
        for (door, ways) in DOORS {
            if ways.contains(of) {
                assert!(
                    text.contains(&witness(door)),
                    "the door {door} does not lead to {output}"
                );
            }
        }
    }
}

/// The pieces of four bytes that a text has, so that most of what it has not is told without a search.
struct Pieces(Vec<bool>);

impl Pieces {
    const BITS: u32 = 20;

    fn places(text: &str) -> impl Iterator<Item = usize> {
        let windows = text.as_bytes().array_windows();
        windows
            .map(|piece| (u32::from_le_bytes(*piece).wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize)
    }

    fn of(text: &str) -> Self {
        let mut seen = vec![false; 1 << Self::BITS];
        Self::places(text).for_each(|place| seen[place] = true);
        Self(seen)
    }

    fn may_hold(&self, text: &str) -> bool {
        Self::places(text).all(|place| self.0[place])
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n")
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .replace("\\\\", "\\")
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|_| bytes[at] == b'%')
        {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

const PAGES: [&str; 8] = [
    "/",
    "/metrics",
    "/telemetry",
    "/health",
    "/ready",
    "/live",
    "/build",
    "/loglevel",
];

/// Plays the corpus; gives all pages, and what it said.
fn played(env: &[(&str, &str)]) -> (String, Ended) {
    let resource = resource();
    let common = [
        ("OTEL_RESOURCE_ATTRIBUTES", &*resource),
        ("WATCHROOM_BAGGAGE_FIELDS", "note"),
        ("WATCHROOM_LOG_THREADS", "true"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "100000"),
        ("WATCHROOM_LOG_BLOCK_WITHIN", "20s"),
        ("WATCHROOM_SHUTDOWN_TIMEOUT", "10s"),
    ];
    let env: Vec<_> = common.iter().chain(env).copied().collect();
    let ended = Scene::start("corpus", &env).drained().end();
    assert!(ended.status.success(), "{}", ended.err);
    let pages = ended.told().as_str().unwrap().to_owned();
    (pages, ended)
}

#[test]
fn a_leak_would_be_seen_however_it_is_written() {
    for entry in &Corpus::secrets() {
        let debug = format!("{:?}", entry.text);
        let percent: String = entry.text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for leaked in [entry.text.clone(), format!("{debug:?}"), debug, percent] {
            let outputs = Outputs(vec![("leaked", format!("some text {leaked} and more"))]);
            assert!(!outputs.leaks().is_empty(), "{leaked}");
        }
    }
}

#[test]
fn no_secret_leaves_the_process_by_lines_files_pages_carriers_or_what_is_sent() {
    for format in ["json", "text"] {
        let collector = Collector::start();
        let logs = Folder::new(format);
        let (pages, ended) = played(&[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("WATCHROOM_LOG_FILE_DIR", logs.path()),
            ("WATCHROOM_LOG_FORMAT", format),
        ]);
        let mut kept = Vec::new();
        assert!(files(&logs.0, &mut kept) > 0, "log files are written");
        assert!(collector.n_spans() > 900 && collector.n_logs() > 3_000 && collector.n_metric_requests() > 0);
        let mut outputs = Outputs(Vec::new());
        outputs.push("stdout", ended.out.as_bytes());
        outputs.push("stderr", ended.err.as_bytes());
        outputs.push("files", &kept);
        outputs.push("sent", &collector.bodies());
        outputs.push("pages", pages.as_bytes());
        for of in ['t', 'r', 'm'] {
            outputs.show("sent", of);
        }
        for of in ['l', 'c'] {
            outputs.show("stdout", of);
        }
        outputs.show("files", 'l');
        for of in ['m', 'h'] {
            outputs.show("pages", of);
        }
        for output in ["sent", "pages"] {
            assert!(outputs.get(output).contains(&witness("resource")), "{output}");
        }
        exemplars_hold_ids_alone(&pages);
        outputs.are_clean();
    }
}

/// An exemplar leads to a trace by its ids, and says nothing else.
fn exemplars_hold_ids_alone(pages: &str) {
    let exemplars: Vec<&str> = pages
        .lines()
        .filter(|line| line.starts_with("doors_seen_total{"))
        .filter_map(|line| line.rsplit_once(" # {"))
        .map(|(_, exemplar)| exemplar)
        .collect();
    assert!(exemplars.len() > 100, "{} exemplars", exemplars.len());
    for exemplar in exemplars {
        let ids = exemplar
            .strip_prefix("trace_id=\"")
            .and_then(|rest| rest.split_once("\",span_id=\""))
            .and_then(|(trace, rest)| Some((trace, rest.split_once("\"} ")?)));
        let Some((trace, (span, sample))) = ids else {
            panic!("an exemplar holds more than ids");
        };
        let is_id = |id: &str, len: usize| id.len() == len && id.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_id(trace, 32) && is_id(span, 16), "{trace} {span}");
        assert!(
            sample.bytes().all(|b| b.is_ascii_digit() || b" .e-".contains(&b)),
            "{sample}"
        );
    }
}

#[test]
fn no_secret_is_spooled_nor_shown_on_stderr_where_no_line_is_written() {
    let spool = Folder::new("spool");
    // A port that nobody listens on any more.
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (pages, ended) = played(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{dead}")),
        ("WATCHROOM_OTLP_SPOOL_DIR", spool.path()),
        ("WATCHROOM_LOG_STDOUT", "false"),
    ]);
    let mut kept = Vec::new();
    assert!(files(&spool.0, &mut kept) > 0, "batches are spooled");
    let mut outputs = Outputs(Vec::new());
    outputs.push("stdout", ended.out.as_bytes());
    outputs.push("stderr", ended.err.as_bytes());
    outputs.push("spool", &kept);
    outputs.push("pages", pages.as_bytes());
    for of in ['t', 'r'] {
        outputs.show("spool", of);
    }
    assert!(
        outputs.get("stderr").contains(&witness("panic")),
        "panics go to stderr"
    );
    outputs.are_clean();
}
