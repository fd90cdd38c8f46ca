//! Lines of the head and of many blocks in one order of time.
//!
//! Blocks overlap in time, as senders are late and streams interleave. A block is opened only when the order reaches it, so that a read
//! that stops early has opened few.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use watchroom_model::LogLine;

use super::kind::Lines;
use super::{LogSelect, Logs, matches};
use crate::block::logs::{LogColumns, LogRows};
use crate::blocks::{Batch, BlockRef, Snapshot};
use crate::{Direction, ReadError};

/// Blocks that may be open at once; each costs up to 16 bytes a row, and those beyond [`MAX_LOADED`] no more.
const MAX_OPEN: usize = 2_048;
/// Open blocks of which the lines are in memory.
const MAX_LOADED: usize = 32;

pub(super) struct Merge<'a> {
    logs: &'a Logs,
    select: LogSelect<'a>,
    direction: Direction,
    batches: Vec<Arc<Batch<LogLine>>>,
    /// Blocks not yet opened, the first in order first.
    closed: VecDeque<(usize, BlockRef<Lines>)>,
    cursors: Vec<Cursor>,
    /// Next row of each cursor: place in order, source, cursor.
    next: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// Cursors whose lines are in memory, the longest loaded first.
    loaded: VecDeque<usize>,
    n_open: usize,
}

/// The wanted rows of one source, in order.
struct Cursor {
    source: Source,
    order: u64,
    /// Time, batch (of the head) and row, the next one last.
    rows: Vec<(u64, u32, u32)>,
}

