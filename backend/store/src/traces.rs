//! Spans: traces by id, traces by what their spans are like, services and operations.
//!
//! Not here: how spans are kept, which they share with log lines.

mod kind;
mod scan;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use watchroom_model::{Span, SpanKind, TraceId};

use crate::block::spans::kind;
use crate::blocks::BlockStore;
use crate::sync::read;
use kind::trace_key;

pub(crate) use kind::{Spans, attributes_memory};
pub use scan::Scanned;

/// The spans of a store.
pub(crate) type Traces = BlockStore<Spans>;

impl Traces {
    /// Every span of a trace, by start. A span that came twice is shown once.
    pub(crate) fn trace(&self, id: TraceId) -> Vec<Span> {
        let snapshot = self.snapshot_by_key(trace_key(id));
        let rows = snapshot.batches.iter().flat_map(|batch| &batch.rows);
        let mut spans: Vec<Span> = rows.filter(|span| span.trace_id == id).cloned().collect();
        for block in &snapshot.blocks {
            let Some((columns, rows)) = self.parts(block) else {
                continue;
            };
            for (trace, range) in columns.traces().filter(|(trace, _)| *trace == id) {
                for i in range {
                    match rows.span(&columns, trace, i) {
                        Ok(span) => spans.push(span),
                        Err(error) => {
                            self.damaged_row(block, error);
                            break;
                        }
                    }
                }
            }
        }
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        spans.dedup();
        spans
    }

    pub(crate) fn services(&self) -> Vec<String> {
        let mut services: BTreeSet<String> = BTreeSet::new();
        self.each_operation(|service, _, _| {
            if !services.contains(service) {
                services.insert(service.to_owned());
            }
        });
        services.into_iter().collect()
    }

    pub(crate) fn operations(&self, service: &str) -> Vec<(String, SpanKind)> {
        let mut kinds: BTreeMap<String, u8> = BTreeMap::new();
        self.each_operation(|of, name, bits| {
            if of == service {
                match kinds.get_mut(name) {
                    Some(known) => *known |= bits,
                    None => {
                        kinds.insert(name.to_owned(), bits);
                    }
                }
            }
        });
        let each_kind = |(name, bits): (String, u8)| {
            (0..8)
                .filter(move |code| bits >> code & 1 == 1)
                .map(move |code| (name.clone(), kind(code)))
        };
        kinds.into_iter().flat_map(each_kind).collect()
    }

    /// Shows each service and operation with the kinds of its spans, one bit each; some come again and again.
    fn each_operation(&self, mut visit: impl FnMut(&str, &str, u8)) {
        let mut kinds: Vec<u8> = Vec::new();
        self.each_summary(|block| {
            for operation in block.summary.operations.iter().flatten() {
                let at = operation.id as usize;
                if at >= kinds.len() {
                    kinds.resize(at + 1, 0);
                }
                kinds[at] |= operation.kinds;
            }
        });
        {
            let names = read(&self.names);
            for (id, bits) in kinds.into_iter().enumerate().filter(|(_, bits)| *bits != 0) {
                if let Some((service, name)) = names.get(id) {
                    visit(service, name, bits);
                }
            }
        }
        for batch in self.snapshot(0, u64::MAX, |_| false).batches {
            for span in &batch.rows {
                visit(&span.resource.service, &span.name, kind::kind_bit(span.kind));
            }
        }
    }
}
