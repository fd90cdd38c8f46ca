//! What the processes do.

use std::time::Duration;

use watchroom::prelude::*;
use watchroom_core::{Reason, Signal};

pub(crate) const VARIABLE: &str = "WATCHROOM_TEST_SCENE";

/// Steps of a scene.
#[derive(Metrics)]
#[metrics(prefix = "scene")]
struct SceneMetrics {
    /// Steps taken.
    steps_total: Counter,
    /// Steps by name.
    named_total: Counter<Name>,
}

/// Name of a step.
#[derive(Label)]
#[label(limit = 2)]
struct Name;

/// Stands before what a scene tells of itself.
pub(crate) const TOLD: &str = "TOLD ";

/// Tells the test something, on a line of its own.
pub(crate) fn tell(what: &serde_json::Value) {
    println!("\n{TOLD}{what}");
}

/// What the ledger says of a signal, to be told.
pub(crate) fn account(signal: Signal) -> serde_json::Value {
    let ledger = watchroom::ledger();
    let dropped: serde_json::Map<_, _> = Reason::ALL
        .into_iter()
        .filter(|reason| ledger.dropped(signal, *reason) > 0)
        .map(|reason| (reason.as_str().to_owned(), ledger.dropped(signal, reason).into()))
        .collect();
    serde_json::json!({
        "accepted": ledger.accepted(signal),
        "delivered": ledger.delivered(signal),
        "dropped": dropped,
    })
}

/// Asserts that an account is square, to the unit; gives what was accepted and what was delivered.
#[track_caller]
pub(crate) fn square(account: &serde_json::Value) -> (usize, usize) {
    let number = |value: &serde_json::Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let (accepted, delivered) = (number(&account["accepted"]), number(&account["delivered"]));
    let dropped: usize = account["dropped"].as_object().unwrap().values().map(number).sum();
    assert_eq!(accepted, delivered + dropped, "{account}");
    (accepted, delivered)
}

pub(crate) fn init() -> Telemetry {
    let config = Config::for_service("scene")
        .version("1.2.3")
        .from_env()
        .unwrap_or_else(|error| panic!("{error}"));
    watchroom::init(config).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn spans(n: usize) {
    for i in 0..n {
        tracing::info_span!(target: "scene::quiet", "step", i).in_scope(|| ());
    }
}

/// Plays the scene that the variable names; as a test of its own it has nothing to play.
#[test]
fn play() {
    let Ok(scene) = std::env::var(VARIABLE) else {
        return;
    };
    match scene.as_str() {
        "logs" => logs(),
        "twice" => twice(),
        "wait" => wait(),
        "listen" => listen(),
        "panic" => panics(),
        "shutdown" => shutdown(),
        "ended" => ended(),
        "admin" => admin(),
        "overflow" => overflow(),
        "sampled" => sampled(),
        other => {
            let played = crate::runtimes::play(other)
                || crate::panics::play(other)
                || crate::burst::play(other)
                || crate::soak::play(other)
                || crate::hostile::play(other)
                || crate::corpus::play(other);
            assert!(played, "no scene {other}");
        }
    }
}

fn logs() {
    let telemetry = init();
    SceneMetrics::register(telemetry.metrics())
        .unwrap()
        .steps_total
        .inc();
    tracing::info_span!("request", request_id = "r-1").in_scope(|| {
        tracing::info_span!("pay", user.password = "hunter2").in_scope(|| {
            tracing::info!(password = "hunter2", "paid with {}", "4111 1111 1111 1111");
            let context = watchroom::capture::current_context();
            let trace_id = context.map(|context| context.trace_id.to_string());
            tracing::info!(trace_id, service = telemetry.resource().service_name(), "told");
            tracing::warn!("declined");
        });
    });
}

fn twice() {
    let _telemetry = init();
    let error = watchroom::init(Config::for_service("other"))
        .map(drop)
        .unwrap_err();
    tracing::info!(error = %error, "second start");
}

fn wait() {
    let _telemetry = init();
    spans(100);
    tracing::info!("ready");
    std::thread::park();
    unreachable!("a parked thread is woken by nobody");
}

fn listen() {
    let telemetry = init();
    spans(100);
    tracing::info!("ready");
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(telemetry.stopped());
    let report = telemetry.shutdown(Duration::from_secs(20));
    println!("{report}");
}

fn panics() {
    let _telemetry = init();
    tracing::info_span!("doomed").in_scope(|| panic!("card {} was refused", "4111111111111111"));
}

fn shutdown() {
    let telemetry = init();
    spans(100);
    let report = telemetry.shutdown(Duration::from_millis(500));
    let (_, spans) = report.signals[0];
    println!(
        "accepted {} delivered {} dropped {}",
        spans.accepted, spans.delivered, spans.dropped
    );
}

fn ended() {
    drop(init());
    println!("\n{{\"message\":\"ended\"}}");
    std::thread::park();
    unreachable!("a parked thread is woken by nobody");
}

fn admin() {
    let telemetry = init();
    let metrics = SceneMetrics::register(telemetry.metrics()).unwrap();
    (0..3).for_each(|_| metrics.steps_total.inc());
    telemetry.health().component("store").critical().healthy();
    spans(1);
    tracing::info!(admin = %telemetry.admin_addr().unwrap(), "ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    tracing::debug!("only at debug");
}

fn overflow() {
    let telemetry = init();
    let metrics = SceneMetrics::register(telemetry.metrics()).unwrap();
    for name in ["a", "b", "c", "d"] {
        metrics.named_total.inc(name);
    }
    std::thread::park();
}

fn sampled() {
    let telemetry = init();
    for i in 0..1_000 {
        tracing::info!(target: "scene::chatty", i, "again");
        tracing::warn!(target: "scene::chatty", i, "never sampled away");
    }
    watchroom::security!(
        actor = "ada",
        action = "login",
        object = "vault",
        outcome = watchroom::security::Outcome::Denied
    );
    tracing::error!(admin = %telemetry.admin_addr().unwrap(), "ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
