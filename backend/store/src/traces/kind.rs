//! Spans as rows of blocks, and what is known of a block of them: which operations it has, and how long the slowest of each took.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchroom_model::{AttrValue, Attributes, Span, SpanKind, TraceId};
use xxhash_rust::xxh3::xxh3_64;

use crate::block::{Parts, filter, spans};
use crate::blocks::Kind;
use crate::codec::{Corrupt, Reader, put_str, put_uvarint};
use crate::engine::Signal;

/// Operations told of one block; a block with more is looked into whatever is searched.
const MAX_OPERATIONS: usize = 512;
/// Operations known by number over all blocks.
const MAX_NAMES: usize = 50_000;

/// Spans.
#[derive(Debug)]
pub(crate) struct Spans;

/// What is known of a block of spans.
#[derive(Debug)]
pub(crate) struct SpanSummary {
    /// Not known if there are too many.
    pub(super) operations: Option<Box<[Operation]>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// Number in [`OperationNames`].
    pub(super) id: u32,
    /// One bit for each kind.
    pub(super) kinds: u8,
    pub(super) max_duration_ns: u64,
}

/// Services and operations by number.
#[derive(Debug, Default)]
pub(crate) struct OperationNames {
    ids: FxHashMap<(Arc<str>, Arc<str>), u32>,
    list: Vec<(Arc<str>, Arc<str>)>,
}

impl OperationNames {
    fn id(&mut self, service: &str, name: &str) -> Option<u32> {
        let key = (Arc::from(service), Arc::from(name));
        if let Some(id) = self.ids.get(&key) {
            return Some(*id);
        }
        if self.list.len() >= MAX_NAMES {
            return None;
        }
        let id = self.list.len() as u32;
        self.list.push(key.clone());
        self.ids.insert(key, id);
        Some(id)
    }

    pub(super) fn get(&self, id: usize) -> Option<&(Arc<str>, Arc<str>)> {
        self.list.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.list.iter()
    }
}

pub(super) fn kind_bit(kind: SpanKind) -> u8 {
    1 << spans::kind_code(kind)
}

/// Index key of a trace. Kept on disk: must not change.
pub(super) fn trace_key(id: TraceId) -> u64 {
    xxh3_64(&id.0.to_le_bytes())
}

impl Kind for Spans {
    type Row = Span;
    type Columns = spans::SpanColumns;
    type Rows = spans::SpanRows;
    type Summary = SpanSummary;
    type Names = OperationNames;

    const SIGNAL: Signal = Signal::Traces;
    const BLOCK_ROWS: usize = 4_096;

    fn time_ns(row: &Span) -> u64 {
        row.start_ns
    }

    fn memory(row: &Span) -> usize {
        let events = row
            .events
            .iter()
            .map(|event| 64 + attributes_memory(&event.attributes));
        let links = row
            .links
            .iter()
            .map(|link| 64 + attributes_memory(&link.attributes));
        size_of::<Span>() + attributes_memory(&row.attributes) + events.chain(links).sum::<usize>()
    }

    /// Traces by their first start, each together, so that its spans share one id and name their parents by distance.
    fn arrange(rows: &mut [Span]) {
        let mut first: FxHashMap<TraceId, u64> = FxHashMap::default();
        for span in rows.iter() {
            let start = first.entry(span.trace_id).or_insert(span.start_ns);
            *start = span.start_ns.min(*start);
        }
        rows.sort_by_cached_key(|span| {
            let first = first.get(&span.trace_id).copied().unwrap_or(0);
            (first, span.trace_id, span.start_ns)
        });
    }

    fn encode(rows: &[Span]) -> Parts {
        spans::encode(rows)
    }

    fn decode(parts: &Parts) -> Result<Vec<Span>, Corrupt> {
        spans::decode(parts)
    }

    fn decode_columns(plain: &[u8]) -> Result<Self::Columns, Corrupt> {
        spans::SpanColumns::decode(plain)
    }

    fn decode_rows(plain: &[u8]) -> Result<Self::Rows, Corrupt> {
        spans::SpanRows::decode(plain)
    }

    fn write_summary(rows: &[Span], out: &mut Vec<u8>) {
        let mut operations: FxHashMap<(&str, &str), (u8, u64)> = FxHashMap::default();
        for span in rows {
            let operation = operations
                .entry((&span.resource.service, &span.name))
                .or_default();
            operation.0 |= kind_bit(span.kind);
            operation.1 = operation.1.max(span.duration_ns);
        }
        if operations.len() > MAX_OPERATIONS {
            out.push(0);
            return;
        }
        out.push(1);
        put_uvarint(out, operations.len() as u64);
        for ((service, name), (kinds, max_duration_ns)) in operations {
            put_str(out, service);
            put_str(out, name);
            out.push(kinds);
            put_uvarint(out, max_duration_ns);
        }
    }

    fn read_summary(reader: &mut Reader<'_>, names: &mut OperationNames) -> Result<SpanSummary, Corrupt> {
        if reader.u8()? == 0 {
            return Ok(SpanSummary { operations: None });
        }
        let n = reader.count()?;
        let mut operations = Some(Vec::with_capacity(n));
        for _ in 0..n {
            let id = names.id(reader.str()?, reader.str()?);
            let kinds = reader.u8()?;
            let max_duration_ns = reader.uvarint()?;
            match (id, &mut operations) {
                (Some(id), Some(operations)) => operations.push(Operation {
                    id,
                    kinds,
                    max_duration_ns,
                }),
                _ => operations = None,
            }
        }
        Ok(SpanSummary {
            operations: operations.map(Vec::into_boxed_slice),
        })
    }

    fn filter(rows: &[Span]) -> Option<Vec<u8>> {
        Some(filter::of_spans(rows))
    }

    fn index_keys(rows: &[Span]) -> Vec<u64> {
        let mut keys: Vec<u64> = rows.iter().map(|span| trace_key(span.trace_id)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Bytes of attributes in memory, estimated.
pub(crate) fn attributes_memory(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(key, value)| 64 + key.len() + value_memory(value))
        .sum()
}

fn value_memory(value: &AttrValue) -> usize {
    match value {
        AttrValue::Str(text) => text.len(),
        AttrValue::Bytes(bytes) => bytes.len(),
        AttrValue::Array(items) => items.iter().map(|item| 32 + value_memory(item)).sum(),
        AttrValue::Map(entries) => attributes_memory(entries),
        AttrValue::Bool(_) | AttrValue::Int(_) | AttrValue::Double(_) => 0,
    }
}
