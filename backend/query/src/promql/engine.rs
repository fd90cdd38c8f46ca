//! Evaluation of a tree over a grid of moments.
//!
//! Invariant: each node is evaluated once for the whole grid, each selector reads the source once; a level of the tree is one
//! level of recursion, and `ast::MAX_DEPTH` bounds it.

mod histograms;
mod notes;
mod select;
mod window;

pub(crate) use window::{OverWindow, Window, WithHistograms};

use watchroom_model::{Labels, Sample, SeriesData};

use super::ast::Expr;
use super::budget::{Budget, Charge};
use super::parse::Times;
use super::rows::{ABSENT, Grid, Rows, is_histogram, is_number, present};
use super::{EvalError, EvalOptions, Query, QueryOutput, Value, ValueType, aggregate, binary, functions};
use crate::SeriesSource;
use histograms::Held;
use notes::Notes;

/// Evaluates a query at one moment.
///
/// # Errors
/// [`EvalError`] if the query exceeds a limit, is cancelled, or has no defined result on this data.
pub fn instant(
    query: &Query,
    source: &dyn SeriesSource,
    t_ms: i64,
    options: &EvalOptions,
) -> Result<QueryOutput, EvalError> {
    let grid = Grid::once(t_ms);
    let times = Times {
        step_ms: 0,
        range_ms: 0,
    };
    let timed = query.with_times(times)?;
    let query = timed.as_ref().unwrap_or(query);
    let engine = Engine::new(source, options, query.text(), times, t_ms);
    let value = if let Expr::Range(range) = &query.expr {
        let mut series = engine.windows_of(range, &grid)?;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series.iter_mut().for_each(|one| engine.unbox_histograms(one));
        Value::Matrix(series)
    } else {
        match engine.eval(&query.expr, &grid)? {
            Out::Scalar(scalar) => Value::Scalar(Sample {
                t_ms,
                value: scalar.values[0],
            }),
            Out::Text(text) => Value::String { t_ms, text },
            Out::Rows(rows) => {
                let mut vector = Vec::with_capacity(rows.len());
                for (labels, cell) in rows.labels.iter().zip(&rows.cells) {
                    if present(*cell) {
                        vector.push((labels.clone(), engine.point(t_ms, *cell)));
                    }
                }
                Value::Vector(vector)
            }
        }
    };
    Ok(engine.output(value))
}

/// Evaluates a query at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`.
///
/// Shape: always a matrix, series ordered by labels, points only at those moments.
///
/// # Errors
/// [`EvalError`] as for [`instant`], and for a step that is not positive, an end before the start, more points than
/// allowed, and a query that is a string or a range vector.
pub fn range(
    query: &Query,
    source: &dyn SeriesSource,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &EvalOptions,
) -> Result<QueryOutput, EvalError> {
    let invalid = |reason: &str| EvalError::InvalidRange {
        reason: reason.into(),
    };
    if step_ms <= 0 {
        return Err(invalid("step must be greater than 0"));
    }
    if end_ms < start_ms {
        return Err(invalid("end must not be before start"));
    }
    if !matches!(query.value_type(), ValueType::Scalar | ValueType::Vector) {
        return Err(EvalError::InvalidType {
            got: query.value_type(),
        });
    }
    let span = end_ms
        .checked_sub(start_ms)
        .ok_or_else(|| invalid("start and end are too far apart"))?;
    let grid = Grid {
        start_ms,
        step_ms,
        len: points("range query", span, step_ms, options.max_points)?,
    };
    let times = Times {
        step_ms,
        range_ms: span,
    };
    let timed = query.with_times(times)?;
    let query = timed.as_ref().unwrap_or(query);
    let engine = Engine::new(source, options, query.text(), times, start_ms);
    let mut matrix = match engine.eval(&query.expr, &grid)? {
        Out::Scalar(scalar) => {
            let samples = grid
                .times()
                .zip(&scalar.values)
                .map(|(t_ms, v)| Sample { t_ms, value: *v })
                .collect();
            vec![SeriesData::floats(Labels::empty(), samples)]
        }
        Out::Rows(rows) => to_series(&rows, &grid),
        Out::Text(_) => Vec::new(),
    };
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    matrix.iter_mut().for_each(|one| engine.unbox_histograms(one));
    Ok(engine.output(Value::Matrix(matrix)))
}

/// Number of steps in `span_ms`, both ends included.
fn points(what: &'static str, span_ms: i64, step_ms: i64, limit: usize) -> Result<usize, EvalError> {
    let points = (span_ms / step_ms) as u64 + 1;
    match usize::try_from(points) {
        Ok(len) if len <= limit => Ok(len),
        _ => Err(EvalError::TooManyPoints { what, points, limit }),
    }
}

/// Rows as series; rows without a value are left out.
fn to_series(rows: &Rows, grid: &Grid) -> Vec<SeriesData> {
    let mut series = Vec::with_capacity(rows.len());
    for (i, labels) in rows.labels.iter().enumerate() {
        let cells = rows.row(i).iter().enumerate().filter(|(_, v)| present(**v));
        let samples: Vec<Sample> = cells
            .map(|(i, v)| Sample {
                t_ms: grid.time(i),
                value: *v,
            })
            .collect();
        if !samples.is_empty() {
            series.push(SeriesData::floats(labels.clone(), samples));
        }
    }
    series
}

