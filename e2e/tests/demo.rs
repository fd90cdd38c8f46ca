//! `watchroom demo`: one command, real data on every API, an alert that fires, and nothing left behind.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use watchroom_e2e::http::{encode, get};
use watchroom_e2e::{Process, eventually, eventually_within};

const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");

struct Demo {
    process: Process,
    ready: Value,
    http: SocketAddr,
    _dir: tempfile::TempDir,
}

fn demo(args: &[&str]) -> Demo {
    demo_at("127.0.0.1:0", args)
}

fn demo_at(listen: &str, args: &[&str]) -> Demo {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(EXE);
    command
        .args(["demo", "--json", "--listen", listen])
        .args(args)
        .env("TMPDIR", dir.path());
    let mut process = Process::start(&mut command, dir.path().join("out"));
    let ready: Value = eventually_within(Duration::from_secs(90), "the demonstration is ready", || {
        assert!(process.is_running(), "the demonstration ended: {}", process.log());
        process
            .log()
            .lines()
            .find_map(|line| serde_json::from_str(line).ok())
    });
    let http = ready["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    Demo {
        process,
        ready,
        http,
        _dir: dir,
    }
}

/// Processes whose command line names the demonstration's folder.
fn left_behind(data_dir: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(data_dir))
        .collect()
}

#[track_caller]
fn nothing_is_left(demo: &Demo) {
    let data_dir = demo.ready["data_dir"].as_str().unwrap();
    eventually("every process is gone", || {
        left_behind(data_dir).is_empty().then_some(())
    });
    eventually("the folder is gone", || {
        (!PathBuf::from(data_dir).exists()).then_some(())
    });
}

#[test]
fn shows_a_real_service_in_every_signal_and_leaves_nothing() {
    let mut demo = demo(&["--for", "75s"]);
    let json = |path: &str| get(demo.http, path).json();
    let query =
        |promql: &str| json(&format!("/api/v1/query?query={}", encode(promql)))["data"]["result"].clone();

    let traces = eventually("traces of rpc.get", || {
        let found = json("/api/traces?service=deriva-server&operation=rpc.get&limit=20")["data"].clone();
        found
            .as_array()
            .is_some_and(|traces| traces.len() > 2)
            .then_some(found)
    });
    let spans: Vec<&Value> = traces
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|t| t["spans"].as_array().unwrap())
        .collect();
    for name in ["materialize", "cache_check"] {
        assert!(spans.iter().any(|span| span["operationName"] == name), "{name}");
    }
    eventually("log lines", || {
        let logs = encode(r#"{service_name="deriva-server"} |= "rpc ended""#);
        let found = json(&format!("/loki/api/v1/query_range?query={logs}"))["data"]["result"].clone();
        found
            .get(0)
            .filter(|stream| stream["stream"]["trace_id"].is_string())
            .map(drop)
    });
    eventually("metrics by scrape", || {
        query("sum(rate(deriva_rpc_total[30s])) > 0").get(0).map(drop)
    });
    eventually("metrics from spans", || {
        query(r#"traces_spanmetrics_calls_total{service="deriva-server",span_name="rpc.get"}"#)
            .get(0)
            .map(drop)
    });
    eventually("an edge from traffic to server", || {
        query(r#"traces_service_graph_request_total{client="deriva-traffic",server="deriva-server"}"#)
            .get(0)
            .map(drop)
    });
    eventually_within(Duration::from_secs(60), "an alert fires", || {
        let alerts = json("/api/v1/alerts")["data"]["alerts"].clone();
        let firing = |alert: &&Value| {
            alert["state"] == "firing" && alert["labels"]["alertname"] == "DeterminismViolation"
        };
        alerts.as_array()?.iter().find(firing).map(drop)
    });
    let page = get(demo.http, "/");
    assert!(
        page.status == 200 && page.text().contains("<script"),
        "{}",
        page.text()
    );
    assert!(
        page.head
            .to_ascii_lowercase()
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );

    let status = eventually_within(Duration::from_secs(120), "it stops by itself", || {
        (!demo.process.is_running()).then(|| demo.process.ended())
    });
    assert!(status.success(), "{status}: {}", demo.process.log());
    nothing_is_left(&demo);
}

#[test]
fn killed_it_leaves_nothing() {
    let demo = demo(&[]);
    demo.process.signal("KILL");
    nothing_is_left(&demo);
}

#[test]
fn a_taken_port_gives_way() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let demo = demo_at(&address.to_string(), &["--rate", "5"]);
    assert_ne!(demo.http.port(), address.port());
    demo.process.signal("INT");
    nothing_is_left(&demo);
}

#[test]
fn a_wrong_flag_is_told_with_exit_code_2() {
    let output = Command::new(EXE)
        .args(["demo", "--for", "soon"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--for"));
}

#[test]
fn demonstrations_that_start_at_once_find_ports_of_their_own() {
    let threads: Vec<_> = (0..3)
        .map(|_| std::thread::spawn(|| demo(&["--rate", "2"])))
        .collect();
    let demos: Vec<Demo> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for demo in &demos {
        demo.process.signal("INT");
    }
    demos.iter().for_each(nothing_is_left);
}
