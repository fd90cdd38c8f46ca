//! Snapshots of a server that goes on: asked for by the command, restored by the command, served again (issue of the store, part 2).

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use watchroom_e2e::http::{encode, send};
use watchroom_e2e::{Backend, eventually};

const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");
const SNAPSHOT: &str = "/api/v1/admin/tsdb/snapshot";

fn watchroom(args: &[&str]) -> Output {
    Command::new(EXE).args(args).output().unwrap()
}

fn url(backend: &Backend) -> String {
    format!("http://{}", backend.http)
}

fn now_ns(backend: &Backend) -> u64 {
    let answer = backend.json("/api/v1/query?query=time()");
    let seconds: f64 = answer["data"]["result"][1].as_str().unwrap().parse().unwrap();
    (seconds * 1e9) as u64
}

/// Sends batch after batch, a line and a sample each, and counts those that were acknowledged, until told to stop or the server is gone.
fn write(at: SocketAddr, now_ns: u64, acknowledged: &AtomicUsize, stop: &AtomicBool) {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "writer"}}]});
    for n in 0.. {
        // In the past, each at a time of its own.
        let t = (now_ns - 3_600_000_000_000 + n as u64 * 1_000_000).to_string();
        let lines = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [
            {"timeUnixNano": t, "body": {"stringValue": format!("line {n}.")}}]}]}]});
        let samples = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [
            {"name": "batches", "gauge": {"dataPoints": [{"asInt": n.to_string(), "timeUnixNano": t}]}}]}]}]});
        for (path, body) in [("/v1/logs", lines), ("/v1/metrics", samples)] {
            loop {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let headers = [("content-type", "application/json")];
                match send(at, "POST", path, &headers, body.to_string().as_bytes()) {
                    Ok(answer) if answer.status == 200 => break,
                    Ok(answer) if matches!(answer.status, 429 | 503) => std::thread::yield_now(),
                    Ok(answer) => panic!("{path}: {} {}", answer.status, answer.text()),
                    Err(_) => return,
                }
            }
        }
        acknowledged.store(n + 1, Ordering::SeqCst);
    }
}

/// Batches whose line and whose sample are there; they have to be the first so many.
fn batches(backend: &Backend) -> (usize, usize) {
    let n_samples = backend.query("count_over_time(batches[2h])");
    let n_samples = n_samples
        .first()
        .map_or(0, |found| found["value"][1].as_str().unwrap().parse().unwrap());
    let last = backend.query("max_over_time(batches[2h])");
    let last = last.first().map_or(-1.0, |found| {
        found["value"][1].as_str().unwrap().parse::<f64>().unwrap()
    });
    assert_eq!(last + 1.0, n_samples as f64, "the first so many samples");
    let query = encode(r#"sum(count_over_time({service_name="writer"}[2h]))"#);
    let found = backend.json(&format!("/loki/api/v1/query?query={query}"));
    let n_lines = found["data"]["result"][0]["value"][1].as_str();
    (n_samples, n_lines.map_or(0, |n| n.parse().unwrap()))
}

fn restored(snapshot: &Path) -> Backend {
    Backend::start_over(EXE, &[], |dir| {
        let output = watchroom(&[
            "restore",
            snapshot.to_str().unwrap(),
            "--data-dir",
            dir.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{output:?}");
    })
}

#[test]
fn a_snapshot_taken_amid_ingest_is_restored_with_all_that_was_acknowledged() {
    let backend = Backend::start(EXE, &["--enable-admin-api"]);
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let now_ns = now_ns(&backend);
    let mut taken = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| write(backend.otlp_http, now_ns, &acknowledged, &stop));
        for n in [20, 60] {
            eventually("batches are acknowledged", || {
                (acknowledged.load(Ordering::SeqCst) >= n).then_some(())
            });
            let before = acknowledged.load(Ordering::SeqCst);
            let output = watchroom(&["snapshot", "--url", &url(&backend)]);
            assert!(output.status.success(), "{output:?}");
            let place = String::from_utf8(output.stdout).unwrap();
            taken.push((before, backend.dir().join("data").join(place.trim())));
        }
        let seen = acknowledged.load(Ordering::SeqCst);
        eventually("ingest goes on afterwards", || {
            (acknowledged.load(Ordering::SeqCst) > seen).then_some(())
        });
        stop.store(true, Ordering::SeqCst);
    });
    let total = acknowledged.load(Ordering::SeqCst);
    for (before, place) in &taken {
        let copy = restored(place);
        let (n_samples, n_lines) = batches(&copy);
        assert!(
            (*before..=total + 1).contains(&n_samples),
            "{before} ≤ {n_samples} ≤ {total}"
        );
        assert!(
            n_lines == n_samples || n_lines == n_samples + 1,
            "{n_lines} lines, {n_samples} samples"
        );
    }
    let (n_samples, n_lines) = batches(&backend);
    assert!(n_samples >= total && n_lines >= total);
}

