//! Functions of native histograms: `histogram_count`, `histogram_sum`, `histogram_avg`, `histogram_stddev`, `histogram_stdvar`; and what
//! functions over a range make of them.
//!
//! Not here: quantiles and fractions, which classic histograms have too.

mod over_time;
pub(crate) mod statistics;

pub(crate) use over_time::same as same_histogram;
pub(super) use over_time::{
    avg_over_time, changes, delta, idelta, increase, irate, rate, resets, sum_over_time,
};

use watchroom_model::NativeHistogram;

use super::Kind::Vector;
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{ABSENT, Grid};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "histogram_count",
        Vector(|engine, call, grid| each(engine, call, grid, |h| h.count)),
    ),
    function(
        "histogram_sum",
        Vector(|engine, call, grid| each(engine, call, grid, |h| h.sum)),
    ),
    function(
        "histogram_avg",
        Vector(|engine, call, grid| each(engine, call, grid, |h| h.sum / h.count)),
    ),
    function(
        "histogram_stdvar",
        Vector(|engine, call, grid| each(engine, call, grid, statistics::variance)),
    ),
    function(
        "histogram_stddev",
        Vector(|engine, call, grid| each(engine, call, grid, |h| statistics::variance(h).sqrt())),
    ),
];

/// A number from each histogram; numbers go.
fn each(
    engine: &Engine<'_>,
    call: &Call,
    grid: &Grid,
    f: fn(&NativeHistogram) -> f64,
) -> Result<Out, EvalError> {
    let mut rows = engine.eval_rows(arg(call, 0)?, grid)?;
    for cell in &mut rows.cells {
        *cell = engine.histogram(*cell).map_or(ABSENT, |histogram| f(&histogram));
    }
    rows.without_name().map(Out::Rows)
}