/// Result of a node.
pub(crate) enum Out {
    Scalar(Scalar),
    Text(String),
    Rows(Rows),
}

/// A number for each step.
pub(crate) struct Scalar {
    pub values: Vec<f64>,
    _charge: Charge,
}

/// One evaluation.
pub(crate) struct Engine<'a> {
    source: &'a dyn SeriesSource,
    pub options: &'a EvalOptions,
    pub budget: Budget,
    /// Text of the query, for the places that notes are about.
    text: &'a str,
    /// First and last moment of the query, for `@ start()` and `@ end()`.
    pub bounds: (i64, i64),
    /// Step and range of the query.
    pub times: Times,
    held: Held,
    notes: Notes,
}

impl<'a> Engine<'a> {
    fn new(
        source: &'a dyn SeriesSource,
        options: &'a EvalOptions,
        text: &'a str,
        times: Times,
        start_ms: i64,
    ) -> Self {
        let budget = Budget::new(options.max_samples, options.cancel.clone());
        Self {
            source,
            options,
            held: Held::new(&budget),
            budget,
            text,
            bounds: (start_ms, start_ms + times.range_ms),
            times,
            notes: Notes::default(),
        }
    }

    fn output(self, value: Value) -> QueryOutput {
        let (warnings, infos) = self.notes.into_parts(self.text);
        QueryOutput {
            value,
            warnings,
            infos,
        }
    }

    /// Says of a byte of the query something that probably makes the result wrong.
    pub(crate) fn warn(&self, at: usize, message: String) {
        self.notes.warn(at, message);
    }

    /// Says of a byte of the query something that may surprise.
    pub(crate) fn info(&self, at: usize, message: String) {
        self.notes.info(at, message);
    }

    /// Evaluates a node.
    pub(crate) fn eval(&self, expr: &Expr, grid: &Grid) -> Result<Out, EvalError> {
        self.budget.check()?;
        let base = self.n_held();
        let mut out = self.eval_node(expr, grid)?;
        self.settle(base, &mut out);
        Ok(out)
    }

    fn eval_node(&self, expr: &Expr, grid: &Grid) -> Result<Out, EvalError> {
        match expr {
            Expr::Number(number) => self.scalar(vec![*number; grid.len]),
            Expr::Text(text) => Ok(Out::Text(text.clone())),
            Expr::Selector(selector) => self.instant_rows(selector, grid, |s| s.value).map(Out::Rows),
            Expr::Range(_) => Err(EvalError::InvalidType {
                got: ValueType::Matrix,
            }),
            Expr::Negate(inner) => self.negate(inner, grid),
            Expr::Binary(node) => binary::eval(self, node, grid),
            Expr::Aggregate(node) => aggregate::eval(self, node, grid).map(Out::Rows),
            Expr::Call(call) => functions::eval(self, call, grid),
        }
    }

    /// Evaluates a node that is an instant vector.
    pub(crate) fn eval_rows(&self, expr: &Expr, grid: &Grid) -> Result<Rows, EvalError> {
        match self.eval(expr, grid)? {
            Out::Rows(rows) => Ok(rows),
            Out::Scalar(_) => Err(EvalError::InvalidType {
                got: ValueType::Scalar,
            }),
            Out::Text(_) => Err(EvalError::InvalidType {
                got: ValueType::String,
            }),
        }
    }

    /// Evaluates a node that is a scalar.
    pub(crate) fn eval_scalar(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(expr, grid)? {
            Out::Scalar(scalar) => Ok(scalar.values),
            Out::Rows(_) => Err(EvalError::InvalidType {
                got: ValueType::Vector,
            }),
            Out::Text(_) => Err(EvalError::InvalidType {
                got: ValueType::String,
            }),
        }
    }

    /// The text of a node that is a string.
    pub(crate) fn eval_text<'e>(&self, expr: &'e Expr) -> Result<&'e str, EvalError> {
        match expr {
            Expr::Text(text) => Ok(text),
            other => Err(EvalError::InvalidType {
                got: other.value_type(),
            }),
        }
    }

    /// A scalar result.
    pub(crate) fn scalar(&self, values: Vec<f64>) -> Result<Out, EvalError> {
        let charge = self.budget.charge(values.len())?;
        Ok(Out::Scalar(Scalar {
            values,
            _charge: charge,
        }))
    }

    fn negate(&self, inner: &Expr, grid: &Grid) -> Result<Out, EvalError> {
        match self.eval(inner, grid)? {
            Out::Rows(mut rows) => {
                for cell in &mut rows.cells {
                    *cell = match *cell {
                        number if is_number(number) => -number,
                        cell if is_histogram(cell) => match self.histogram(cell) {
                            Some(histogram) => self.hold(histogram.scale(-1.0))?,
                            None => ABSENT,
                        },
                        _ => ABSENT,
                    };
                }
                rows.without_name().map(Out::Rows)
            }
            Out::Scalar(mut scalar) => {
                scalar.values.iter_mut().for_each(|v| *v = -*v);
                Ok(Out::Scalar(scalar))
            }
            Out::Text(text) => Ok(Out::Text(text)),
        }
    }
}
