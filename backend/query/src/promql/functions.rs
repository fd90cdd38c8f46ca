//! Functions: a table of them, and one file for each family.
//!
//! Adding one is a row in a family's `FUNCTIONS` and the code beside it.

mod absent;
mod convert;
mod counter;
mod date;
mod histogram;
mod labels;
mod math;
mod over_time;
mod regression;
mod sort;
mod time;

pub(crate) use labels::is_label_name;
pub(crate) use over_time::check_quantile;

use super::ast::{Call, Expr};
use super::engine::{Engine, Out, Window};
use super::rows::Grid;
use super::{EvalError, ValueType};

/// Name that the grammar knows `holt_winters` by.
pub(crate) const HOLT_WINTERS: &str = "double_exponential_smoothing";

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a function computes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The samples of a range; the name is dropped.
    Window(fn(&Window<'_>) -> Option<f64>),
    /// The samples of a range; the name stays.
    NamedWindow(fn(&Window<'_>) -> Option<f64>),
    /// Each value of an instant vector by itself.
    Map(fn(f64) -> f64),
    /// Each value of an instant vector, and scalar arguments; `None` takes it away.
    MapWith(fn(f64, &[f64]) -> Option<f64>),
    /// A part of the date that each value is; the moment of evaluation without an argument.
    Date(fn(&date::Civil) -> f64),
    /// Anything else that gives an instant vector.
    Vector(fn(&Engine<'_>, &[Expr], &Grid) -> Result<Out, EvalError>),
    /// Anything else that gives a scalar.
    Scalar(fn(&Engine<'_>, &[Expr], &Grid) -> Result<Out, EvalError>),
}

const fn function(name: &'static str, kind: Kind) -> Function {
    Function { name, kind }
}

static FAMILIES: [&[Function]; 11] = [
    absent::FUNCTIONS,
    convert::FUNCTIONS,
    counter::FUNCTIONS,
    date::FUNCTIONS,
    histogram::FUNCTIONS,
    labels::FUNCTIONS,
    math::FUNCTIONS,
    over_time::FUNCTIONS,
    regression::FUNCTIONS,
    sort::FUNCTIONS,
    time::FUNCTIONS,
];

/// Functions that the grammar knows and that are not there yet.
const NOT_YET: [&str; 19] = [
    "end",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "info",
    "integral",
    "max_of",
    "min_of",
    "range",
    "start",
    "start_timestamp",
    "step",
    "limit_ratio",
    "histogram_bucket",
    "xrate",
];

fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// Names of the functions there are.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|function| function.name)
}

/// Finds a function.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// Whether the name is part of the language but not there yet.
pub(crate) fn not_yet(name: &str) -> bool {
    NOT_YET.contains(&name)
}

/// The name that was probably meant.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let candidates = names().chain(super::aggregate::NAMES);
    let (distance, best) = candidates.map(|known| (distance(&lower, known), known)).min()?;
    (distance <= (name.len() / 3).clamp(1, 3)).then_some(best)
}

/// Single-character edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Type of a function's result.
pub(crate) fn value_type(function: &Function) -> ValueType {
    match function.kind {
        Kind::Scalar(_) => ValueType::Scalar,
        _ => ValueType::Vector,
    }
}

/// Evaluates a call.
pub(crate) fn eval(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    match call.function.kind {
        Kind::Window(f) => over_time::eval(engine, call, grid, f)?
            .without_name()
            .map(Out::Rows),
        Kind::NamedWindow(f) => over_time::eval(engine, call, grid, f).map(Out::Rows),
        Kind::Map(f) => {
            let mut rows = engine.eval_rows(arg(call, 0)?, grid)?;
            rows.map(f);
            rows.without_name().map(Out::Rows)
        }
        Kind::MapWith(f) => math::with_args(engine, call, grid, f),
        Kind::Date(f) => date::eval(engine, call, grid, f),
        Kind::Vector(f) | Kind::Scalar(f) => f(engine, &call.args, grid),
    }
}

/// An argument that the grammar says is there.
fn arg(call: &Call, i: usize) -> Result<&Expr, EvalError> {
    nth(call.function.name, &call.args, i)
}

fn nth<'a>(function: &'static str, args: &'a [Expr], i: usize) -> Result<&'a Expr, EvalError> {
    args.get(i).ok_or_else(|| EvalError::Argument {
        function,
        reason: format!("argument {} is missing", i + 1),
    })
}
