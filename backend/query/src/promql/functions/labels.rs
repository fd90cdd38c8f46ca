//! Functions that change labels: `label_replace`, `label_join`.

use regex::RegexBuilder;

use super::Kind::Vector;
use super::{Function, function, nth};
use crate::promql::EvalError;
use crate::promql::ast::Expr;
use crate::promql::engine::{Engine, Out};
use crate::promql::parse::last_line;
use crate::promql::rows::Grid;
use crate::scan;

pub(super) const FUNCTIONS: &[Function] = &[
    function("label_replace", Vector(label_replace)),
    function("label_join", Vector(label_join)),
];

/// Whether a text is a label name.
pub(crate) fn is_label_name(text: &str) -> bool {
    text.bytes().next().is_some_and(scan::starts_word) && text.bytes().all(scan::continues_word)
}

fn label_replace(engine: &Engine<'_>, args: &[Expr], grid: &Grid) -> Result<Out, EvalError> {
    const NAME: &str = "label_replace";
    let text = |i: usize| engine.eval_text(nth(NAME, args, i)?);
    let (to, replacement, from, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let fail = |reason: String| EvalError::Argument {
        function: NAME,
        reason,
    };
    let regex = RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            fail(format!(
                "invalid regular expression {pattern:?}: {}",
                last_line(&error.to_string())
            ))
        })?;
    if !is_label_name(to) {
        return Err(fail(format!("invalid destination label name {to:?}")));
    }
    let rows = engine.eval_rows(nth(NAME, args, 0)?, grid)?;
    let mut value = String::new();
    rows.relabel(|labels| {
        let Some(captures) = regex.captures(labels.get(from).unwrap_or("")) else {
            return labels.clone();
        };
        value.clear();
        captures.expand(replacement, &mut value);
        let mut builder = labels.to_builder();
        builder.set(to, &value);
        builder.build()
    })
    .map(Out::Rows)
}

fn label_join(engine: &Engine<'_>, args: &[Expr], grid: &Grid) -> Result<Out, EvalError> {
    const NAME: &str = "label_join";
    let to = engine.eval_text(nth(NAME, args, 1)?)?;
    let separator = engine.eval_text(nth(NAME, args, 2)?)?;
    let from = args
        .iter()
        .skip(3)
        .map(|expr| engine.eval_text(expr))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(bad) = from.iter().chain([&to]).find(|name| !is_label_name(name)) {
        return Err(EvalError::Argument {
            function: NAME,
            reason: format!("invalid label name {bad:?}"),
        });
    }
    let rows = engine.eval_rows(nth(NAME, args, 0)?, grid)?;
    rows.relabel(|labels| {
        let values: Vec<&str> = from.iter().map(|name| labels.get(name).unwrap_or("")).collect();
        let mut builder = labels.to_builder();
        builder.set(to, &values.join(separator));
        builder.build()
    })
    .map(Out::Rows)
}
