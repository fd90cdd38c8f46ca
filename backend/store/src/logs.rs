//! Log lines: in order of time by stream or trace, and which streams there are.
//!
//! Not here: how lines are kept, which they share with spans; and what a line says.

mod kind;
mod merge;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rustc_hash::FxHashSet;
use watchroom_model::{Labels, LogLine, Matcher, TraceId};

use crate::blocks::BlockStore;
use crate::sync::read;
use crate::{Direction, ReadError};

pub(crate) use kind::Lines;

/// The log lines of a store.
pub(crate) type Logs = BlockStore<Lines>;

/// Which lines a read is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSelect<'a> {
    pub(crate) matchers: &'a [Matcher],
    pub(crate) trace: Option<TraceId>,
    /// Inclusive.
    pub(crate) start_ns: u64,
    /// Exclusive.
    pub(crate) end_ns: u64,
}

impl Logs {
    pub(crate) fn visit(
        &self,
        select: LogSelect<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let Some(last_ns) = select
            .end_ns
            .checked_sub(1)
            .filter(|last| *last >= select.start_ns)
        else {
            return Ok(());
        };
        let wanted = self.wanted_streams(select.matchers);
        let snapshot = self.snapshot(select.start_ns, last_ns, |summary| summary.may_have(&wanted));
        merge::Merge::new(self, select, direction, snapshot).run(visit)
    }

    pub(crate) fn streams(&self, matchers: &[Matcher], start_ns: u64, end_ns: u64) -> Vec<Labels> {
        let Some(last_ns) = end_ns.checked_sub(1).filter(|last| *last >= start_ns) else {
            return Vec::new();
        };
        let wanted = self.wanted_streams(matchers);
        let snapshot = self.snapshot(start_ns, last_ns, |summary| summary.may_have(&wanted));
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        let mut seen: FxHashSet<Labels> = FxHashSet::default();
        for line in snapshot.batches.iter().flat_map(|batch| &batch.rows) {
            if (start_ns..end_ns).contains(&line.time_ns) && seen.insert(line.stream.clone()) {
                found.insert(line.stream.clone());
            }
        }
        for block in &snapshot.blocks {
            match &block.meta.summary.streams {
                Some(ids) => {
                    let names = read(&self.names);
                    found.extend(ids.iter().filter_map(|id| names.get(*id)).cloned());
                }
                None => {
                    if let Some(columns) = self.columns(block) {
                        found.extend(columns.streams().iter().cloned());
                    }
                }
            }
        }
        found.retain(|labels| matches(labels, matchers));
        found.into_iter().collect()
    }

    /// By number of stream: whether it matches.
    fn wanted_streams(&self, matchers: &[Matcher]) -> Vec<bool> {
        read(&self.names)
            .iter()
            .map(|labels| matches(labels, matchers))
            .collect()
    }
}

/// Whether a label set satisfies every matcher.
fn matches(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
}