enum Source {
    Head,
    Block(BlockRef<Lines>, Option<(Arc<LogColumns>, Arc<LogRows>)>),
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        logs: &'a Logs,
        select: LogSelect<'a>,
        direction: Direction,
        snapshot: Snapshot<Lines>,
    ) -> Self {
        let mut closed: Vec<_> = snapshot.blocks.into_iter().enumerate().collect();
        match direction {
            Direction::Forward => closed.sort_by_key(|(_, block)| block.meta.min_ns),
            Direction::Backward => closed.sort_by_key(|(_, block)| Reverse(block.meta.max_ns)),
        }
        Self {
            logs,
            select,
            direction,
            batches: snapshot.batches,
            closed: closed.into(),
            cursors: Vec::new(),
            next: BinaryHeap::new(),
            loaded: VecDeque::new(),
            n_open: 0,
        }
    }

    pub(super) fn run(mut self, visit: &mut dyn FnMut(&LogLine) -> ControlFlow<()>) -> Result<(), ReadError> {
        self.open_head();
        loop {
            self.open_blocks()?;
            let Some(Reverse((_, _, at))) = self.next.pop() else {
                return Ok(());
            };
            let Some((_, batch, row)) = self.cursors[at].rows.pop() else {
                continue;
            };
            let flow = match &self.cursors[at].source {
                Source::Head => visit(&self.batches[batch as usize].rows[row as usize]),
                Source::Block(..) => match self.line(at, row as usize) {
                    Some(line) => visit(&line),
                    None => {
                        // The rest of a damaged block is left out.
                        self.cursors[at].rows = Vec::new();
                        ControlFlow::Continue(())
                    }
                },
            };
            if flow.is_break() {
                return Ok(());
            }
            if !self.schedule(at)
                && let Source::Block(_, loaded) = &mut self.cursors[at].source
            {
                *loaded = None;
                self.n_open -= 1;
            }
        }
    }

    /// Where a time stands in the order.
    fn place(&self, time_ns: u64) -> u64 {
        match self.direction {
            Direction::Forward => time_ns,
            Direction::Backward => u64::MAX - time_ns,
        }
    }

    /// Puts a cursor in line by its next row; false if it has none.
    fn schedule(&mut self, at: usize) -> bool {
        let Some((time_ns, _, _)) = self.cursors[at].rows.last() else {
            self.cursors[at].rows = Vec::new();
            return false;
        };
        let entry = (self.place(*time_ns), self.cursors[at].order, at);
        self.next.push(Reverse(entry));
        true
    }

    fn open_head(&mut self) {
        let mut rows = Vec::new();
        for (batch, lines) in self.batches.iter().enumerate() {
            for (row, line) in lines.rows.iter().enumerate() {
                let wanted = (self.select.start_ns..self.select.end_ns).contains(&line.time_ns)
                    && self.select.trace.is_none_or(|trace| line.trace_id == Some(trace))
                    && matches(&line.stream, self.select.matchers);
                if wanted {
                    rows.push((line.time_ns, batch as u32, row as u32));
                }
            }
        }
        // The head is the newest source.
        self.open(Source::Head, u64::MAX, rows);
    }

    /// Opens the blocks that the order has reached.
    fn open_blocks(&mut self) -> Result<(), ReadError> {
        while let Some((_, block)) = self.closed.front() {
            let first = match self.direction {
                Direction::Forward => block.meta.min_ns,
                Direction::Backward => block.meta.max_ns,
            };
            let reached = self
                .next
                .peek()
                .is_none_or(|Reverse((place, _, _))| self.place(first) <= *place);
            if !reached {
                break;
            }
            if self.n_open >= MAX_OPEN {
                return Err(ReadError::TooScattered { limit: MAX_OPEN });
            }
            let Some((order, block)) = self.closed.pop_front() else {
                break;
            };
            let Some(columns) = self.logs.columns(&block) else {
                continue;
            };
            let rows = self.wanted_rows(&columns);
            if !rows.is_empty() {
                self.n_open += 1;
                self.open(Source::Block(block, None), order as u64, rows);
            }
        }
        Ok(())
    }

    fn wanted_rows(&self, columns: &LogColumns) -> Vec<(u64, u32, u32)> {
        let streams: Vec<bool> = columns
            .streams()
            .iter()
            .map(|labels| matches(labels, self.select.matchers))
            .collect();
        let contexts = match self.select.trace {
            Some(trace) => match columns.contexts_of(trace) {
                Some(contexts) => Some(contexts),
                None => return Vec::new(),
            },
            None => None,
        };
        (0..columns.len())
            .filter(|i| {
                streams[columns.stream(*i)]
                    && (self.select.start_ns..self.select.end_ns).contains(&columns.time_ns(*i))
                    && contexts
                        .as_ref()
                        .is_none_or(|contexts| contexts.get(columns.context(*i)) == Some(&true))
            })
            .map(|i| (columns.time_ns(i), 0, i as u32))
            .collect()
    }

    fn open(&mut self, source: Source, order: u64, mut rows: Vec<(u64, u32, u32)>) {
        // Stable, so that lines of one time stay in order of arrival; the next row is taken from the end.
        rows.sort_by_key(|(time_ns, _, _)| *time_ns);
        let order = match self.direction {
            Direction::Forward => {
                rows.reverse();
                order
            }
            Direction::Backward => u64::MAX - order,
        };
        self.cursors.push(Cursor { source, order, rows });
        self.schedule(self.cursors.len() - 1);
    }

    /// A line of an open block; nothing if the block is damaged.
    fn line(&mut self, at: usize, row: usize) -> Option<LogLine> {
        let is_loaded = matches!(self.cursors[at].source, Source::Block(_, Some(_)));
        if !is_loaded {
            if self.loaded.len() >= MAX_LOADED
                && let Some(oldest) = self.loaded.pop_front()
                && let Source::Block(_, loaded) = &mut self.cursors[oldest].source
            {
                *loaded = None;
            }
            self.loaded.push_back(at);
        }
        let Source::Block(block, loaded) = &mut self.cursors[at].source else {
            return None;
        };
        if loaded.is_none() {
            *loaded = self.logs.parts(block);
        }
        let (columns, rows) = loaded.as_ref()?;
        match rows.line(columns, row) {
            Ok(line) => Some(line),
            Err(error) => {
                self.logs.damaged_row(block, error);
                None
            }
        }
    }
}
