//! The façade in processes of its own: what it logs, sends, flushes and survives from the first line to the last signal.
//!
//! Each test starts this very binary again to play a scene, since there is one telemetry for a process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

mod burst;
mod collector;
mod corpus;
mod hostile;
mod panics;
mod runtimes;
mod scene;
mod scenes;
mod soak;

use std::io::Write as _;

use collector::Collector;
use scene::{Scene, get, http};

#[test]
fn a_line_is_redacted_and_carries_its_ids() {
    let (out, status) = Scene::start("logs", &[]).end();
    assert!(status.success(), "{out}");
    assert!(!out.contains("4111 1111") && !out.contains("hunter2"), "{out}");
    let mut scene = Scene::start("logs", &[("OTEL_SERVICE_NAME", "renamed")]);
    let line = scene.line("paid with ****-****-****-1111");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["fields"]["password"], "[REDACTED]");
    assert_eq!(line["request_id"], "r-1");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    assert_eq!(line["span"]["name"], "pay");
    let told = scene.line("told");
    assert_eq!(
        (&told["fields"]["trace_id"], &told["fields"]["service"]),
        (&line["trace_id"], &"renamed".into())
    );
}

#[test]
fn a_line_carries_its_ids_though_the_level_hides_its_spans_and_nothing_is_exported() {
    let line = Scene::start("logs", &[("RUST_LOG", "warn")]).line("declined");
    assert_eq!(line["request_id"], "r-1");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
}

#[test]
fn what_is_redacted_is_a_setting() {
    let env = [
        ("WATCHROOM_REDACT_KINDS", "card=full"),
        ("WATCHROOM_REDACT_ALLOW", "password"),
    ];
    let line = Scene::start("logs", &env).line("paid with [REDACTED]");
    assert_eq!(line["fields"]["password"], "hunter2");
}

#[test]
fn a_second_start_is_an_error_value_and_changes_nothing() {
    let mut scene = Scene::start("twice", &[]);
    let line = scene.line("second start");
    assert_eq!(
        line["fields"]["error"],
        "telemetry has been started already; there is one for a process"
    );
}

#[test]
fn a_wrong_setting_is_told_before_anything_starts() {
    let (out, status) = Scene::start("logs", &[("OTEL_BSP_MAX_QUEUE_SIZE", "many")]).end();
    assert!(!status.success() && !out.contains("paid"), "{out}");
}

#[test]
fn sigterm_flushes_and_ends_the_process_as_it_would_have() {
    let collector = Collector::start();
    let mut scene = Scene::start(
        "wait",
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ],
    );
    scene.line("ready");
    assert_eq!(collector.n_spans(), 0);
    scene.signal("TERM");
    let (_, status) = scene.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    assert_eq!(collector.n_spans(), 100);
}

#[test]
fn a_program_that_listens_for_the_signal_ends_by_itself_with_everything_flushed() {
    let collector = Collector::start();
    let mut scene = Scene::start(
        "listen",
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ],
    );
    scene.line("ready");
    scene.signal("INT");
    let (out, status) = scene.end();
    assert!(
        status.success() && out.contains("complete; spans: 100 of 100 delivered, 0 dropped"),
        "{out}"
    );
    assert_eq!(collector.n_spans(), 100);
}

#[test]
fn after_the_end_of_telemetry_a_signal_still_ends_the_process() {
    for (name, number) in [("TERM", 15), ("INT", 2)] {
        let mut scene = Scene::start("ended", &[]);
        scene.line("ended");
        scene.signal(name);
        let (_, status) = scene.end();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(number)
        );
    }
}

#[test]
fn a_panic_is_logged_with_its_place_redacted_and_flushed() {
    let collector = Collector::start();
    let mut scene = Scene::start(
        "panic",
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ],
    );
    let line = scene.line("panicked: card ****-****-****-1111 was refused");
    assert_eq!(line["level"], "ERROR");
    assert!(
        line["fields"]["location"].as_str().unwrap().contains("scenes.rs"),
        "{line}"
    );
    assert!(
        line["fields"]["backtrace"].as_str().unwrap().contains("scenes"),
        "{line}"
    );
    assert!(!scene.stderr().contains("4111 1111"));
    let (_, status) = scene.end();
    assert!(!status.success());
    assert_eq!(collector.n_spans(), 1);
}

#[test]
fn a_panic_that_no_line_shows_goes_to_stderr_redacted() {
    for env in [
        ("RUST_LOG", "scenes=info"),
        ("RUST_LOG", "off"),
        ("WATCHROOM_LOG_STDOUT", "false"),
    ] {
        let mut scene = Scene::start("panic", &[env]);
        let stderr = scene.stderr();
        let (out, status) = scene.end();
        assert!(!status.success(), "{env:?}");
        assert!(!out.contains("panicked"), "{env:?}: {out}");
        assert!(
            stderr.contains("panicked at") && stderr.contains("card ****-****-****-1111 was refused"),
            "{env:?}: {stderr}"
        );
        assert!(!stderr.contains("4111 1111"), "{env:?}: {stderr}");
    }
}

