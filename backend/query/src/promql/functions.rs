//! Functions: a table of them, and one file for each family.
//!
//! Adding one is a row in a family's `FUNCTIONS` and the code beside it.

mod absent;
mod convert;
mod counter;
mod date;
mod histogram;
mod info;
mod labels;
mod math;
mod native;
mod over_time;
mod regression;
mod signature;
mod sort;
mod time;

pub(crate) use labels::is_label_name;
pub(crate) use native::same_histogram;
pub(crate) use over_time::check_quantile;
pub(crate) use signature::Accepts;

use super::ast::{Call, Expr};
use super::engine::{Engine, Out, OverWindow, Window, WithHistograms};
use super::rows::Grid;
use super::{EvalError, ValueType};

/// Name that the grammar knows `holt_winters` by.
pub(crate) const HOLT_WINTERS: &str = "double_exponential_smoothing";

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    pub kind: Kind,
    accepts: Accepts,
}

impl Function {
    /// What it takes.
    pub(crate) fn accepts(&self) -> Accepts {
        self.accepts
    }

    /// The function with other arguments than its kind's usual ones.
    const fn takes(self, accepts: &'static str) -> Self {
        Self {
            accepts: Accepts(accepts),
            ..self
        }
    }
}

/// What a function computes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The numbers of a range; the name is dropped.
    Window(fn(&Window<'_>) -> Option<f64>),
    /// The samples of a range, numbers and histograms alike; the name is dropped.
    AnyWindow(fn(&Window<'_>) -> Option<f64>),
    /// The samples of a range, numbers and histograms alike; the name stays.
    NamedWindow(fn(&Window<'_>) -> Option<f64>),
    /// The samples of a range, with one function for numbers and one for windows with histograms; the name is dropped.
    MixedWindow(
        fn(&Window<'_>) -> Option<f64>,
        fn(&Engine<'_>, &Window<'_>) -> Result<Option<f64>, EvalError>,
    ),
    /// Each value of an instant vector by itself.
    Map(fn(f64) -> f64),
    /// Each value of an instant vector, and scalar arguments; `None` takes it away.
    MapWith(fn(f64, &[f64]) -> Option<f64>),
    /// A part of the date that each value is; the moment of evaluation without an argument.
    Date(fn(&date::Civil) -> f64),
    /// Anything else that gives an instant vector.
    Vector(fn(&Engine<'_>, &Call, &Grid) -> Result<Out, EvalError>),
    /// Anything else that gives a scalar.
    Scalar(fn(&Engine<'_>, &Call, &Grid) -> Result<Out, EvalError>),
}

const fn function(name: &'static str, kind: Kind) -> Function {
    let accepts = match kind {
        Kind::Window(_) | Kind::AnyWindow(_) | Kind::NamedWindow(_) | Kind::MixedWindow(..) => Accepts("m"),
        Kind::Date(_) => Accepts("v?"),
        Kind::Map(_) | Kind::MapWith(_) | Kind::Vector(_) => Accepts("v"),
        Kind::Scalar(_) => Accepts(""),
    };
    Function { name, kind, accepts }
}

static FAMILIES: [&[Function]; 13] = [
    absent::FUNCTIONS,
    convert::FUNCTIONS,
    counter::FUNCTIONS,
    date::FUNCTIONS,
    histogram::FUNCTIONS,
    info::FUNCTIONS,
    labels::FUNCTIONS,
    math::FUNCTIONS,
    native::FUNCTIONS,
    over_time::FUNCTIONS,
    regression::FUNCTIONS,
    sort::FUNCTIONS,
    time::FUNCTIONS,
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

/// What to say of a name that is no function.
pub(crate) fn unknown(name: &str) -> String {
    match similar(name) {
        Some(similar) => format!("unknown function {name:?}, did you mean {similar:?}?"),
        None => format!("unknown function {name:?}"),
    }
}

/// The name that was probably meant.
fn similar(name: &str) -> Option<&'static str> {
    crate::hint::closest(name, names().chain(super::aggregate::NAMES))
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
        Kind::Window(f) => nameless(engine, call, grid, f, WithHistograms::Ignored),
        Kind::AnyWindow(f) => nameless(engine, call, grid, f, WithHistograms::Alike),
        Kind::MixedWindow(f, by) => nameless(engine, call, grid, f, WithHistograms::By(by)),
        Kind::NamedWindow(floats) => {
            let histograms = WithHistograms::Alike;
            over_time::eval(engine, call, grid, OverWindow { floats, histograms }).map(Out::Rows)
        }
        Kind::Map(f) => {
            let mut rows = engine.eval_rows(arg(call, 0)?, grid)?;
            rows.map(f);
            rows.without_name().map(Out::Rows)
        }
        Kind::MapWith(f) => math::with_args(engine, call, grid, f),
        Kind::Date(f) => date::eval(engine, call, grid, f),
        Kind::Vector(f) | Kind::Scalar(f) => f(engine, call, grid),
    }
}

/// A function of a range whose result is no longer the metric.
fn nameless(
    engine: &Engine<'_>,
    call: &Call,
    grid: &Grid,
    floats: fn(&Window<'_>) -> Option<f64>,
    histograms: WithHistograms,
) -> Result<Out, EvalError> {
    let rows = over_time::eval(engine, call, grid, OverWindow { floats, histograms })?;
    counter::check_name(engine, call, &rows);
    rows.without_name().map(Out::Rows)
}

/// An argument that the grammar says is there.
fn arg(call: &Call, i: usize) -> Result<&Expr, EvalError> {
    call.args.get(i).ok_or_else(|| EvalError::Argument {
        function: call.function.name,
        reason: format!("argument {} is missing", i + 1),
    })
}

/// Place of an argument in the query.
fn arg_at(call: &Call, i: usize) -> usize {
    call.args_at.get(i).copied().unwrap_or(call.at)
}
