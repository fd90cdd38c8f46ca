//! The tree in JSON.

use std::fmt::Write as _;

use watchroom_model::Matcher;

use super::{name_of, symbol};
use crate::promql::ast::{At, Binary, Expr, Group, Matchers, RangeOf, Shift};
use crate::promql::{format_value, functions};

/// The tree of an expression.
pub(in crate::promql) fn tree(expr: &Expr) -> String {
    let mut out = String::new();
    node(&mut out, expr);
    out
}

fn node(out: &mut String, expr: &Expr) {
    match expr {
        Expr::Number(number) => {
            let _ = write!(
                out,
                r#"{{"type":"numberLiteral","val":"{}"}}"#,
                format_value(*number)
            );
        }
        Expr::Text(of) => {
            out.push_str(r#"{"type":"stringLiteral","val":"#);
            text(out, of);
            out.push('}');
        }
        Expr::Selector(of) => {
            out.push_str(r#"{"type":"vectorSelector""#);
            selected(out, &of.matchers);
            shifted(out, of.shift);
            out.push('}');
        }
        Expr::Range(range) => {
            match &range.of {
                RangeOf::Selector(matchers) => {
                    out.push_str(r#"{"type":"matrixSelector""#);
                    selected(out, matchers);
                }
                RangeOf::Subquery(inner, step) => {
                    out.push_str(r#"{"type":"subquery","expr":"#);
                    node(out, inner);
                    let _ = write!(out, r#","step":{}"#, step.unwrap_or(0));
                }
            }
            let _ = write!(out, r#","range":{}"#, range.range_ms);
            shifted(out, range.shift);
            out.push('}');
        }
        Expr::Negate(inner) => {
            out.push_str(r#"{"type":"unaryExpr","op":"-","expr":"#);
            node(out, inner);
            out.push('}');
        }
        Expr::Binary(binary) => self::binary(out, binary),
        Expr::Aggregate(of) => {
            let _ = write!(out, r#"{{"type":"aggregation","op":"{}","expr":"#, of.op.name());
            node(out, &of.expr);
            out.push_str(r#","param":"#);
            match &of.param {
                Some(param) => node(out, param),
                None => out.push_str("null"),
            }
            out.push_str(r#","grouping":"#);
            texts(out, &of.grouping.names);
            let _ = write!(out, r#","without":{}}}"#, of.grouping.without);
        }
        Expr::Call(call) => {
            let _ = write!(
                out,
                r#"{{"type":"call","func":{{"name":"{}","returnType":"{}"}},"args":"#,
                call.function.name,
                functions::value_type(call.function)
            );
            list(out, &call.args, node);
            out.push('}');
        }
    }
}

fn binary(out: &mut String, binary: &Binary) {
    let _ = write!(
        out,
        r#"{{"type":"binaryExpr","op":"{}","lhs":"#,
        binary.op.symbol()
    );
    node(out, &binary.lhs);
    out.push_str(r#","rhs":"#);
    node(out, &binary.rhs);
    let matching = &binary.matching;
    let both = [&binary.lhs, &binary.rhs].map(Expr::value_type);
    match both == [crate::promql::ValueType::Vector; 2] {
        false => out.push_str(r#","matching":null"#),
        true => {
            let card = match matching.group {
                _ if binary.op.is_set() => "many-to-many",
                Group::None => "one-to-one",
                Group::Left => "many-to-one",
                Group::Right => "one-to-many",
            };
            let _ = write!(out, r#","matching":{{"card":"{card}","labels":"#);
            texts(out, &matching.names);
            let _ = write!(out, r#","on":{},"include":"#, matching.on);
            texts(out, &matching.include);
            out.push('}');
        }
    }
    let _ = write!(out, r#","bool":{}}}"#, binary.as_bool);
}

/// Name and matchers; of a selector with `or` the lists follow one another, as `any` tells.
fn selected(out: &mut String, matchers: &Matchers) {
    let name = matchers.only().and_then(name_of).unwrap_or("");
    out.push_str(r#","name":"#);
    text(out, name);
    out.push_str(r#","matchers":"#);
    let all: Vec<&Matcher> = matchers.any.iter().flatten().collect();
    list(out, all, |out, matcher| {
        out.push_str(r#"{"type":"#);
        text(out, symbol(matcher.op));
        out.push_str(r#","name":"#);
        text(out, &matcher.name);
        out.push_str(r#","value":"#);
        text(out, &matcher.value);
        out.push('}');
    });
}

fn shifted(out: &mut String, shift: Shift) {
    let (timestamp, bound) = match shift.at {
        At::Step => (None, None),
        At::Time(t_ms) => (Some(t_ms), None),
        At::Start => (None, Some("start")),
        At::End => (None, Some("end")),
    };
    let timestamp = timestamp.map_or_else(|| "null".to_owned(), |t_ms| t_ms.to_string());
    let bound = bound.map_or_else(|| "null".to_owned(), |bound| format!("\"{bound}\""));
    let offset = shift.offset_ms.unwrap_or(0);
    let _ = write!(
        out,
        r#","offset":{offset},"timestamp":{timestamp},"startOrEnd":{bound}"#
    );
}

fn texts(out: &mut String, all: &[String]) {
    list(out, all, |out, one| text(out, one));
}

fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, each: impl Fn(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

fn text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
