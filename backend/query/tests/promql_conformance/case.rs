//! Reads the test format: `load`, `clear`, `eval … instant at`.

use std::time::Duration;

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, NativeHistogram, Sample, SeriesData, stale_nan};
use watchroom_query::promql::{parse_duration, parse_histogram, parse_value};

/// One command of a file.
#[derive(Debug)]
pub(crate) enum Command {
    Clear,
    Load(Vec<SeriesData>),
    Eval(Eval),
}

/// A query and what it has to give.
#[derive(Debug)]
pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) fails: bool,
    pub(crate) ordered: bool,
    pub(crate) at: Duration,
    pub(crate) query: String,
    pub(crate) expected: Expected,
}

#[derive(Debug)]
pub(crate) enum Expected {
    Scalar(f64),
    Vector(Vec<(Labels, Given)>),
}

/// A value of a series.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    Number(f64),
    Histogram(NativeHistogram),
}

/// Reads a number or a histogram.
fn given(word: &str) -> Given {
    match word.starts_with("{{") {
        true => Given::Histogram(parse_histogram(word).unwrap_or_else(|why| panic!("{word}: {why}"))),
        false => Given::Number(parse_value(word).unwrap_or_else(|| panic!("not a value: {word}"))),
    }
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.starts_with('#'))
        .peekable();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let mut body = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty() && !is_command(line)) {
            body.push(line);
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        commands.push(match word {
            "clear" => Command::Clear,
            "load" => Command::Load(load(parse_duration(rest.trim()).unwrap(), &body)),
            _ => Command::Eval(eval(number, word, rest, &body)),
        });
    }
    commands
}

fn is_command(line: &str) -> bool {
    matches!(
        line.split_whitespace().next(),
        Some("clear" | "load" | "eval" | "eval_fail" | "eval_ordered")
    )
}

fn eval(line: usize, word: &str, rest: &str, body: &[&str]) -> Eval {
    let rest = rest
        .trim()
        .strip_prefix("instant at ")
        .unwrap_or_else(|| panic!("line {line}: not an instant query"));
    let (at, query) = rest.split_once(char::is_whitespace).unwrap();
    let expected = match body {
        [only] if parse_value(only).is_some() => Expected::Scalar(parse_value(only).unwrap()),
        many => Expected::Vector(
            many.iter()
                .map(|line| {
                    let (labels, value) = series(line);
                    (labels, given(value.trim()))
                })
                .collect(),
        ),
    };
    Eval {
        line,
        fails: word == "eval_fail",
        ordered: word == "eval_ordered",
        at: parse_duration(at).unwrap(),
        query: query.trim().into(),
        expected,
    }
}

fn load(step: Duration, body: &[&str]) -> Vec<SeriesData> {
    let mut loaded: Vec<SeriesData> = Vec::new();
    for line in body {
        let (labels, values) = series(line);
        // A series that stands twice counts as it stands last.
        loaded.retain(|one| one.labels != labels);
        let mut one = SeriesData::floats(labels, Vec::new());
        for (i, value) in words(values).into_iter().flat_map(expand).enumerate() {
            let t_ms = i64::try_from(step.as_millis()).unwrap() * i64::try_from(i).unwrap();
            match value {
                Some(Given::Number(value)) => one.samples.push(Sample { t_ms, value }),
                Some(Given::Histogram(histogram)) => {
                    let histogram = histogram.into();
                    one.histograms.push(HistogramSample { t_ms, histogram });
                }
                None => {}
            }
        }
        loaded.push(one);
    }
    loaded
}

/// Splits at spaces, but for those within the braces of a histogram.
fn words(mut text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return words;
        }
        let mut depth = 0_usize;
        let end = text.find(|c: char| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && c.is_whitespace()
        });
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        words.push(word);
        text = rest;
    }
}

/// `{{…}}`, `{{…}}x4`, `{{…}}+{{…}}x4`
fn expand_histogram(word: &str) -> Vec<Option<Given>> {
    let (formula, times) = match word.rsplit_once("}}x") {
        Some((formula, times)) => (format!("{formula}}}}}"), times.parse().unwrap()),
        None => (word.to_owned(), 0),
    };
    let (first, step) = formula.split_once("}}+").unwrap_or((&formula, ""));
    let read = |text: &str| parse_histogram(text).unwrap_or_else(|why| panic!("{text}: {why}"));
    let mut value = read(&format!("{}}}}}", first.trim_end_matches("}}")));
    let mut values = Vec::new();
    for _ in 0..=times {
        values.push(Some(Given::Histogram(value.clone())));
        if !step.is_empty() {
            value = value.add(&read(step)).unwrap();
        }
    }
    values
}

/// `3`, `stale`, `_`, `_x4`, `1x4`, `1+2x4`, `1-2x4`, or histograms.
fn expand(word: &str) -> Vec<Option<Given>> {
    if word.starts_with("{{") {
        return expand_histogram(word);
    }
    let number = |value: Option<f64>| value.map(Given::Number);
    expand_number(word).into_iter().map(number).collect()
}

fn expand_number(word: &str) -> Vec<Option<f64>> {
    let one = |word: &str| match word {
        "stale" => Some(stale_nan()),
        "_" => None,
        number => Some(parse_value(number).unwrap_or_else(|| panic!("not a value: {word}"))),
    };
    let Some((formula, times)) = word.split_once('x') else {
        return vec![one(word)];
    };
    let times: usize = times.parse().unwrap();
    if formula == "_" {
        return vec![None; times];
    }
    // The sign of the step is the last sign that is not the first character.
    let (start, step) = match formula.rfind(['+', '-']).filter(|i| *i > 0) {
        Some(i) => (&formula[..i], parse_value(&formula[i..]).unwrap()),
        None => (formula, 0.0),
    };
    let start = one(start).unwrap();
    (0..=times).map(|i| Some(start + step * i as f64)).collect()
}

/// Splits `name{a="b"} rest`.
fn series(line: &str) -> (Labels, &str) {
    let end = line
        .find(|c: char| c == '{' || c.is_whitespace())
        .unwrap_or(line.len());
    let mut pairs = vec![(METRIC_NAME.to_owned(), line[..end].to_owned())];
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, after) = rest
                .split_once("=\"")
                .unwrap_or_else(|| panic!("not labels: {line}"));
            let (value, after) = after.split_once('"').unwrap();
            pairs.push((name.trim().to_owned(), value.to_owned()));
            rest = after;
        }
    }
    (Labels::from_pairs(pairs), rest)
}
