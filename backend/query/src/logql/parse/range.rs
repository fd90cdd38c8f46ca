//! Ranges of lines: `{a="b"} | json | unwrap x [5m] offset 1h`, the range anywhere after the selector.

use super::selector::matchers;
use super::stage::{is_stage, stage};
use super::{MAX_NESTING, add, filter};
use crate::logql::cursor::Cursor;
use crate::logql::label_filter::{LabelFilter, Quantity};
use crate::logql::metric::Unwrap;
use crate::logql::query::Pipeline;
use crate::{ParseError, scan, traces};

/// A range of lines.
pub(super) struct LogRange {
    pub pipeline: Pipeline,
    pub unwrap: Option<Unwrap>,
    pub range_ms: i64,
    pub offset_ms: i64,
    /// Where it begins.
    pub start: usize,
}

/// What has been read of one.
#[derive(Default)]
struct Parts {
    pipeline: Option<Pipeline>,
    unwrap: Option<Unwrap>,
    range_ms: Option<i64>,
    offset_ms: Option<i64>,
}

pub(super) fn log_range(cursor: &mut Cursor<'_>) -> Result<LogRange, ParseError> {
    cursor.rest();
    let start = cursor.at;
    let mut parts = Parts::default();
    read(cursor, &mut parts, 0)?;
    match (parts.pipeline, parts.range_ms) {
        (Some(pipeline), Some(range_ms)) => Ok(LogRange {
            pipeline,
            unwrap: parts.unwrap,
            range_ms,
            offset_ms: parts.offset_ms.unwrap_or(0),
            start,
        }),
        _ => cursor.unexpected("a range such as [5m]"),
    }
}

fn read(cursor: &mut Cursor<'_>, parts: &mut Parts, depth: usize) -> Result<(), ParseError> {
    cursor.rest();
    let open = cursor.at;
    if cursor.eat("(") {
        if depth == MAX_NESTING {
            return cursor.error(open, format!("query is nested deeper than {MAX_NESTING} levels"));
        }
        read(cursor, parts, depth + 1)?;
        if !cursor.eat(")") {
            return match cursor.done() {
                true => cursor.error(open, "unclosed parenthesis \"(\""),
                false => cursor.unexpected("\")\""),
            };
        }
    } else {
        let matchers = matchers(cursor)?;
        parts.pipeline = Some(Pipeline {
            matchers,
            stages: Vec::new(),
        });
    }
    loop {
        let rest = cursor.rest();
        let at = cursor.at;
        if rest.starts_with('[') {
            if parts.range_ms.is_some() {
                return cursor.error(at, "a range of lines has one range only");
            }
            parts.range_ms = Some(range(cursor)?);
        } else if cursor.eat_word("offset") {
            if parts.range_ms.is_none() {
                return cursor.error(at, "offset stands after a range such as [5m]");
            }
            if parts.offset_ms.is_some() {
                return cursor.error(at, "offset may not be set twice");
            }
            parts.offset_ms = Some(offset(cursor)?);
        } else if rest.starts_with(['|', '!']) {
            part(cursor, parts)?;
        } else {
            return Ok(());
        }
    }
}

/// A stage, `unwrap`, or a filter after it.
fn part(cursor: &mut Cursor<'_>, parts: &mut Parts) -> Result<(), ParseError> {
    let at = cursor.at;
    if is_stage(*cursor, "unwrap") {
        if parts.unwrap.is_some() {
            return cursor.error(at, "unwrap may not stand twice");
        }
        parts.unwrap = Some(unwrap(cursor)?);
        return Ok(());
    }
    if let Some(unwrap) = &mut parts.unwrap {
        let symbols = ["|=", "|~", "|>", "!"];
        if symbols.iter().any(|symbol| cursor.rest().starts_with(symbol)) {
            return cursor.error(at, "only label filters may follow unwrap");
        }
        let mut ahead = *cursor;
        ahead.eat("|");
        ahead.rest();
        for word in [
            "json",
            "logfmt",
            "pattern",
            "regexp",
            "unpack",
            "decolorize",
            "line_format",
            "label_format",
            "drop",
            "keep",
        ] {
            if is_stage(*cursor, word) {
                return cursor.error(ahead.at, "only label filters may follow unwrap");
            }
        }
        cursor.eat("|");
        let filter: LabelFilter = filter::filter(cursor)?;
        if unwrap.filters.len() == super::MAX_PARTS {
            return cursor.error(at, format!("query has more than {} stages", super::MAX_PARTS));
        }
        unwrap.filters.push(filter);
        return Ok(());
    }
    let stage = stage(cursor)?;
    match &mut parts.pipeline {
        Some(pipeline) => add(cursor, &mut pipeline.stages, stage, at),
        None => Ok(()),
    }
}

/// `| unwrap x`, `| unwrap duration(x)`
fn unwrap(cursor: &mut Cursor<'_>) -> Result<Unwrap, ParseError> {
    cursor.eat("|");
    cursor.eat_word("unwrap");
    cursor.rest();
    let at = cursor.at;
    let word = cursor.word("a label name")?;
    if !cursor.eat("(") {
        return Ok(Unwrap::new(word, Quantity::Number));
    }
    let convert = match word {
        "duration" | "duration_seconds" => Quantity::Duration,
        "bytes" => Quantity::Bytes,
        other => {
            let message =
                format!("unknown conversion {other:?}, expected duration, duration_seconds or bytes");
            return cursor.error(at, message);
        }
    };
    let label = cursor.word("a label name")?;
    match cursor.eat(")") {
        true => Ok(Unwrap::new(label, convert)),
        false => cursor.unexpected("\")\""),
    }
}

/// `[5m]`
fn range(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    let open = cursor.at;
    cursor.eat("[");
    let rest = cursor.rest();
    let Some(end) = rest.find(']') else {
        return cursor.error(open, "unclosed bracket \"[\"");
    };
    let at = cursor.at;
    let ms = duration(rest[..end].trim()).or_else(|message| cursor.error(at, message))?;
    if ms == 0 {
        return cursor.error(at, "range has to be longer than zero");
    }
    cursor.at += end + 1;
    Ok(ms)
}

fn offset(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    cursor.rest();
    let at = cursor.at;
    let negative = cursor.eat("-");
    let rest = cursor.rest();
    let end = scan::run(rest, 0, |b| b.is_ascii_alphanumeric() || b == b'.');
    if end == 0 {
        return cursor.unexpected("a duration such as 5m");
    }
    let ms = duration(&rest[..end]).or_else(|message| cursor.error(at, message))?;
    cursor.at += end;
    Ok(if negative { -ms } else { ms })
}

/// A duration in milliseconds, with a unit.
fn duration(text: &str) -> Result<i64, String> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !text.is_empty() {
        return Err(format!(
            "duration {text:?} has no unit, expected a form such as 5m"
        ));
    }
    let found = scan::duration(text).or_else(|message| {
        // Go's form has fractions: 1.5h.
        traces::parse_duration(text).map_err(|_| message)
    })?;
    // A thousand years at most, which fit.
    Ok(i64::try_from(found.as_millis())
        .unwrap_or(i64::MAX)
        .min(1_000 * 365 * 86_400_000))
}
