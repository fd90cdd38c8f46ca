//! Reads the test format: `load`, `clear`, `eval … instant at`.

use std::time::Duration;

use watchroom_model::{Labels, METRIC_NAME, Sample, SeriesData, stale_nan};
use watchroom_query::promql::{parse_duration, parse_value};

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
    Vector(Vec<(Labels, f64)>),
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
                    (
                        labels,
                        parse_value(value.trim()).unwrap_or_else(|| panic!("not a value: {line}")),
                    )
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
        let samples = values
            .split_whitespace()
            .flat_map(expand)
            .enumerate()
            .filter_map(|(i, value)| {
                let t_ms = i64::try_from(step.as_millis()).unwrap() * i64::try_from(i).unwrap();
                value.map(|value| Sample { t_ms, value })
            })
            .collect();
        // A series that stands twice counts as it stands last.
        loaded.retain(|one| one.labels != labels);
        loaded.push(SeriesData::floats(labels, samples));
    }
    loaded
}

/// `3`, `stale`, `_`, `_x4`, `1x4`, `1+2x4`, `1-2x4`
fn expand(word: &str) -> Vec<Option<f64>> {
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
