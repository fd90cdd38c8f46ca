//! Running a log query over a source of lines.

use std::ops::ControlFlow;

use watchroom_model::{LogLine, Matcher};

use super::LogQuery;
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

/// Reads log lines by stream matchers.
pub trait LogSource {
    /// Visits every line of the streams that satisfy all `matchers` and whose time is in `start_ns..end_ns` (end left out),
    /// in `direction`, until `each` breaks.
    ///
    /// # Errors
    /// [`SourceError`] if the store cannot be read.
    fn visit(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
}

/// Lines held in memory.
impl LogSource for [LogLine] {
    fn visit(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let mut lines: Vec<&LogLine> = self
            .iter()
            .filter(|line| (start_ns..end_ns).contains(&line.time_ns))
            .filter(|line| {
                matchers
                    .iter()
                    .all(|m| m.matches(line.stream.get(&m.name).unwrap_or("")))
            })
            .collect();
        lines.sort_by_key(|line| line.time_ns);
        if direction == Direction::Backward {
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

/// Why a log query has no result.
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
}

/// Lines that a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct LogOutput {
    /// The lines, in the order asked for.
    pub lines: Vec<LogLine>,
    /// Lines looked at.
    pub visited: u64,
    /// Whether the limit ended the search before the window's end.
    pub limited: bool,
}

/// Finds up to `limit` lines in `start_ns..end_ns`.
///
/// # Errors
/// [`LogError`] if the source fails or `cancel` says stop.
pub fn evaluate(
    query: &LogQuery,
    source: &(impl LogSource + ?Sized),
    start_ns: u64,
    end_ns: u64,
    direction: Direction,
    limit: usize,
    cancel: &dyn Cancel,
) -> Result<LogOutput, LogError> {
    const CHECK_EVERY: u64 = 1024;
    let mut output = LogOutput {
        lines: Vec::new(),
        visited: 0,
        limited: false,
    };
    let mut stopped: Option<Stop> = cancel.stop();
    if stopped.is_none() && limit > 0 {
        source.visit(&query.matchers, start_ns, end_ns, direction, &mut |line| {
            output.visited += 1;
            if output.visited.is_multiple_of(CHECK_EVERY) {
                stopped = cancel.stop();
                if stopped.is_some() {
                    return ControlFlow::Break(());
                }
            }
            if !query.accepts(line) {
                return ControlFlow::Continue(());
            }
            if output.lines.len() == limit {
                output.limited = true;
                return ControlFlow::Break(());
            }
            output.lines.push(line.clone());
            ControlFlow::Continue(())
        })?;
    }
    match stopped {
        None => Ok(output),
        Some(Stop::Cancelled) => Err(LogError::Cancelled),
        Some(Stop::TimedOut) => Err(LogError::TimedOut),
    }
}
