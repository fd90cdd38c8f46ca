//! From text to a log query.

use watchroom_model::{MatchOp, Matcher};

use super::cursor::Cursor;
use super::label_filter::{Compare, LabelFilter, LabelTest, bytes};
use super::line_filter::{LineFilter, LineOp};
use super::{LogQuery, Stage};
use crate::traces::parse_duration;
use crate::{ParseError, promql};

/// Brackets that may be open at one time, and tests that a query may have.
const MAX_NESTING: usize = 50;
const MAX_TESTS: usize = 200;

/// Stages of LogQL that are not there yet.
const STAGES_NOT_YET: [&str; 12] = [
    "json",
    "logfmt",
    "pattern",
    "regexp",
    "unpack",
    "unwrap",
    "line_format",
    "label_format",
    "decolorize",
    "drop",
    "keep",
    "distinct",
];

/// Words that begin a metric over logs.
const METRICS: [&str; 32] = [
    "rate",
    "rate_counter",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "first_over_time",
    "last_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "absent_over_time",
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "approx_topk",
    "sort",
    "sort_desc",
    "label_replace",
    "vector",
    "quantile",
    "count_values",
    "label_join",
];

/// Reads a log query.
///
/// ```
/// use watchroom_query::logql;
///
/// let query = logql::parse(r#"{service_name="deriva"} |= "timeout" | level="error""#).unwrap();
/// assert_eq!(query.matchers().len(), 1);
/// assert_eq!(query.stages().len(), 2);
///
/// let error = logql::parse(r#"{service_name="deriva"} | json"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"1:27: parse error: stage "json" is not supported yet"#);
/// ```
///
/// # Errors
/// [`ParseError`] with the byte position; parts of LogQL that are not there yet are named.
pub fn parse(text: &str) -> Result<LogQuery, ParseError> {
    let mut cursor = Cursor::new(text);
    let cursor = &mut cursor;
    if cursor.done() {
        return cursor.error(0, "no expression found in input");
    }
    let word = cursor.peek_word();
    if METRICS.contains(&word) {
        return cursor.error(
            cursor.at,
            format!("metrics over logs are not supported yet: {word:?}"),
        );
    }
    let matchers = selector(cursor)?;
    let mut stages = Vec::new();
    while !cursor.done() {
        if stages.len() == MAX_TESTS {
            return cursor.error(cursor.at, format!("query has more than {MAX_TESTS} stages"));
        }
        stages.push(stage(cursor)?);
    }
    Ok(LogQuery {
        text: text.into(),
        matchers,
        stages,
    })
}

/// `{a="b", c=~"d"}`
fn selector(cursor: &mut Cursor<'_>) -> Result<Vec<Matcher>, ParseError> {
    let start = cursor.at;
    if !cursor.eat("{") {
        return cursor.unexpected("a stream selector such as {service_name=\"…\"}");
    }
    let mut matchers = Vec::new();
    while !cursor.eat("}") {
        if cursor.done() {
            return cursor.error(start, "unclosed brace \"{\"");
        }
        let name = cursor.word("a label name or \"}\"")?;
        let Some(op) = cursor.eat_any(&["=~", "!~", "!=", "="]) else {
            return cursor.unexpected("one of = != =~ !~");
        };
        let op = [
            MatchOp::Regex,
            MatchOp::NotRegex,
            MatchOp::NotEqual,
            MatchOp::Equal,
        ][op];
        matchers.push(matcher(cursor, name, op)?);
        if !cursor.eat(",") && !cursor.rest().starts_with('}') && !cursor.done() {
            return cursor.unexpected("\",\" or \"}\"");
        }
    }
    if matchers.iter().all(Matcher::matches_empty) {
        return cursor.error(
            start,
            "stream selector must contain at least one matcher that does not match the empty string, such as a=~\".+\"",
        );
    }
    Ok(matchers)
}

/// The quoted right side of a comparison with `name`.
fn matcher(cursor: &mut Cursor<'_>, name: &str, op: MatchOp) -> Result<Matcher, ParseError> {
    let (value, position) = cursor.string()?;
    Matcher::new(op, name, value).or_else(|error| {
        let why = promql::last_line(&error.source.to_string()).to_owned();
        cursor.error(position, format!("{error}: {why}"))
    })
}

fn stage(cursor: &mut Cursor<'_>) -> Result<Stage, ParseError> {
    if let Some(op) = cursor.eat_any(&["|=", "|~", "!=", "!~"]) {
        let op = [
            LineOp::Contains,
            LineOp::Matches,
            LineOp::NotContains,
            LineOp::NotMatches,
        ][op];
        return line_filter(cursor, op).map(Stage::Line);
    }
    if cursor.rest().starts_with("|>") || cursor.rest().starts_with("!>") {
        return cursor.error(
            cursor.at,
            "pattern filters \"|>\" and \"!>\" are not supported yet",
        );
    }
    if cursor.rest().starts_with('[') {
        return cursor.error(cursor.at, "metrics over logs are not supported yet: range \"[\"");
    }
    if !cursor.eat("|") {
        return cursor.unexpected("a filter such as |= \"…\" or a stage after \"|\"");
    }
    let word = cursor.peek_word();
    let start = cursor.at;
    let mut ahead = *cursor;
    ahead.at += word.len();
    let is_comparison = ahead.rest().starts_with(['=', '!', '<', '>']);
    if STAGES_NOT_YET.contains(&word) && !is_comparison {
        return cursor.error(start, format!("stage {word:?} is not supported yet"));
    }
    let mut tests = 0;
    any(cursor, 0, &mut tests).map(Stage::Label)
}

