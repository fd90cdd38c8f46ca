//! Label filters: comparisons joined by `and`, `,` and `or`.

use watchroom_model::MatchOp;

use super::selector::matcher;
use super::{MAX_NESTING, MAX_PARTS};
use crate::ParseError;
use crate::logql::cursor::Cursor;
use crate::logql::ip::IpRange;
use crate::logql::label_filter::{Compare, LabelFilter, LabelTest, Quantity};

/// Comparison symbols, longer ones before those that begin them.
pub(super) const COMPARISONS: [&str; 9] = ["=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<"];

/// A whole filter.
pub(super) fn filter(cursor: &mut Cursor<'_>) -> Result<LabelFilter, ParseError> {
    any(cursor, 0, &mut 0)
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
        let is_name = !word.is_empty()
            && !["or", "offset"]
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known));
        if !joined && !is_name && !cursor.rest().starts_with('(') {
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
    cursor.rest();
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
    if *tests > MAX_PARTS {
        return cursor.error(start, format!("filter has more than {MAX_PARTS} tests"));
    }
    let name = cursor.word("a label name")?.to_owned();
    let Some(op) = cursor.eat_any(&COMPARISONS) else {
        return cursor.unexpected("one of = != =~ !~ == > >= < <=");
    };
    test(cursor, name, COMPARISONS[op]).map(LabelFilter::Test)
}

fn test(cursor: &mut Cursor<'_>, name: String, symbol: &str) -> Result<LabelTest, ParseError> {
    if cursor.at_string() {
        let op = match symbol {
            "=~" => MatchOp::Regex,
            "!~" => MatchOp::NotRegex,
            "=" | "==" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            _ => return cursor.unexpected(&format!("a number, duration or size after {symbol:?}")),
        };
        return matcher(cursor, &name, op).map(LabelTest::Text);
    }
    if cursor.peek_word() == "ip" {
        let expect = match symbol {
            "=" | "==" => true,
            "!=" => false,
            _ => return cursor.unexpected(&format!("a quoted string or a number after {symbol:?}")),
        };
        let range = ip(cursor)?;
        return Ok(LabelTest::Ip { name, range, expect });
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
    quantity(cursor, name, op)
}

/// `ip("…")`
pub(super) fn ip(cursor: &mut Cursor<'_>) -> Result<IpRange, ParseError> {
    cursor.word("ip")?;
    if !cursor.eat("(") {
        return cursor.unexpected("\"(\" and a quoted address");
    }
    let (text, start) = cursor.string()?;
    let range = IpRange::parse(&text).or_else(|message| cursor.error(start, message))?;
    match cursor.eat(")") {
        true => Ok(range),
        false => cursor.unexpected("\")\""),
    }
}

/// A number, duration or size.
fn quantity(cursor: &mut Cursor<'_>, name: String, op: Compare) -> Result<LabelTest, ParseError> {
    let rest = cursor.rest();
    let end = rest
        .find(|c: char| c.is_whitespace() || "|),(![".contains(c))
        .unwrap_or(rest.len());
    let word = &rest[..end];
    for kind in [Quantity::Number, Quantity::Duration, Quantity::Bytes] {
        if let Ok(value) = kind.read(word) {
            cursor.at += end;
            return Ok(LabelTest::Quantity {
                name,
                op,
                value,
                kind,
            });
        }
    }
    cursor.unexpected("a quoted string, number, duration or size")
}
