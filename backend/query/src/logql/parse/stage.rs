//! Stages of a pipeline.

use watchroom_model::MatchOp;

use super::filter::{COMPARISONS, filter, ip};
use super::selector::matcher;
use crate::logql::cursor::Cursor;
use crate::logql::line_filter::{LineFilter, LineOp, LineTest};
use crate::logql::row::{ERROR, ERROR_DETAILS};
use crate::logql::stage::{
    Json, LabelFormat, LineFormat, Logfmt, Path, Pattern, Pick, Regexp, Stage, TABLES,
};
use crate::template::Template;
use crate::{ParseError, hint};

/// Words that begin a stage.
const STAGES: [&str; 12] = [
    "json",
    "logfmt",
    "pattern",
    "regexp",
    "unpack",
    "unwrap",
    "decolorize",
    "line_format",
    "label_format",
    "drop",
    "keep",
    "ip",
];

const LINE_FILTERS: [(&str, LineOp); 6] = [
    ("|=", LineOp::Contains),
    ("|~", LineOp::Matches),
    ("|>", LineOp::Pattern),
    ("!=", LineOp::NotContains),
    ("!~", LineOp::NotMatches),
    ("!>", LineOp::NotPattern),
];

/// The word of the stage after `|`, if it is `word` and no label of that name.
pub(super) fn is_stage(mut ahead: Cursor<'_>, word: &str) -> bool {
    ahead.eat("|")
        && ahead.eat_word(word)
        && !COMPARISONS.iter().any(|symbol| ahead.rest().starts_with(symbol))
}

/// One stage, from its `|` or `!` on.
pub(super) fn stage(cursor: &mut Cursor<'_>) -> Result<Stage, ParseError> {
    for (symbol, op) in LINE_FILTERS {
        if cursor.eat(symbol) {
            return line_filter(cursor, op).map(Stage::Line);
        }
    }
    if is_stage(*cursor, "unwrap") {
        let message = "unwrap makes numbers of lines, it belongs into a function such as sum_over_time(… | unwrap x [5m])";
        return cursor.error(cursor.at, message);
    }
    if !cursor.eat("|") {
        return cursor.unexpected("a filter such as |= \"…\" or a stage after \"|\"");
    }
    let word = cursor.peek_word();
    let start = cursor.at;
    let mut ahead = *cursor;
    ahead.at += word.len();
    let next = ahead.rest();
    if word.is_empty()
        || next.starts_with(['=', '!', '<', '>']) && !next.starts_with("!>")
        || !known(word, next)
    {
        if !word.is_empty() && !next.starts_with(['=', '!', '<', '>']) {
            let hint = hint::closest(word, STAGES.into_iter())
                .map_or_else(String::new, |close| format!(", did you mean {close:?}?"));
            return cursor.error(start, format!("unknown stage {word:?}{hint}"));
        }
        return filter(cursor).map(Stage::Label);
    }
    cursor.at += word.len();
    match word {
        "json" => json(cursor).map(Stage::Json),
        "logfmt" => logfmt(cursor).map(Stage::Logfmt),
        "pattern" => {
            let (text, at) = cursor.string()?;
            Pattern::parse(&text)
                .map(Stage::Pattern)
                .or_else(|(offset, message)| cursor.error(at + 1 + offset, message))
        }
        "regexp" => {
            let (text, at) = cursor.string()?;
            Regexp::parse(&text)
                .map(Stage::Regexp)
                .or_else(|message| cursor.error(at, message))
        }
        "unpack" => Ok(Stage::Unpack),
        "decolorize" => Ok(Stage::Decolorize),
        "line_format" => template(cursor).map(|template| Stage::LineFormat(LineFormat(template))),
        "label_format" => list(cursor, label_format).map(Stage::LabelFormat),
        "drop" => list(cursor, pick).map(Stage::Drop),
        _ => list(cursor, pick).map(Stage::Keep),
    }
}

/// Whether a word that no comparison follows begins a stage.
fn known(word: &str, next: &str) -> bool {
    STAGES.contains(&word) && !(word == "ip" && next.starts_with('('))
}

/// `"a" or "b" or ip("…")`
fn line_filter(cursor: &mut Cursor<'_>, op: LineOp) -> Result<LineFilter, ParseError> {
    let mut tests = Vec::new();
    loop {
        if cursor.peek_word() == "ip" && !matches!(op, LineOp::Contains | LineOp::NotContains) {
            return cursor.error(cursor.at, "ip(…) goes with |= and != only");
        }
        tests.push(match cursor.peek_word() {
            "ip" => LineTest::Ip(ip(cursor)?),
            _ => {
                let (text, at) = cursor.string()?;
                LineTest::new(op, &text).or_else(|(offset, message)| {
                    let inside = if offset > 0 { 1 + offset } else { 0 };
                    cursor.error(at + inside, message)
                })?
            }
        });
        if tests.len() > super::MAX_PARTS {
            return cursor.error(
                cursor.at,
                format!("filter has more than {} tests", super::MAX_PARTS),
            );
        }
        if !cursor.eat_word("or") {
            return Ok(LineFilter::new(op, tests));
        }
    }
}

