//! Lines for machines.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::Capture;
use watchroom_core::Count;
use watchroom_log::{FileConfig, Format, LogSink, LogSinkBuilder, RollingFile, SpanLines, Writer};

use crate::support::log;

fn json_form(builder: LogSinkBuilder) -> LogSinkBuilder {
    builder.format(Format::Json).spans(SpanLines::NONE)
}

fn parse(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_line_is_one_object_with_exactly_these_keys_in_this_order() {
    let log = log(json_form, |log| {
        info_span!("request", method = "GET", request_id = "r-1", user_id = 7).in_scope(|| {
            info_span!("load", rows = 3, name = "mine").in_scope(|| {
                log.hand.advance(Duration::from_millis(1));
                info!(target: "shop", total = 12.5, ok = true, count = -1, note = "a \"b\"\n\u{1b}", "order loaded");
            });
        });
    });
    let expected = concat!(
        r#"{"timestamp":"2026-01-02T03:04:05.679Z","level":"INFO","target":"shop","message":"order loaded","#,
        r#""fields":{"total":12.5,"ok":true,"count":-1,"note":"a \"b\"\n\u001b"},"#,
        r#""span":{"name":"load","rows":3,"fields.name":"mine"},"#,
        r#""spans":[{"name":"request","method":"GET","request_id":"r-1","user_id":7},"#,
        r#"{"name":"load","rows":3,"fields.name":"mine"}],"#,
        r#""trace_id":"TRACE","span_id":"SPAN-load","request_id":"r-1","user_id":7}"#,
        "\n"
    );
    assert_eq!(log.masked(), expected);
}

#[test]
fn what_is_recorded_on_a_span_is_on_its_next_line_whatever_was_on_the_last() {
    let log = log(json_form, |_| {
        let request = info_span!("request", state = "new", request_id = tracing::field::Empty);
        request.in_scope(|| info!("first"));
        request.record("state", "paid");
        request.in_scope(|| info!("second"));
        request.record("request_id", "r-2");
        request.in_scope(|| info_span!("inner").in_scope(|| info!("third")));
    });
    let lines = parse(&log.take());
    let states: Vec<&Value> = lines.iter().map(|line| &line["spans"][0]["state"]).collect();
    assert_eq!(states, ["new", "paid", "paid"]);
    let ids: Vec<&Value> = lines.iter().map(|line| &line["request_id"]).collect();
    assert_eq!(ids, [&Value::Null, &Value::Null, &json!("r-2")]);
}

#[test]
fn lines_of_many_spans_by_turns_each_show_their_own() {
    let log = log(json_form, |_| {
        let spans: Vec<_> = (0..200_u64).map(|n| info_span!("one of many", n)).collect();
        for _ in 0..2 {
            for (n, span) in spans.iter().enumerate() {
                span.in_scope(|| info!(n, "line"));
            }
        }
    });
    let lines = parse(&log.take());
    assert_eq!(lines.len(), 400);
    for line in &lines {
        assert_eq!(line["span"]["n"], line["fields"]["n"]);
        assert_eq!(line["spans"][0], line["span"]);
    }
    assert_eq!(lines[7]["span_id"], lines[207]["span_id"]);
    assert_ne!(lines[7]["span_id"], lines[8]["span_id"]);
}

#[test]
fn outside_of_spans_there_are_no_span_keys() {
    let log = log(json_form, |_| warn!(target: "t", "alone"));
    let expected = concat!(
        r#"{"timestamp":"2026-01-02T03:04:05.678Z","level":"WARN","target":"t","message":"alone","fields":{}}"#,
        "\n"
    );
    assert_eq!(log.take(), expected);
}

#[test]
fn every_line_inside_a_request_bears_the_ids_of_the_exported_trace() {
    let log = log(json_form, |_| {
        let request = info_span!("request", request_id = "r-9", tenant_id = tracing::field::Empty);
        request.in_scope(|| {
            info!("before");
            request.record("tenant_id", "acme");
            tracing::debug_span!("not exported").in_scope(|| info!("within"));
            info_span!("inner", request_id = "r-10").in_scope(|| info!(user_id = "ann", "after"));
        });
    });
    let lines = parse(&log.masked());
    let ids: Vec<_> = lines
        .iter()
        .map(|line| {
            [
                "message",
                "trace_id",
                "span_id",
                "request_id",
                "tenant_id",
                "user_id",
            ]
            .map(|key| line[key].clone())
        })
        .collect();
    let expected = json!([
        ["before", "TRACE", "SPAN-request", "r-9", null, null],
        ["within", "TRACE", "SPAN-request", "r-9", "acme", null],
        ["after", "TRACE", "SPAN-inner", "r-10", "acme", "ann"],
    ]);
    assert_eq!(json!(ids), expected);
}

#[test]
fn a_closing_span_tells_its_duration() {
    let log = log(
        |builder| builder.format(Format::Json),
        |log| {
            let span = info_span!(target: "t", "work", n = 1);
            log.hand.advance(Duration::from_micros(1));
            span.in_scope(|| log.hand.advance(Duration::from_millis(2)));
            log.hand.advance(Duration::from_micros(500));
        },
    );
    let lines = parse(&log.masked());
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0],
        json!({
            "timestamp": "2026-01-02T03:04:05.680Z",
            "level": "INFO",
            "target": "t",
            "message": "close",
            "fields": {"time.busy": "2.00ms", "time.idle": "501µs"},
            "span": {"name": "work", "n": 1},
            "spans": [{"name": "work", "n": 1}],
            "trace_id": "TRACE",
            "span_id": "SPAN-work",
        })
    );
}