/// `"a" or "b"`
fn line_filter(cursor: &mut Cursor<'_>, op: LineOp) -> Result<LineFilter, ParseError> {
    let mut texts = Vec::new();
    let mut position = cursor.at;
    loop {
        if cursor.peek_word() == "ip" {
            return cursor.error(cursor.at, "filter ip(…) is not supported yet");
        }
        let (text, start) = cursor.string()?;
        if texts.is_empty() {
            position = start;
        }
        texts.push(text);
        if !cursor.eat_word("or") {
            break;
        }
    }
    LineFilter::new(op, texts).or_else(|error| {
        let why = promql::last_line(&error.to_string()).to_owned();
        cursor.error(position, format!("invalid regular expression: {why}"))
    })
}

/// `a or b`; binds less than `and`.
fn any(cursor: &mut Cursor<'_>, depth: usize, tests: &mut usize) -> Result<LabelFilter, ParseError> {
    let mut filters = vec![all(cursor, depth, tests)?];
    while cursor.eat_word("or") {
        filters.push(all(cursor, depth, tests)?);
    }
    Ok(if filters.len() == 1 {
        filters.remove(0)
    } else {
        LabelFilter::Any(filters)
    })
}

/// `a and b`, `a, b`, `a b`
fn all(cursor: &mut Cursor<'_>, depth: usize, tests: &mut usize) -> Result<LabelFilter, ParseError> {
    let mut filters = vec![one(cursor, depth, tests)?];
    loop {
        let joined = cursor.eat_word("and") || cursor.eat(",");
        let word = cursor.peek_word();
        let next = cursor.rest().starts_with('(') || (!word.is_empty() && !word.eq_ignore_ascii_case("or"));
        if !joined && !next {
            break;
        }
        filters.push(one(cursor, depth, tests)?);
    }
    Ok(if filters.len() == 1 {
        filters.remove(0)
    } else {
        LabelFilter::All(filters)
    })
}

fn one(cursor: &mut Cursor<'_>, depth: usize, tests: &mut usize) -> Result<LabelFilter, ParseError> {
    let start = cursor.at;
    if cursor.eat("(") {
        if depth == MAX_NESTING {
            return cursor.error(
                start,
                format!("filter is nested deeper than {MAX_NESTING} levels"),
            );
        }
        let inner = any(cursor, depth + 1, tests)?;
        if !cursor.eat(")") {
            return cursor.unexpected("\")\"");
        }
        return Ok(inner);
    }
    *tests += 1;
    if *tests > MAX_TESTS {
        return cursor.error(start, format!("filter has more than {MAX_TESTS} tests"));
    }
    let name = cursor.word("a label name")?.to_owned();
    let Some(op) = cursor.eat_any(&["=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<"]) else {
        return cursor.unexpected("one of = != =~ !~ == > >= < <=");
    };
    let symbol = ["=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<"][op];
    if cursor.at_string() {
        let op = match symbol {
            "=~" => MatchOp::Regex,
            "!~" => MatchOp::NotRegex,
            "=" | "==" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            _ => return cursor.unexpected(&format!("a number, duration or size after {symbol:?}")),
        };
        return Ok(LabelFilter::Test(LabelTest::Text(matcher(cursor, &name, op)?)));
    }
    if cursor.peek_word() == "ip" {
        return cursor.error(cursor.at, "filter ip(…) is not supported yet");
    }
    let op = match symbol {
        "=" | "==" => Compare::Equal,
        "!=" => Compare::NotEqual,
        ">" => Compare::Greater,
        ">=" => Compare::GreaterEqual,
        "<" => Compare::Less,
        "<=" => Compare::LessEqual,
        _ => return cursor.unexpected("a quoted string"),
    };
    quantity(cursor, name, op).map(LabelFilter::Test)
}

/// A number, duration or size.
fn quantity(cursor: &mut Cursor<'_>, name: String, op: Compare) -> Result<LabelTest, ParseError> {
    let rest = cursor.rest();
    let end = rest
        .find(|c: char| c.is_whitespace() || "|),(!".contains(c))
        .unwrap_or(rest.len());
    let word = &rest[..end];
    let start = cursor.at;
    cursor.at += end;
    if let Ok(value) = word.parse::<f64>() {
        return Ok(LabelTest::Number { name, op, value });
    }
    if let Ok(value) = parse_duration(word) {
        return Ok(LabelTest::Duration { name, op, value });
    }
    if let Some(value) = bytes(word) {
        return Ok(LabelTest::Bytes { name, op, value });
    }
    cursor.at = start;
    cursor.unexpected("a quoted string, number, duration or size")
}
