//! `absent`, `absent_over_time`: 1 where there is nothing.

use watchroom_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use super::Kind::Vector;
use super::{Function, arg, arg_at, function};
use crate::promql::EvalError;
use crate::promql::ast::{Call, Expr, Matchers, RangeOf};
use crate::promql::engine::{Engine, Out, OverWindow, WithHistograms};
use crate::promql::rows::{Grid, Rows, present};

pub(super) const FUNCTIONS: &[Function] = &[
    function("absent", Vector(absent)),
    function("absent_over_time", Vector(absent_over_time)).takes("m"),
];

fn absent(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let expr = arg(call, 0)?;
    let rows = engine.eval_rows(expr, grid)?;
    let labels = match expr {
        Expr::Selector(selector) => labels_of(&selector.matchers),
        _ => Labels::empty(),
    };
    complement(engine, &rows, labels)
}

fn absent_over_time(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let range = match arg(call, 0)? {
        Expr::Range(range) => range,
        other => {
            return Err(EvalError::InvalidType {
                got: other.value_type(),
            });
        }
    };
    let any = OverWindow {
        floats: |_| Some(1.0),
        histograms: WithHistograms::Alike,
    };
    let rows = engine.windows((range, arg_at(call, 0)), &[], false, grid, any)?;
    let labels = match &range.of {
        RangeOf::Selector(matchers) => labels_of(matchers),
        RangeOf::Subquery(..) => Labels::empty(),
    };
    complement(engine, &rows, labels)
}

/// Labels that a series missing for these matchers would surely have.
fn labels_of(matchers: &Matchers) -> Labels {
    let matchers = matchers.only().unwrap_or_default();
    let named_once = |m: &&Matcher| {
        m.op == MatchOp::Equal
            && m.name != METRIC_NAME
            && matchers.iter().filter(|other| other.name == m.name).count() == 1
    };
    Labels::from_pairs(matchers.iter().filter(named_once).map(|m| (&m.name, &m.value)))
}

fn complement(engine: &Engine<'_>, rows: &Rows, labels: Labels) -> Result<Out, EvalError> {
    let mut out = Rows::new(rows.steps, &engine.budget);
    for (step, cell) in out.push(labels)?.iter_mut().enumerate() {
        if !(0..rows.len()).any(|i| present(rows.row(i)[step])) {
            *cell = 1.0;
        }
    }
    Ok(Out::Rows(out))
}
