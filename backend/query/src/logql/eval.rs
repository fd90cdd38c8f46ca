//! Running a query for lines over a source of them.

use std::ops::ControlFlow;

use watchroom_model::{LogLine, Matcher};

use super::row::Scratch;
use super::{Entry, LogOptions, LogQuery};
use crate::promql::EvalError;
use crate::{Cancel, SourceError, Stop};

/// Order in which lines are visited and returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first, Loki's default.
    #[default]
    Backward,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy)]
pub struct LogWindow<'a> {
    /// What the labels of the stream have to satisfy.
    pub matchers: &'a [Matcher],
    /// Earliest time, inclusive.
    pub start_ns: u64,
    /// Latest time, exclusive.
    pub end_ns: u64,
    /// Order.
    pub direction: Direction,
    /// A text that a line has to have in it; a source may pass over lines that do not, and need not.
    pub text: Option<&'a str>,
}

/// Reads log lines by stream matchers.
pub trait LogSource {
    /// Visits every line that `window` wants, in its direction, until `each` breaks.
    ///
    /// # Errors
    /// [`SourceError`] if the store cannot be read.
    fn visit(
        &self,
        window: &LogWindow<'_>,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
}

/// Lines held in memory.
impl LogSource for [LogLine] {
    fn visit(
        &self,
        window: &LogWindow<'_>,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let mut lines: Vec<&LogLine> = self
            .iter()
            .filter(|line| (window.start_ns..window.end_ns).contains(&line.time_ns))
            .filter(|line| {
                window
                    .matchers
                    .iter()
                    .all(|m| m.matches(line.stream.get(&m.name).unwrap_or("")))
            })
            .collect();
        lines.sort_by_key(|line| line.time_ns);
        if window.direction == Direction::Backward {
            lines.reverse();
        }
        for line in lines {
            if each(line).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Why a query has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store failed.
    #[error("cannot read log lines")]
    Source(#[from] SourceError),
    /// The caller cancelled.
    #[error("query was cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("query timed out")]
    TimedOut,
    /// A stage of a metric query could not do its work on a line.
    #[error(
        "pipeline error: {kind:?} for series {series}: {details}. Use a label filter to skip such lines, \
         e.g. | __error__!={kind:?}, or | __error__=\"\" to skip all lines with an error"
    )]
    Pipeline {
        /// Value of `__error__`.
        kind: String,
        /// Value of `__error_details__`.
        details: String,
        /// Labels of the line.
        series: String,
    },
    /// A range of lines makes too many series.
    #[error(
        "query would make more than {limit} series; aggregate by fewer labels, or leave labels out with | drop or | keep"
    )]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// A metric query would hold too much.
    #[error(
        "query would hold more than {limit} samples in memory; narrow the selector, the range or the step"
    )]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// What comes after reading the lines failed.
    #[error(transparent)]
    Eval(EvalError),
}

impl From<EvalError> for LogError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Cancelled => Self::Cancelled,
            EvalError::TimedOut => Self::TimedOut,
            other => Self::Eval(other),
        }
    }
}

impl From<Stop> for LogError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Cancelled,
            Stop::TimedOut => Self::TimedOut,
        }
    }
}

/// Lines that a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct LogOutput {
    /// The lines, in the order asked for.
    pub entries: Vec<Entry>,
    /// Lines looked at, and the bytes of their texts.
    pub visited: u64,
    /// See `visited`.
    pub visited_bytes: u64,
    /// Whether the limit ended the search before the window's end.
    pub limited: bool,
}

/// Finds lines in `start_ns..end_ns`.
///
/// # Errors
/// [`LogError`] if the source fails or the caller says stop.
pub fn evaluate(
    query: &LogQuery,
    source: &(impl LogSource + ?Sized),
    start_ns: u64,
    end_ns: u64,
    options: &LogOptions,
) -> Result<LogOutput, LogError> {
    let mut output = LogOutput {
        entries: Vec::new(),
        visited: 0,
        visited_bytes: 0,
        limited: false,
    };
    if options.limit == 0 {
        return Ok(output);
    }
    let mut scratch = Scratch::default();
    let mut last_ns: Option<u64> = None;
    let window = LogWindow {
        matchers: query.matchers(),
        start_ns,
        end_ns,
        direction: options.direction,
        text: query.pipeline.required_text(),
    };
    let mut watch = Watch::new(&*options.cancel)?;
    let result = source.visit(&window, &mut |line| {
        output.visited += 1;
        output.visited_bytes += line.body.len() as u64;
        watch.go_on()?;
        let too_soon = last_ns.is_some_and(|last| last.abs_diff(line.time_ns) < options.interval_ns);
        if too_soon {
            return ControlFlow::Continue(());
        }
        let Some(entry) = query.entry(line, &mut scratch, options.now_ns) else {
            return ControlFlow::Continue(());
        };
        if output.entries.len() == options.limit {
            output.limited = true;
            return ControlFlow::Break(());
        }
        last_ns = Some(line.time_ns);
        output.entries.push(entry);
        ControlFlow::Continue(())
    });
    watch.result(result)?;
    Ok(output)
}

/// Asks now and then whether to go on.
pub(crate) struct Watch<'a> {
    cancel: &'a dyn Cancel,
    visited: u64,
    stopped: Option<Stop>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(cancel: &'a dyn Cancel) -> Result<Self, LogError> {
        match cancel.stop() {
            Some(stop) => Err(stop.into()),
            None => Ok(Self {
                cancel,
                visited: 0,
                stopped: None,
            }),
        }
    }

    /// To be called for each line.
    pub(crate) fn go_on(&mut self) -> ControlFlow<()> {
        const CHECK_EVERY: u64 = 1024;
        self.visited += 1;
        if self.visited.is_multiple_of(CHECK_EVERY) {
            self.stopped = self.cancel.stop();
        }
        match self.stopped {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    pub(crate) fn result(&self, visited: Result<(), SourceError>) -> Result<(), LogError> {
        match self.stopped {
            Some(stop) => Err(stop.into()),
            None => Ok(visited?),
        }
    }
}
