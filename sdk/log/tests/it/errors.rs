//! Errors as fields, and time that is set back.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{error, info, info_span};
use watchroom_capture::chain;
use watchroom_log::{Color, Format, SpanLines, Timer};

use crate::support::{START_NS, log};

#[derive(Debug, thiserror::Error)]
#[error("cannot load order 7")]
struct LoadError(#[source] StoreError);

#[derive(Debug, thiserror::Error)]
#[error("store at postgres://app:hunter2hunter2@db/orders is unreachable")]
struct StoreError(#[source] std::io::Error);

fn failure() -> LoadError {
    LoadError(StoreError(std::io::Error::other("connection refused")))
}

#[test]
fn an_error_bears_its_whole_chain_redacted() {
    let log = log(
        |builder| builder.format(Format::Json).spans(SpanLines::NONE),
        |_| {
            let failure = failure();
            error!(error = &failure as &dyn Error, "as a value");
            error!(error = %chain(&failure), "as text");
            error!("{}", chain(&failure));
            info!(cause = failure.source(), "as a value of another name");
        },
    );
    let text = log.take();
    assert!(!text.contains("hunter2"), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let store = "store at postgres://app:[REDACTED]@db/orders is unreachable";
    let below = format!("{store}: connection refused");
    let whole = format!("cannot load order 7: {below}");
    assert_eq!(
        lines[0]["fields"],
        json!({"error": "cannot load order 7", "error.chain": below})
    );
    assert_eq!(lines[1]["fields"], json!({"error": whole}));
    assert_eq!(lines[2]["message"], json!(whole));
    assert_eq!(
        lines[3]["fields"],
        json!({"cause": store, "cause.chain": "connection refused"})
    );
}

#[test]
fn a_message_that_is_no_text_is_shown_all_the_same() {
    let log = log(
        |builder| builder.color(Color::Never).spans(SpanLines::NONE),
        |_| info!(target: "t", message = 5, n = 1),
    );
    assert_eq!(log.take(), "2026-01-02T03:04:05.678Z  INFO t: message=5 n=1\n");
}

#[test]
fn a_clock_that_is_set_back_shows_in_dates_and_in_nothing_else() {
    let lines = |timer| {
        let log = log(
            |builder| builder.color(Color::Never).timer(timer),
            |log| {
                let span = info_span!(target: "t", "work");
                span.in_scope(|| {
                    info!(target: "t", "before");
                    log.hand.advance(Duration::from_secs(2));
                    log.hand.set_wall(START_NS - 3_600_000_000_000);
                    info!(target: "t", "after");
                });
            },
        );
        let text = log.masked();
        text.lines()
            .map(|line| {
                line.replace(" trace_id=TRACE span_id=SPAN-work", "")
                    .trim()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lines(Timer::Wall),
        [
            "2026-01-02T03:04:05.678Z  INFO work: t: before",
            "2026-01-02T02:04:05.678Z  INFO work: t: after",
            "2026-01-02T02:04:05.678Z  INFO work: t: close time.busy=2.00s time.idle=0ns",
        ]
    );
    assert_eq!(
        lines(Timer::Uptime),
        [
            "0.000000s  INFO work: t: before",
            "2.000000s  INFO work: t: after",
            "2.000000s  INFO work: t: close time.busy=2.00s time.idle=0ns",
        ]
    );
}
