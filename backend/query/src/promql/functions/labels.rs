//! Functions that change labels: `label_replace`, `label_join`.

use regex::RegexBuilder;

use super::Kind::Vector;
use super::{Function, arg, function};
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::parse::last_line;
use crate::promql::rows::Grid;
use crate::promql::{EvalError, WindowBounds};
use crate::scan;

pub(super) const FUNCTIONS: &[Function] = &[
    function("label_replace", Vector(label_replace)).takes("vtttt"),
    function("label_join", Vector(label_join)).takes("vttt*"),
];

/// Whether a text is a label name: any but the empty one, as in Prometheus 3.
pub(crate) fn is_label_name(text: &str) -> bool {
    !text.is_empty()
}

/// Whether a text is a label name in the version of Prometheus that the engine follows; in 2 only a word is.
fn is_name_to_write(engine: &Engine<'_>, text: &str) -> bool {
    let is_word =
        || text.bytes().next().is_some_and(scan::starts_word) && text.bytes().all(scan::continues_word);
    is_label_name(text) && (engine.options.window == WindowBounds::LeftOpen || is_word())
}

fn label_replace(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    const NAME: &str = "label_replace";
    let text = |i: usize| engine.eval_text(arg(call, i)?);
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
    if !is_name_to_write(engine, to) {
        return Err(fail(format!("invalid destination label name {to:?}")));
    }
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
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

fn label_join(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    const NAME: &str = "label_join";
    let to = engine.eval_text(arg(call, 1)?)?;
    let separator = engine.eval_text(arg(call, 2)?)?;
    let from = call
        .args
        .iter()
        .skip(3)
        .map(|expr| engine.eval_text(expr))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(bad) = from
        .iter()
        .chain([&to])
        .find(|name| !is_name_to_write(engine, name))
    {
        return Err(EvalError::Argument {
            function: NAME,
            reason: format!("invalid label name {bad:?}"),
        });
    }
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
    rows.relabel(|labels| {
        let values: Vec<&str> = from.iter().map(|name| labels.get(name).unwrap_or("")).collect();
        let mut builder = labels.to_builder();
        builder.set(to, &values.join(separator));
        builder.build()
    })
    .map(Out::Rows)
}