#[test]
fn with_a_dead_collector_the_end_is_bounded_and_every_span_accounted_for() {
    // A socket that accepts and never answers.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", dead.local_addr().unwrap());
    let scene = Scene::start(
        "shutdown",
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ],
    );
    let (out, status) = scene.end();
    assert!(status.success(), "{out}");
    assert!(out.contains("accepted 100 delivered 0 dropped 100"), "{out}");
}

#[test]
fn disabled_it_says_nothing_and_instruments_still_work() {
    let (out, status) = Scene::start("logs", &[("OTEL_SDK_DISABLED", "true")]).end();
    assert!(status.success() && !out.contains("paid"), "{out}");
}

#[test]
fn the_admin_endpoint_shows_the_sdk_itself_and_changes_the_level() {
    let attributes = "owner=bob@example.com,api_key=sk_live_0123456789abcdefghij,team=shop";
    let mut scene = Scene::start("admin", &[("OTEL_RESOURCE_ATTRIBUTES", attributes)]);
    let at = scene.line("ready")["fields"]["admin"].clone();
    let metrics = get(&at, "/metrics");
    for line in [
        "watchroom_spans_started_total 1",
        "watchroom_dropped_total{signal=\"spans\",reason=\"queue_full\"} 0",
        "watchroom_health_status{component=\"store\"} 1",
        "watchroom_log_lines_total{level=\"info\"}",
        "watchroom_build_info{service=\"scene\",version=\"1.2.3\",environment=\"\"",
        "process_open_fds",
        "scene_steps_total 3",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(get(&at, "/health").contains(r#""status":"healthy""#));
    let telemetry = get(&at, "/telemetry");
    assert!(telemetry.contains(r#""name":"scene_steps_total""#), "{telemetry}");
    let span = r#"{"name":"step","target":"scene::quiet","level":"INFO","fields":["i"]}"#;
    assert!(telemetry.contains(span), "{telemetry}");
    assert!(get(&at, "/build").contains(r#""service.version":"1.2.3""#));
    let build = get(&at, "/build");
    assert!(
        build.contains(r#""owner":"[REDACTED]","api_key":"[REDACTED]","team":"shop""#),
        "{build}"
    );
    let put =
        "PUT /loglevel HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\ndebug";
    assert!(http(&at, put).starts_with("HTTP/1.1 200"));
    scene.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    scene.line("only at debug");
}

#[test]
fn a_metric_at_its_limit_is_warned_of() {
    let mut scene = Scene::start("overflow", &[]);
    let line = scene
        .line("a metric has reached its limit of series; further ones are counted in its overflow series");
    assert_eq!(
        (&line["level"], &line["fields"]["metric"]),
        (&"WARN".into(), &"scene_named_total".into())
    );
    assert_eq!(
        (&line["fields"]["samples"], &line["fields"]["series"]),
        (&2.into(), &2.into())
    );
    scene.child.kill().unwrap();
}

#[test]
fn log_sampling_leaves_out_counts_and_reports() {
    let rules = [
        ("WATCHROOM_LOG_SAMPLING", "scene::chatty=10/h"),
        ("RUST_LOG", "info"),
    ];
    let mut scene = Scene::start("sampled", &rules);
    let at = scene.line("ready")["fields"]["admin"].clone();
    let page = get(&at, "/metrics");
    let counted = r#"watchroom_log_suppressed_total{target="scene::chatty",level="info"} 990"#;
    assert!(page.contains(counted), "{page}");
    scene.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let (out, status) = scene.end();
    assert!(status.success(), "{out}");
    assert!(
        out.contains("suppressed"),
        "the end reports what was left out: {out}"
    );

    let (out, _) = {
        let mut scene = Scene::start("sampled", &rules);
        scene.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        scene.end()
    };
    assert_eq!(out.matches("\"again\"").count(), 10, "{out}");
    assert_eq!(out.matches("never sampled away").count(), 1_000);
    assert_eq!(out.matches("\"vault\"").count(), 1, "{out}");
}

#[test]
fn a_malformed_sampling_rule_is_told() {
    let mut scene = Scene::start("logs", &[("WATCHROOM_LOG_SAMPLING", "info=often")]);
    scene.child.wait().unwrap();
    let said = format!("{}{}", scene.stderr(), scene.end().0);
    assert!(
        said.contains("WATCHROOM_LOG_SAMPLING") && said.contains("info=often"),
        "{said}"
    );
}

#[test]
fn a_taken_admin_port_is_named_with_its_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut scene = Scene::start("logs", &[("WATCHROOM_ADMIN_LISTEN", &at)]);
    scene.child.wait().unwrap();
    let stderr = scene.stderr();
    let out = scene.end().0;
    assert!(
        format!("{out}{stderr}").contains(&format!("admin endpoint: {at} is in use; set another address")),
        "{out}{stderr}"
    );
}