#[test]
fn killed_while_snapshots_are_taken_it_has_its_data_and_whole_snapshots() {
    let backend = Backend::start(EXE, &["--enable-admin-api"]);
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let now_ns = now_ns(&backend);
    let http = backend.http;
    let mut after_restart = None;
    std::thread::scope(|scope| {
        scope.spawn(|| write(backend.otlp_http, now_ns, &acknowledged, &stop));
        eventually("batches are acknowledged", || {
            (acknowledged.load(Ordering::SeqCst) >= 5).then_some(())
        });
        // Snapshots without a pause, so that the kill meets one.
        scope.spawn(move || while send(http, "POST", SNAPSHOT, &[], b"").is_ok() {});
        let snapshots = backend.dir().join("data/snapshots");
        eventually("a snapshot is there and another begun", || {
            let names: Vec<String> = std::fs::read_dir(&snapshots)
                .ok()?
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            let unfinished = names.iter().filter(|name| name.ends_with(".unfinished")).count();
            (unfinished > 0 && names.len() > unfinished).then_some(())
        });
        backend.process.signal("KILL");
        after_restart = Some(acknowledged.load(Ordering::SeqCst));
    });
    let acknowledged = after_restart.unwrap();
    let backend = backend.restart_killed(EXE, &["--enable-admin-api"]);
    let (n_samples, n_lines) = batches(&backend);
    assert!(
        n_samples >= acknowledged && n_lines >= acknowledged,
        "{n_samples} {n_lines} {acknowledged}"
    );
    let found: Vec<_> = std::fs::read_dir(backend.dir().join("data/snapshots"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|path| !path.to_string_lossy().ends_with(".unfinished")),
        "what was begun is cleared away: {found:?}"
    );
    let copy = restored(found.iter().max().unwrap());
    let (n_samples, n_lines) = batches(&copy);
    assert!(
        n_samples > 0 && n_lines.abs_diff(n_samples) <= 1,
        "{n_samples} {n_lines}"
    );
}

#[test]
fn snapshots_are_made_only_where_they_are_allowed() {
    let backend = Backend::start(EXE, &[]);
    let answer = send(backend.http, "POST", SNAPSHOT, &[], b"").unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["errorType"], "unavailable");
    let output = watchroom(&["snapshot", "--url", &url(&backend)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--enable-admin-api"), "{said}");

    let allowed = Backend::start(EXE, &["--enable-admin-api"]);
    let foreign = [
        ("origin", "http://elsewhere.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        send(allowed.http, "POST", SNAPSHOT, &foreign, b"")
            .unwrap()
            .status,
        403
    );
    let odd = send(
        allowed.http,
        "POST",
        &format!("{SNAPSHOT}?skip_head=perhaps"),
        &[],
        b"",
    )
    .unwrap();
    assert_eq!(odd.status, 400, "{}", odd.text());
    // The answer has the form of Prometheus'.
    let answer = send(
        allowed.http,
        "POST",
        &format!("{SNAPSHOT}?skip_head=true"),
        &[],
        b"",
    )
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let name = answer.json()["data"]["name"].as_str().unwrap().to_owned();
    assert!(
        allowed
            .dir()
            .join("data/snapshots")
            .join(name)
            .join("FORMAT")
            .is_file()
    );
}

#[test]
fn a_restore_says_what_stands_against_it() {
    let dir = tempfile::tempdir().unwrap();
    let output = watchroom(&["restore", "/nowhere", "--data-dir", dir.path().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("is no snapshot"),
        "{said}"
    );
}