/// Items with commas between them.
fn list<T>(
    cursor: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<T, ParseError>,
) -> Result<Vec<T>, ParseError> {
    let mut items = Vec::new();
    loop {
        items.push(item(cursor)?);
        if items.len() > super::MAX_PARTS {
            return cursor.error(
                cursor.at,
                format!("stage has more than {} parts", super::MAX_PARTS),
            );
        }
        if !cursor.eat(",") {
            return Ok(items);
        }
    }
}

/// `json`, `json a="b.c[0]", d`
fn json(cursor: &mut Cursor<'_>) -> Result<Json, ParseError> {
    if cursor.peek_word().is_empty() || at_offset(*cursor) {
        return Ok(Json::default());
    }
    let picks = list(cursor, |cursor| {
        let (label, path, at) = extraction(cursor)?;
        let path = Path::parse(&path).or_else(|(offset, message)| {
            cursor.error(at + offset, format!("invalid path {path:?}: {message}"))
        })?;
        Ok((label, path))
    })?;
    Ok(Json { picks })
}

/// `logfmt`, `logfmt --strict --keep-empty a="b", c`
fn logfmt(cursor: &mut Cursor<'_>) -> Result<Logfmt, ParseError> {
    let mut stage = Logfmt::default();
    while cursor.rest().starts_with("--") {
        match cursor.eat_any(&["--strict", "--keep-empty"]) {
            Some(0) => stage.strict = true,
            Some(_) => stage.keep_empty = true,
            None => return cursor.error(cursor.at, "unknown flag, expected --strict or --keep-empty"),
        }
    }
    if !cursor.peek_word().is_empty() && !at_offset(*cursor) {
        stage.picks = list(cursor, |cursor| {
            let (label, key, _) = extraction(cursor)?;
            Ok((label, key))
        })?;
    }
    Ok(stage)
}

/// Whether `offset 5m` is next, which belongs to the range before the stage.
fn at_offset(mut ahead: Cursor<'_>) -> bool {
    ahead.eat_word("offset") && ahead.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

/// `label="expression"` or `label`, which stands for both; and where the inside of the expression begins.
fn extraction(cursor: &mut Cursor<'_>) -> Result<(String, String, usize), ParseError> {
    let label = cursor.word("a label name")?.to_owned();
    let at = cursor.at - label.len();
    if !cursor.eat("=") {
        return Ok((label.clone(), label, at));
    }
    let (text, start) = cursor.string()?;
    Ok((label, text, start + 1))
}

fn template(cursor: &mut Cursor<'_>) -> Result<Template, ParseError> {
    let (text, start) = cursor.string()?;
    let raw = cursor.text[start..].starts_with('`') || !cursor.text[start..cursor.at].contains('\\');
    Template::parse(&text, &TABLES).or_else(|(offset, message)| {
        // Escapes in the text make it longer in the query than it is.
        let at = if raw { start + 1 + offset } else { start };
        cursor.error(at, format!("invalid template: {message}"))
    })
}

/// `to=from` or `to="template"`
fn label_format(cursor: &mut Cursor<'_>) -> Result<LabelFormat, ParseError> {
    let to = cursor.word("a label name")?.to_owned();
    if to == ERROR || to == ERROR_DETAILS {
        return cursor.error(cursor.at - to.len(), format!("label {to:?} cannot be set"));
    }
    if !cursor.eat("=") {
        return cursor.unexpected("\"=\"");
    }
    if cursor.at_string() {
        let template = template(cursor)?;
        return Ok(LabelFormat::Template { to, template });
    }
    let from = cursor.word("a label name or a quoted template")?;
    Ok(LabelFormat::rename(&to, from))
}

/// `name` or `name="value"`
fn pick(cursor: &mut Cursor<'_>) -> Result<Pick, ParseError> {
    let name = cursor.word("a label name")?.to_owned();
    let Some(op) = cursor.eat_any(&["=~", "!~", "!=", "="]) else {
        return Ok(Pick::Name(name));
    };
    let op = [
        MatchOp::Regex,
        MatchOp::NotRegex,
        MatchOp::NotEqual,
        MatchOp::Equal,
    ][op];
    matcher(cursor, &name, op).map(Pick::Matcher)
}
