//! Sampling of lines, from the rule to the report.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, info_span, warn};
use tracing_core::Level;
use watchroom_capture::security::{self, Action, Outcome};
use watchroom_core::{Clock, Count, Ledger};
use watchroom_log::{Color, LogSampler, LogSampling, Suppressed};

use crate::support::{Log, START_NS, log_with};

/// Text lines without their time, and the sampler that was asked.
fn sampled(rules: &str, work: impl FnOnce(&Log, &LogSampler)) -> (Vec<String>, Arc<LogSampler>) {
    let sampling = LogSampling::parse(rules).unwrap();
    let (clock, hand) = Clock::manual(START_NS);
    let ledger = Arc::new(Ledger::default());
    let sampler = Arc::new(LogSampler::new(sampling, Arc::clone(&ledger), clock.clone()));
    let log = log_with(
        (clock, hand),
        Arc::clone(&ledger),
        |builder| builder.color(Color::Never).filter(filter("debug")),
        |capture| capture.event_sampler(Arc::clone(&sampler) as _),
        |log| work(log, &sampler),
    );
    let lines: Vec<_> = log
        .take()
        .lines()
        .map(|line| line.split_once("Z ").unwrap().1.to_owned())
        .collect();
    let n: u64 = sampler.suppressed().iter().map(|line| line.n).sum();
    assert_eq!(ledger.get(Count::LinesSuppressed), n);
    (lines, sampler)
}

fn filter(text: &str) -> watchroom_capture::Filter {
    watchroom_capture::Filter::parse(text).unwrap()
}

#[test]
fn a_rate_holds_for_each_target_and_level_by_itself_and_spares_errors_and_warnings() {
    let (lines, sampler) = sampled("noisy=2/s,calm=all,*=0%", |log, _| {
        for n in 0..4 {
            info!(target: "noisy::a", n, "a");
            info!(target: "noisy::b", n, "b");
            debug!(target: "noisy::a", n, "d");
            warn!(target: "noisy::a", n, "w");
        }
        log.hand.advance(Duration::from_millis(500));
        info!(target: "noisy::a", "one more");
        info!(target: "noisy::a", "one too many");
        info!(target: "calm", "kept");
        info!(target: "rest", "left out");
        error!(target: "rest", "kept too");
        security::event(Action::Login, Outcome::Success)
            .actor("u")
            .object("o")
            .emit();
    });
    assert_eq!(
        lines,
        [
            " INFO noisy::a: a n=0",
            " INFO noisy::b: b n=0",
            "DEBUG noisy::a: d n=0",
            " WARN noisy::a: w n=0",
            " INFO noisy::a: a n=1",
            " INFO noisy::b: b n=1",
            "DEBUG noisy::a: d n=1",
            " WARN noisy::a: w n=1",
            " WARN noisy::a: w n=2",
            " WARN noisy::a: w n=3",
            " INFO noisy::a: one more",
            " INFO calm: kept",
            "ERROR rest: kept too",
            " INFO security: login: success actor=u action=login object=o outcome=success",
        ]
    );
    let of = |target, level, n| Suppressed { target, level, n };
    let mut suppressed = sampler.suppressed();
    suppressed.sort_by_key(|line| (line.target, line.level));
    assert_eq!(
        suppressed,
        [
            of("noisy::a", Level::INFO, 3),
            of("noisy::a", Level::DEBUG, 2),
            of("noisy::b", Level::INFO, 2),
            of("rest", Level::INFO, 1),
        ]
    );
}

#[test]
fn what_was_suppressed_is_reported_now_and_then_and_at_the_end() {
    let (lines, _) = sampled("noisy=0%,error=0%", |log, sampler| {
        (0..5).for_each(|n| info!(target: "noisy", n, "m"));
        error!(target: "e", "asked for");
        assert!(!sampler.report_if_due());
        log.hand.advance(Duration::from_secs(30));
        assert!(sampler.report_if_due());
        log.hand.advance(Duration::from_secs(30));
        assert!(sampler.report_if_due(), "due, with nothing to say");
        log.hand.advance(Duration::from_secs(7));
        info!(target: "noisy", "m");
        sampler.report();
        sampler.report();
    });
    assert_eq!(
        lines,
        [
            " WARN watchroom::log: suppressed 5 lines of target noisy level INFO in the last 30 s \
             sampled_target=noisy sampled_level=INFO lines=5 seconds=30",
            " WARN watchroom::log: suppressed 1 lines of target e level ERROR in the last 30 s \
             sampled_target=e sampled_level=ERROR lines=1 seconds=30",
            " WARN watchroom::log: suppressed 1 lines of target noisy level INFO in the last 7 s \
             sampled_target=noisy sampled_level=INFO lines=1 seconds=7",
        ]
    );
}

#[test]
fn lines_of_closing_spans_are_sampled_as_others_are_and_what_no_filter_passes_is_not_counted() {
    let (lines, sampler) = sampled("noisy=1/h", |_, _| {
        for _ in 0..3 {
            info_span!(target: "noisy", "work")
                .in_scope(|| tracing::trace!(target: "noisy", "no filter passes it"));
        }
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("work: noisy: close time.busy=0ns"), "{lines:?}");
    assert_eq!(
        sampler.suppressed(),
        [Suppressed {
            target: "noisy",
            level: Level::INFO,
            n: 2
        }]
    );
}

#[test]
fn a_ratio_keeps_its_share() {
    let (lines, sampler) = sampled("noisy=25%", |_, _| {
        (0..2_000).for_each(|n| info!(target: "noisy", n, "m"));
    });
    // More than ten standard deviations to either side.
    assert!(lines.len().abs_diff(500) < 200, "{}", lines.len());
    assert_eq!(lines.len() as u64 + sampler.suppressed()[0].n, 2_000);
}
