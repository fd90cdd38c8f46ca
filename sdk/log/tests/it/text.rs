//! Lines for people.

use std::time::Duration;

use tracing::{error, info, info_span, warn};
use watchroom_log::{Color, LogSinkBuilder, SpanLines, Timer};

use crate::support::log;

fn plain(builder: LogSinkBuilder) -> LogSinkBuilder {
    builder.color(Color::Never).spans(SpanLines::NONE)
}

#[test]
fn a_line_shows_time_level_spans_target_message_fields_and_ids() {
    let log = log(plain, |_| {
        info_span!("request", method = "GET", request_id = "r-1").in_scope(|| {
            info_span!("load")
                .in_scope(|| warn!(target: "shop", total = 12.5, note = "two words", "order loaded"));
        });
        info!(target: "t", n = 1);
    });
    assert_eq!(
        log.masked(),
        "2026-01-02T03:04:05.678Z  WARN request{method=GET request_id=r-1}:load: shop: order loaded total=12.5 \
         note=\"two words\" trace_id=TRACE span_id=SPAN-load\n\
         2026-01-02T03:04:05.678Z  INFO t: n=1\n"
    );
}

#[test]
fn a_request_id_that_no_shown_span_has_is_added() {
    let log = log(
        |builder| plain(builder).filter(watchroom_capture::Filter::parse("info,hidden=off").unwrap()),
        |_| {
            info_span!(target: "hidden", "request", request_id = "r-1")
                .in_scope(|| info!(target: "t", "line"));
        },
    );
    assert_eq!(
        log.masked(),
        "2026-01-02T03:04:05.678Z  INFO t: line trace_id=TRACE span_id=SPAN-request request_id=r-1\n"
    );
}

#[test]
fn nobody_forges_a_line_or_speaks_to_the_terminal() {
    let forged = "ok\n2026-01-02T03:04:05.678Z ERROR fake: paid\r\u{1b}[2J\u{9b}0m";
    let log = log(plain, |_| {
        info_span!("s", user = forged).in_scope(|| info!(target: "t", note = forged, "login {forged}"));
    });
    let text = log.take();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.trim_end().contains(|c: char| c.is_control()), "{text}");
    assert_eq!(
        text.matches("\\n2026-01-02T03:04:05.678Z ERROR fake: paid\\r\\u{1b}[2J\\u{9b}0m")
            .count(),
        3
    );
}

#[test]
fn colours_and_uptime_are_settings() {
    let log = log(
        |builder| plain(builder).color(Color::Always).timer(Timer::Uptime),
        |log| {
            log.hand.advance(Duration::from_micros(1_234_567));
            error!(target: "t", "m");
        },
    );
    assert_eq!(
        log.take(),
        "\u{1b}[2m   1.234567s\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mt\u{1b}[0m: m\u{1b}[2m\u{1b}[0m\n"
    );
}

#[test]
fn a_change_of_the_filter_takes_effect_at_once() {
    let log = log(plain, |log| {
        let line = |text| tracing::debug!(target: "t", "{text}");
        line("before");
        log.sink
            .filter()
            .set(watchroom_capture::Filter::parse("t=debug").unwrap());
        line("during");
        log.sink
            .filter()
            .set(watchroom_capture::Filter::parse("info").unwrap());
        line("after");
    });
    assert_eq!(log.take(), "2026-01-02T03:04:05.678Z DEBUG t: during\n");
}
