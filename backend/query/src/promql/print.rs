//! A query as text in one style, and as a tree in JSON.
//!
//! Brackets stand where the reading needs them; others go. A query whose durations depend on its evaluation stays as it was written.
//!
//! Source: Prometheus, "Formatting query expressions" (`promql/parser/prettier.go`) and "Parsing a PromQL expressions into an abstract
//! syntax tree".

mod tree;

use std::fmt::Write as _;
use std::time::Duration;

use watchroom_model::{METRIC_NAME, MatchOp, Matcher};

use super::aggregate::Aggregation;
use super::ast::{Aggregate, At, Binary, Expr, Group, Matchers, Range, RangeOf, Shift};
use super::binary::Operator;
use super::{format_duration, format_value};

pub(super) use tree::tree;

/// Length of a line above which an expression is spread over several.
const MAX_LINE: usize = 100;

/// The expression over as many lines as it needs.
pub(super) fn pretty(expr: &Expr) -> String {
    let mut out = String::new();
    spread(&mut out, expr, 0);
    out
}

/// Appends an expression, on one line if that is short enough.
fn spread(out: &mut String, expr: &Expr, level: usize) {
    let line = line(expr);
    indent(out, level);
    if line.chars().count() <= MAX_LINE {
        out.push_str(&line);
        return;
    }
    match expr {
        Expr::Binary(binary) => {
            out.truncate(out.len() - 2 * level);
            side(out, binary, &binary.lhs, false, level + 1);
            out.push('\n');
            indent(out, level);
            out.push_str(&operator(binary));
            out.push('\n');
            side(out, binary, &binary.rhs, true, level + 1);
        }
        Expr::Aggregate(aggregate) => {
            out.push_str(&aggregation(aggregate));
            out.push_str("(\n");
            if let Some(param) = &aggregate.param {
                spread(out, param, level + 1);
                out.push_str(",\n");
            }
            spread(out, &aggregate.expr, level + 1);
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
        Expr::Call(call) if !call.args.is_empty() => {
            out.push_str(call.function.name);
            out.push_str("(\n");
            for (i, arg) in call.args.iter().enumerate() {
                out.push_str(if i > 0 { ",\n" } else { "" });
                spread(out, arg, level + 1);
            }
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
        Expr::Range(Range {
            of: RangeOf::Subquery(inner, _),
            ..
        }) if !needs_brackets_in_subquery(inner) => {
            out.truncate(out.len() - 2 * level);
            spread(out, inner, level);
            out.push_str(&window(expr));
        }
        _ => out.push_str(&line),
    }
}

fn side(out: &mut String, of: &Binary, operand: &Expr, is_right: bool, level: usize) {
    match needs_brackets(of, operand, is_right) {
        false => spread(out, operand, level),
        true => {
            indent(out, level);
            out.push_str("(\n");
            spread(out, operand, level + 1);
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
    }
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// The expression on one line.
pub(super) fn line(expr: &Expr) -> String {
    match expr {
        Expr::Number(number) => format_value(*number),
        Expr::Text(text) => quoted(text),
        Expr::Selector(of) => selector(&of.matchers) + &shift(of.shift),
        Expr::Range(range) => {
            let of = match &range.of {
                RangeOf::Selector(matchers) => selector(matchers),
                RangeOf::Subquery(inner, _) if needs_brackets_in_subquery(inner) => {
                    format!("({})", line(inner))
                }
                RangeOf::Subquery(inner, _) => line(inner),
            };
            of + &window(expr)
        }
        Expr::Negate(inner) => match &**inner {
            Expr::Binary(binary) if precedence(binary.op) < precedence(Operator::Pow) => {
                format!("-({})", line(inner))
            }
            _ => format!("-{}", line(inner)),
        },
        Expr::Binary(binary) => {
            let side = |operand: &Expr, is_right| match needs_brackets(binary, operand, is_right) {
                true => format!("({})", line(operand)),
                false => line(operand),
            };
            format!(
                "{} {} {}",
                side(&binary.lhs, false),
                operator(binary),
                side(&binary.rhs, true)
            )
        }
        Expr::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map(|param| line(param) + ", ");
            format!(
                "{}({}{})",
                aggregation(aggregate),
                param.unwrap_or_default(),
                line(&aggregate.expr)
            )
        }
        Expr::Call(call) => {
            let args: Vec<String> = call.args.iter().map(line).collect();
            format!("{}({})", call.function.name, args.join(", "))
        }
    }
}

/// Whether an operand has to stand in brackets to be read as the same operand again.
fn needs_brackets(of: &Binary, operand: &Expr, is_right: bool) -> bool {
    let outer = precedence(of.op);
    match operand {
        Expr::Binary(inner) => {
            let inner = precedence(inner.op);
            // `^` groups to the right, all others to the left.
            let same = if of.op == Operator::Pow {
                !is_right
            } else {
                is_right
            };
            inner < outer || (inner == outer && same)
        }
        Expr::Number(number) => of.op == Operator::Pow && !is_right && number.is_sign_negative(),
        Expr::Negate(_) => of.op == Operator::Pow && !is_right,
        _ => false,
    }
}

fn needs_brackets_in_subquery(inner: &Expr) -> bool {
    matches!(inner, Expr::Binary(_) | Expr::Negate(_))
}

fn precedence(op: Operator) -> u8 {
    match op {
        Operator::Or => 1,
        Operator::And | Operator::Unless => 2,
        op if op.is_comparison() => 3,
        Operator::Add | Operator::Sub => 4,
        Operator::Pow => 6,
        _ => 5,
    }
}

/// An operator with its modifiers.
fn operator(binary: &Binary) -> String {
    let mut out = binary.op.symbol().to_owned();
    if binary.as_bool {
        out.push_str(" bool");
    }
    let matching = &binary.matching;
    if matching.on || !matching.names.is_empty() || matching.group != Group::None {
        let word = if matching.on { "on" } else { "ignoring" };
        let _ = write!(out, " {word} ({})", names(&matching.names));
    }
    match matching.group {
        Group::None => {}
        group => {
            let word = if group == Group::Left {
                "group_left"
            } else {
                "group_right"
            };
            let _ = write!(out, " {word} ({})", names(&matching.include));
        }
    }
    out
}

/// An aggregation up to its arguments.
fn aggregation(aggregate: &Aggregate) -> String {
    let name = Aggregation::name(aggregate.op);
    let grouping = &aggregate.grouping;
    match (grouping.without, grouping.names.is_empty()) {
        (false, true) => name.to_owned(),
        (without, _) => {
            let word = if without { "without" } else { "by" };
            format!("{name} {word} ({}) ", names(&grouping.names))
        }
    }
}

fn names(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|name| word_or_quoted(name)).collect();
    shown.join(", ")
}

fn word_or_quoted(name: &str) -> String {
    let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_word { name.to_owned() } else { quoted(name) }
}

fn selector(matchers: &Matchers) -> String {
    let name = matchers.any.first().and_then(|all| name_of(all));
    let is_shared = name.is_some_and(|name| matchers.any.iter().all(|all| name_of(all) == Some(name)));
    let is_word = name.is_some_and(|name| word_or_quoted(&name.replace(':', "_")) == name.replace(':', "_"));
    let is_outside = is_shared && is_word;
    let mut lists = Vec::new();
    for all in &matchers.any {
        let mut shown = Vec::new();
        for (i, matcher) in all.iter().enumerate() {
            let is_name = i == 0 && name_of(all).is_some();
            match is_name {
                true if is_outside => {}
                true => shown.push(quoted(&matcher.value)),
                false => shown.push(self::matcher(matcher)),
            }
        }
        lists.push(shown.join(","));
    }
    let inside = lists.join(" or ");
    match name.filter(|_| is_outside) {
        Some(name) if inside.is_empty() => name.to_owned(),
        Some(name) => format!("{name}{{{inside}}}"),
        None => format!("{{{inside}}}"),
    }
}

/// The metric's name, if the first matcher says it.
fn name_of(matchers: &[Matcher]) -> Option<&str> {
    let first = matchers.first()?;
    (first.name == METRIC_NAME && first.op == MatchOp::Equal && !first.value.is_empty())
        .then_some(&*first.value)
}

fn matcher(matcher: &Matcher) -> String {
    let name = word_or_quoted(&matcher.name);
    format!("{name}{}{}", symbol(matcher.op), quoted(&matcher.value))
}

fn symbol(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    }
}

/// What stands after what a range is of.
fn window(expr: &Expr) -> String {
    let Expr::Range(range) = expr else {
        return String::new();
    };
    let length = duration(range.range_ms);
    let window = match &range.of {
        RangeOf::Selector(_) => format!("[{length}]"),
        RangeOf::Subquery(_, step) => format!("[{length}:{}]", step.map(duration).unwrap_or_default()),
    };
    window + &shift(range.shift)
}

fn shift(shift: Shift) -> String {
    let mut out = String::new();
    match shift.at {
        At::Step => {}
        At::Start => out.push_str(" @ start()"),
        At::End => out.push_str(" @ end()"),
        At::Time(t_ms) => {
            let _ = write!(out, " @ {:.3}", t_ms as f64 / 1000.0);
        }
    }
    match shift.offset_ms {
        None | Some(0) => {}
        Some(ms) if ms < 0 => {
            let _ = write!(out, " offset -{}", duration(-ms));
        }
        Some(ms) => {
            let _ = write!(out, " offset {}", duration(ms));
        }
    }
    out
}

fn duration(ms: i64) -> String {
    format_duration(Duration::from_millis(ms.unsigned_abs()))
}

/// A text in quotes, as Go writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