#[test]
fn which_moments_of_a_span_are_logged_is_a_setting() {
    let messages = |spans| {
        let log = log(
            |builder| builder.format(Format::Json).spans(spans),
            |_| {
                info_span!("work").in_scope(|| ());
                tracing::debug_span!("below the level").in_scope(|| ());
            },
        );
        let lines = parse(&log.take());
        lines
            .iter()
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(messages(SpanLines::NONE).is_empty());
    assert_eq!(messages(SpanLines::CLOSE), ["close"]);
    assert_eq!(
        messages(SpanLines {
            exit: false,
            ..SpanLines::FULL
        }),
        ["new", "enter", "close"]
    );
    assert_eq!(messages(SpanLines::FULL), ["new", "enter", "exit", "close"]);
}

#[test]
fn the_thread_is_told_redacted_when_asked_for() {
    let log = log(
        |builder| json_form(builder).threads(true),
        |_| {
            let work = watchroom_capture::task::in_current_span(|| info!("here"));
            std::thread::Builder::new()
                .name("worker-1 of bob@example.com".to_owned())
                .spawn(work)
                .unwrap()
                .join()
                .unwrap();
        },
    );
    let lines = parse(&log.take());
    assert_eq!(lines[0]["thread_name"], "worker-1 of [REDACTED]");
    assert!(lines[0]["thread_id"].as_u64().unwrap() > 0);
}

#[test]
fn numbers_that_json_lacks_and_hostile_keys_still_make_an_object() {
    let log = log(json_form, |_| {
        info!(
            nan = f64::NAN,
            inf = f64::INFINITY,
            big = u64::MAX,
            "quote\" {{ in }} key" = 1,
            "m"
        );
    });
    let lines = parse(&log.take());
    assert_eq!(
        lines[0]["fields"],
        json!({"nan": "NaN", "inf": "Infinity", "big": u64::MAX, "quote\" {{ in }} key": 1})
    );
}

#[test]
fn secrets_do_not_reach_the_line() {
    let log = log(json_form, |_| {
        info_span!("login", password = "hunter2hunter2", n = 1).in_scope(|| {
            error!(
                api_key = 123_456_789_u64,
                "Authorization: Bearer abcdef0123456789abcdef"
            );
        });
    });
    let text = log.take();
    for secret in ["hunter2", "123456789", "abcdef0123456789"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(
        parse(&text)[0]["span"],
        json!({"name": "login", "password": "[REDACTED]", "n": 1})
    );
}

#[test]
fn files_are_rotated_at_the_end_of_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = FileConfig::new(dir.path(), "app");
    config.max_bytes = 1_000;
    let writer = Writer::builder()
        .spawn(RollingFile::open(config).unwrap())
        .unwrap();
    let sink = Arc::new(LogSink::builder(writer).format(Format::Json).build());
    let (layer, _handle) = Capture::builder().sink(Arc::clone(&sink) as _).build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..100).for_each(|n| info!(n, "line"));
    });
    assert_eq!(sink.writer().shutdown(Duration::from_secs(30)).dropped, 0);
    let mut paths: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut seen = Vec::new();
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() <= 1_000 && text.ends_with('\n'), "{path:?}");
        seen.extend(
            parse(&text)
                .iter()
                .map(|line| line["fields"]["n"].as_u64().unwrap()),
        );
    }
    assert!(paths.len() > 5);
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

#[test]
fn lines_are_counted_by_level() {
    let log = log(json_form, |_| {
        error!("e");
        warn!("w");
        warn!("w");
        info!("i");
        debug!("not logged");
    });
    let ledger = log.sink.writer().ledger();
    let counts = [
        Count::LinesError,
        Count::LinesWarn,
        Count::LinesInfo,
        Count::LinesDebug,
    ]
    .map(|c| ledger.get(c));
    assert_eq!(counts, [1, 2, 1, 0]);
}
