//! Metrics over lines.
//!
//! Invariant: what is held of the lines is counted against the limits before it is held.
//!
//! A query is a tree of PromQL's evaluator whose leaves are selectors of ranges of lines. First each range is read, once for the whole grid
//! of moments; then the evaluator runs over what came of it. Lines that are only counted become one number for each moment; numbers that were
//! unwrapped become samples, of which the evaluator takes the windows.

mod leaf;
mod slots;

use std::cell::RefCell;

use watchroom_model::{Labels, Matcher, SeriesData};

use super::label_filter::{LabelFilter, Quantity};
use super::query::Pipeline;
use super::{LogError, LogOptions, LogSource};
use crate::promql::ast::{Expr, Grouping, Matchers};
use crate::promql::rows::Grid;
use crate::promql::{self, EvalOptions, Value, WindowBounds};
use crate::{SeriesSource, SourceError};

/// Label whose value tells a selector's range of lines.
const LEAF: &str = "__range__";

/// A query for numbers that has been read.
#[derive(Debug, Clone)]
pub struct MetricQuery {
    query: promql::Query,
    leaves: Vec<Leaf>,
}

/// A range of lines and what is computed of it.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub pipeline: Pipeline,
    pub unwrap: Option<Unwrap>,
    pub kind: LeafKind,
    pub range_ms: i64,
    pub offset_ms: i64,
    /// Labels by which lines are told apart; by all if there is none.
    pub grouping: Option<Grouping>,
}

/// What a line counts for.
#[derive(Debug, Clone)]
pub(crate) enum LeafKind {
    /// One.
    Count,
    /// The bytes of its text.
    Bytes,
    /// It is there; a window without any counts, under these labels.
    Absent(Labels),
    /// The number that is unwrapped.
    Samples,
}

/// `| unwrap x`, and the label filters after it.
#[derive(Debug, Clone)]
pub(crate) struct Unwrap {
    label: String,
    convert: Quantity,
    pub filters: Vec<LabelFilter>,
}

impl Unwrap {
    pub(crate) fn new(label: &str, convert: Quantity) -> Self {
        Self {
            label: label.into(),
            convert,
            filters: Vec::new(),
        }
    }
}

/// Matchers of the selector that stands for a range of lines.
pub(crate) fn leaf_matchers(place: usize) -> Matchers {
    Matchers {
        any: vec![vec![Matcher::equal(LEAF, place.to_string())]],
    }
}

impl MetricQuery {
    pub(crate) fn new(text: &str, expr: Expr, leaves: Vec<Leaf>) -> Self {
        Self {
            query: promql::Query::from_expr(text, expr),
            leaves,
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        self.query.text()
    }

    /// Matchers of each stream selector, from left to right.
    #[must_use]
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        self.leaves
            .iter()
            .map(|leaf| leaf.pipeline.matchers.as_slice())
            .collect()
    }
}

/// Result of a metric query.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricOutput {
    /// The result.
    pub value: Value,
    /// Lines looked at, and the bytes of their texts.
    pub visited: u64,
    /// See `visited`.
    pub visited_bytes: u64,
}

/// Evaluates a query at one moment.
///
/// # Errors
/// [`LogError`] if the query exceeds a limit, is cancelled, a line has an error, or there is no defined result.
pub fn instant(
    query: &MetricQuery,
    source: &(impl LogSource + ?Sized),
    t_ms: i64,
    options: &LogOptions,
) -> Result<MetricOutput, LogError> {
    let read = read(query, source, &Grid::once(t_ms), options)?;
    let output = promql::instant(&query.query, &read.source, t_ms, &read.options)?;
    Ok(read.output(output.value))
}

/// Evaluates a query at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`.
///
/// Shape: always a matrix, series ordered by labels. A window is open on the left: `(t - range, t]`.
///
/// # Errors
/// [`LogError`] as for [`instant`], and for a step that is not positive, an end before the start, and more points than allowed.
pub fn range(
    query: &MetricQuery,
    source: &(impl LogSource + ?Sized),
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &LogOptions,
) -> Result<MetricOutput, LogError> {
    let span = end_ms
        .checked_sub(start_ms)
        .filter(|span| *span >= 0 && step_ms > 0);
    let len = span.map_or(0, |span| span / step_ms + 1);
    // What is not a grid, the evaluator refuses before it asks for a series.
    let len = usize::try_from(len).unwrap_or(0);
    let grid = Grid {
        start_ms,
        step_ms,
        len: if len > options.max_points { 0 } else { len },
    };
    let read = read(query, source, &grid, options)?;
    let output = promql::range(
        &query.query,
        &read.source,
        start_ms,
        end_ms,
        step_ms,
        &read.options,
    )?;
    Ok(read.output(output.value))
}

/// Everything that was read of the lines.
struct Read {
    source: Leaves,
    options: EvalOptions,
    visited: u64,
    visited_bytes: u64,
}

fn read(
    query: &MetricQuery,
    source: &(impl LogSource + ?Sized),
    grid: &Grid,
    options: &LogOptions,
) -> Result<Read, LogError> {
    let mut read = Read {
        source: Leaves(Vec::new()),
        options: EvalOptions {
            // A number that was counted is found at its own moment only.
            lookback: std::time::Duration::from_millis(1),
            window: WindowBounds::LeftOpen,
            max_samples: options.max_samples,
            max_points: options.max_points,
            cancel: options.cancel.clone(),
            ..EvalOptions::default()
        },
        visited: 0,
        visited_bytes: 0,
    };
    if grid.len == 0 {
        return Ok(read);
    }
    let mut held = 0;
    for leaf in &query.leaves {
        let found = leaf.read(source, grid, options, &mut held)?;
        read.visited += found.visited;
        read.visited_bytes += found.visited_bytes;
        read.source.0.push(RefCell::new(found.series));
    }
    Ok(read)
}

impl Read {
    fn output(self, value: Value) -> MetricOutput {
        MetricOutput {
            value,
            visited: self.visited,
            visited_bytes: self.visited_bytes,
        }
    }
}

/// What was read of each range of lines, for the evaluator, which asks for each once.
struct Leaves(Vec<RefCell<Vec<SeriesData>>>);

impl SeriesSource for Leaves {
    fn select(&self, matchers: &[Matcher], _: i64, _: i64) -> Result<Vec<SeriesData>, SourceError> {
        let place = matchers
            .iter()
            .find(|m| m.name == LEAF)
            .and_then(|m| m.value.parse::<usize>().ok());
        let leaf = place.and_then(|place| self.0.get(place));
        Ok(leaf.map(RefCell::take).unwrap_or_default())
    }
}
