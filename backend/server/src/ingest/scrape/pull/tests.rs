//! What scrapes write.

use watchroom_model::is_stale;

use super::*;
use crate::ingest::scrape::How;
use crate::ingest::scrape::exposition::Format;

fn target() -> Target {
    Target::of_url(&"j=http://h:1/m".parse().unwrap())
}

fn shown(outcome: &Outcome, metric: &str) -> Vec<String> {
    let mut lines: Vec<String> = outcome
        .samples
        .iter()
        .filter(|(labels, _)| labels.metric_name() == metric)
        .map(|(labels, sample)| {
            let value = match is_stale(sample.value) {
                true => "stale".to_owned(),
                false => sample.value.to_string(),
            };
            format!("{} {value} {}", labels.get("a").unwrap_or(""), sample.t_ms)
        })
        .collect();
    lines.sort();
    lines
}

fn scrape(memory: &mut Memory, text: Result<&str, &str>, t_ms: i64) -> (Outcome, Result<(), String>) {
    let answer = text
        .map(|text| (text.as_bytes().to_owned(), BodyFormat::Text(Format::Text)))
        .map_err(str::to_owned);
    memory.outcome(&target(), answer, t_ms, Duration::from_millis(5))
}

#[test]
fn series_that_vanish_end_once() {
    let mut memory = Memory::default();
    let (outcome, _) = scrape(
        &mut memory,
        Ok("m{a=\"1\"} 1\nm{a=\"2\"} 2\nm{a=\"3\"} 3 42\n"),
        10,
    );
    assert_eq!(shown(&outcome, "m"), ["1 1 10", "2 2 10", "3 3 42"]);
    assert_eq!(shown(&outcome, "up"), [" 1 10"]);
    assert_eq!(shown(&outcome, "scrape_series_added"), [" 3 10"]);
    assert_eq!(shown(&outcome, "scrape_duration_seconds"), [" 0.005 10"]);
    let (outcome, _) = scrape(&mut memory, Ok("m{a=\"2\"} 5\nm{a=\"2\"} 6\n"), 20);
    assert_eq!(shown(&outcome, "m"), ["1 stale 20", "2 5 20"]);
    assert_eq!(shown(&outcome, "scrape_samples_scraped"), [" 2 20"]);
    let (outcome, _) = scrape(&mut memory, Ok("m{a=\"2\"} 6\n"), 30);
    assert_eq!(shown(&outcome, "m"), ["2 6 30"]);
}

#[test]
fn a_failure_ends_every_series_and_says_why() {
    let mut memory = Memory::default();
    scrape(&mut memory, Ok("m{a=\"1\"} 1\n"), 10).1.unwrap();
    let (outcome, result) = scrape(&mut memory, Err("connection refused"), 20);
    assert_eq!(result.unwrap_err(), "connection refused");
    assert_eq!(shown(&outcome, "m"), ["1 stale 20"]);
    assert_eq!(shown(&outcome, "up"), [" 0 20"]);
    let (outcome, result) = scrape(&mut memory, Ok("m{a=\"1\" 1\n"), 30);
    assert_eq!(
        result.unwrap_err(),
        "line 1: expected a comma or a closing brace, got \"1\""
    );
    assert_eq!(shown(&outcome, "m"), [""; 0]);
}

#[test]
fn a_target_that_goes_away_ends_its_series_and_its_reports() {
    let mut memory = Memory::default();
    scrape(&mut memory, Ok("m{a=\"1\"} 1\n"), 10).1.unwrap();
    let ended = memory.end(&target(), 20);
    assert_eq!(ended.len(), 6);
    assert!(ended.iter().all(|(_, sample)| is_stale(sample.value)));
}

/// What a scrape of `text` gives where `change` has had a hand in how the target is asked.
fn limited(text: &str, change: impl FnOnce(&mut How)) -> (Outcome, Result<(), String>) {
    let mut target = target();
    let mut how = How::default();
    change(&mut how);
    target.spec.how = Arc::new(how);
    let body = (text.as_bytes().to_owned(), BodyFormat::Text(Format::Text));
    Memory::default().outcome(&target, Ok(body), 10, Duration::ZERO)
}

#[test]
fn a_scrape_beyond_a_limit_fails_as_a_whole_and_tells_which() {
    let text = "m{a=\"1\"} 1\nm{a=\"long\"} 2\nm{abcdefghi=\"3\"} 3\n";
    for (change, reason, figures) in [
        (
            (|how| how.limits.samples = 2) as fn(&mut How),
            "sample limit exceeded",
            [" 3 10", " 3 10", " 2 10"],
        ),
        (
            |how| how.limits.labels = 3,
            "label_limit exceeded (metric: m, number of labels: 4, limit: 3)",
            [" 1 10", " 0 10", " 0 10"],
        ),
        (
            |how| how.limits.name_bytes = 8,
            "label_name_length_limit exceeded (metric: m, label name: abcdefghi, length: 9, limit: 8)",
            [" 3 10", " 2 10", " 2 10"],
        ),
        (
            |how| how.limits.value_bytes = 3,
            "label_value_length_limit exceeded (metric: m, label name: a, value: \"long\", length: 4, limit: 3)",
            [" 2 10", " 1 10", " 1 10"],
        ),
    ] {
        let (outcome, result) = limited(text, change);
        assert_eq!(result.unwrap_err(), reason);
        assert_eq!(shown(&outcome, "m"), [""; 0], "{reason}");
        assert_eq!(shown(&outcome, "up"), [" 0 10"], "{reason}");
        let names = [
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        ];
        assert_eq!(
            names.map(|name| shown(&outcome, name).concat()),
            figures,
            "{reason}"
        );
    }
    let (_, result) = limited(text, |how| how.limits.samples = 3);
    assert_eq!(result, Ok(()));
}

#[test]
fn series_with_times_of_their_own_end_if_they_are_tracked() {
    let mut target = target();
    target.spec.how = Arc::new(How {
        track_timestamps: true,
        ..How::default()
    });
    let mut memory = Memory::default();
    let mut scrape = |text: &str, t_ms| {
        let body = (text.as_bytes().to_owned(), BodyFormat::Text(Format::Text));
        memory.outcome(&target, Ok(body), t_ms, Duration::ZERO).0
    };
    scrape("m 1 5\n", 10);
    assert_eq!(shown(&scrape("", 20), "m"), [" stale 20"]);
}
