//! Blocks of spans.
//!
//! Columns: names and services, runs of spans of one trace, starts, durations, names, kinds and outcomes, resources. Rows: ids, parents
//! (mostly as the distance to the parent's row) and the rest, scopes at the end.

use std::sync::Arc;

use watchroom_model::{Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId};

use super::Parts;
use super::attributes::{
    AttributesReader, AttributesWriter, ResourcesWriter, TextsWriter, read_offsets, read_resources,
    read_texts, row, text,
};
use super::scopes::{ScopesReader, ScopesWriter};
use crate::codec::{Corrupt, Reader, put_ivarint, put_uvarint};

const KINDS: [SpanKind; 6] = [
    SpanKind::Unspecified,
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];
const UNSET: u8 = 0;
const OK: u8 = 1;
const ERROR: u8 = 2;

/// Parent is in no row of the block before or after: none, or an id that follows.
const NO_PARENT: u64 = 0;
const PARENT_ID: u64 = 1;
/// Codes from here on are distances of rows.
const PARENT_ROW: u64 = 2;

/// Number of a kind; [`kind`] is its inverse.
pub(crate) fn kind_code(kind: SpanKind) -> u8 {
    KINDS.iter().position(|known| *known == kind).unwrap_or(0) as u8
}

/// The kind of a number.
pub(crate) fn kind(code: u8) -> SpanKind {
    KINDS.get(usize::from(code)).copied().unwrap_or_default()
}

/// The columns of a block of spans.
#[derive(Debug)]
pub(crate) struct SpanColumns {
    names: Vec<Arc<str>>,
    /// By resource.
    services: Vec<Arc<str>>,
    /// Each trace with the row after its last.
    runs: Vec<(TraceId, u32)>,
    start_ns: Vec<u64>,
    duration_ns: Vec<u64>,
    name: Vec<u32>,
    kind_status: Vec<u8>,
    resource: Vec<u32>,
}

/// The rows of a block of spans.
#[derive(Debug)]
pub(crate) struct SpanRows {
    attributes: AttributesReader,
    resources: Vec<Arc<Resource>>,
    ids: Vec<SpanId>,
    offsets: Vec<u32>,
    bytes: Vec<u8>,
    scopes: ScopesReader,
}

pub(crate) fn encode(spans: &[Span]) -> Parts {
    let mut names = TextsWriter::default();
    let mut resources = ResourcesWriter::default();
    let mut runs: Vec<(TraceId, u64)> = Vec::new();
    let [mut starts, mut durations, mut name_ids, mut kinds, mut senders] = [const { Vec::new() }; 5];
    let mut before = 0;
    for span in spans {
        match runs.last_mut() {
            Some((trace, n)) if *trace == span.trace_id => *n += 1,
            _ => runs.push((span.trace_id, 1)),
        }
        put_ivarint(&mut starts, span.start_ns.wrapping_sub(before) as i64);
        before = span.start_ns;
        put_uvarint(&mut durations, span.duration_ns);
        put_uvarint(&mut name_ids, names.id(&span.name));
        let status = match span.status {
            SpanStatus::Unset => UNSET,
            SpanStatus::Ok => OK,
            SpanStatus::Error(_) => ERROR,
        };
        kinds.push(kind_code(span.kind) | status << 3);
        put_uvarint(&mut senders, resources.index(&span.resource));
    }
    let services: Vec<u64> = resources.services().map(|service| names.id(service)).collect();

    let mut columns = Vec::new();
    put_uvarint(&mut columns, spans.len() as u64);
    names.write(&mut columns);
    put_uvarint(&mut columns, services.len() as u64);
    for service in services {
        put_uvarint(&mut columns, service);
    }
    put_uvarint(&mut columns, runs.len() as u64);
    for (trace, n) in &runs {
        columns.extend_from_slice(&trace.0.to_le_bytes());
        put_uvarint(&mut columns, *n);
    }
    for column in [starts, durations, name_ids, kinds, senders] {
        columns.extend_from_slice(&column);
    }
    Parts {
        columns,
        rows: encode_rows(spans, &runs, &resources),
    }
}

fn encode_rows(spans: &[Span], runs: &[(TraceId, u64)], resources: &ResourcesWriter) -> Vec<u8> {
    let mut attributes = AttributesWriter::default();
    let mut senders = Vec::new();
    resources.write(&mut attributes, &mut senders);
    let mut scopes = ScopesWriter::default();
    let [mut ids, mut lengths, mut bytes] = [const { Vec::new() }; 3];
    let mut run = 0..0;
    let mut next_runs = runs.iter();
    for (i, span) in spans.iter().enumerate() {
        if i == run.end {
            let n = next_runs.next().map_or(1, |(_, n)| *n as usize);
            run = i..i + n;
        }
        let before = bytes.len();
        ids.extend_from_slice(&span.span_id.0.to_le_bytes());
        put_parent(span, i, spans, run.clone(), &mut bytes);
        put_uvarint(&mut bytes, attributes.texts.id(&span.trace_state));
        put_uvarint(&mut bytes, attributes.texts.id(&span.scope.name));
        scopes.put(&span.scope);
        put_uvarint(&mut bytes, u64::from(span.dropped));
        if let SpanStatus::Error(message) = &span.status {
            put_uvarint(&mut bytes, attributes.texts.id(message));
        }
        attributes.put(&span.attributes, &mut bytes);
        put_uvarint(&mut bytes, span.events.len() as u64);
        for event in &span.events {
            put_ivarint(&mut bytes, event.time_ns.wrapping_sub(span.start_ns) as i64);
            put_uvarint(&mut bytes, attributes.texts.id(&event.name));
            attributes.put(&event.attributes, &mut bytes);
        }
        put_uvarint(&mut bytes, span.links.len() as u64);
        for link in &span.links {
            bytes.extend_from_slice(&link.trace_id.0.to_le_bytes());
            bytes.extend_from_slice(&link.span_id.0.to_le_bytes());
            attributes.put(&link.attributes, &mut bytes);
        }
        put_uvarint(&mut lengths, (bytes.len() - before) as u64);
    }
    let scopes = scopes.write(&mut attributes);
    let mut rows = Vec::with_capacity(bytes.len() + ids.len());
    put_uvarint(&mut rows, spans.len() as u64);
    attributes.write(&mut rows);
    for part in [senders, ids, lengths, bytes, scopes] {
        rows.extend_from_slice(&part);
    }
    rows
}

/// Parents are looked for near the span in its trace; one that is not found there is written out.
fn put_parent(span: &Span, i: usize, spans: &[Span], run: std::ops::Range<usize>, out: &mut Vec<u8>) {
    /// How far to look; keeps a trace of many spans from taking the square of their number.
    const NEAR: usize = 64;
    let Some(parent) = span.parent_id else {
        put_uvarint(out, NO_PARENT);
        return;
    };
    let near = run.start.max(i.saturating_sub(NEAR))..run.end.min(i + NEAR);
    match near.clone().find(|at| spans[*at].span_id == parent) {
        Some(at) => {
            let distance = at as i64 - i as i64;
            put_uvarint(out, PARENT_ROW + ((distance << 1) ^ (distance >> 63)) as u64);
        }
        None => {
            put_uvarint(out, PARENT_ID);
            out.extend_from_slice(&parent.0.to_le_bytes());
        }
    }
}

impl SpanColumns {
    pub(crate) fn decode(plain: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(plain);
        let n = reader.count()?;
        let names = read_texts(&mut reader)?;
        let n_services = reader.count()?;
        let services = (0..n_services)
            .map(|_| text(&names, reader.uvarint()?).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        let n_runs = reader.count()?;
        let mut runs = Vec::with_capacity(n_runs);
        let mut end = 0_u64;
        for _ in 0..n_runs {
            let trace = TraceId(u128::from_le_bytes(reader.array()?));
            end = end.saturating_add(reader.uvarint()?);
            if end > n as u64 {
                return Err(Corrupt("a run is too long"));
            }
            runs.push((trace, end as u32));
        }
        if end != n as u64 {
            return Err(Corrupt("the runs do not cover the rows"));
        }
        let mut before = 0_u64;
        let start_ns = (0..n)
            .map(|_| {
                before = before.wrapping_add(reader.ivarint()? as u64);
                Ok(before)
            })
            .collect::<Result<Vec<_>, Corrupt>>()?;
        let duration_ns = (0..n).map(|_| reader.uvarint()).collect::<Result<Vec<_>, _>>()?;
        let name = (0..n).map(|_| reader.u32v()).collect::<Result<Vec<_>, _>>()?;
        let kind_status = reader.take(n)?.to_vec();
        let resource = (0..n).map(|_| reader.u32v()).collect::<Result<Vec<_>, _>>()?;
        let known = name.iter().all(|name| (*name as usize) < names.len())
            && resource
                .iter()
                .all(|resource| (*resource as usize) < services.len());
        if !known {
            return Err(Corrupt("a name or resource is missing"));
        }
        Ok(Self {
            names,
            services,
            runs,
            start_ns,
            duration_ns,
            name,
            kind_status,
            resource,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.start_ns.len()
    }

    /// Traces with their rows.
    pub(crate) fn traces(&self) -> impl Iterator<Item = (TraceId, std::ops::Range<usize>)> {
        let mut from = 0;
        self.runs.iter().map(move |(trace, end)| {
            let rows = from..*end as usize;
            from = *end as usize;
            (*trace, rows)
        })
    }

    pub(crate) fn start_ns(&self, i: usize) -> u64 {
        self.start_ns[i]
    }

    pub(crate) fn duration_ns(&self, i: usize) -> u64 {
        self.duration_ns[i]
    }

    /// Number of the name `name` in this block.
    pub(crate) fn name_id(&self, name: &str) -> Option<u32> {
        self.names
            .iter()
            .position(|known| **known == *name)
            .map(|at| at as u32)
    }

    pub(crate) fn has_name(&self, i: usize, id: u32) -> bool {
        self.name[i] == id
    }

    /// By resource of the block: whether it is of a service.
    pub(crate) fn resources_of(&self, service: &str) -> Vec<bool> {
        self.services.iter().map(|known| **known == *service).collect()
    }

    pub(crate) fn name(&self, i: usize) -> &Arc<str> {
        &self.names[self.name[i] as usize]
    }

    pub(crate) fn kind(&self, i: usize) -> SpanKind {
        kind(self.kind_status[i] & 0b111)
    }

    pub(crate) fn is_error(&self, i: usize) -> bool {
        self.kind_status[i] >> 3 >= ERROR
    }

    pub(crate) fn is_ok(&self, i: usize) -> bool {
        self.kind_status[i] >> 3 == OK
    }

    /// By resource of the block: its service.
    pub(crate) fn services(&self) -> &[Arc<str>] {
        &self.services
    }

    /// Index of a row's resource.
    pub(crate) fn resource(&self, i: usize) -> usize {
        self.resource[i] as usize
    }
}

impl SpanRows {
    pub(crate) fn decode(plain: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(plain);
        let n = reader.count()?;
        let attributes = AttributesReader::new(&mut reader)?;
        let resources = read_resources(&attributes, &mut reader)?;
        let ids = (0..n)
            .map(|_| reader.u64().map(SpanId))
            .collect::<Result<Vec<_>, _>>()?;
        let offsets = read_offsets(&mut reader, n)?;
        let n_bytes = offsets.last().copied().unwrap_or(0) as usize;
        let bytes = reader.take(n_bytes)?.to_vec();
        let scopes = ScopesReader::new(&attributes, &mut reader, n)?;
        Ok(Self {
            attributes,
            resources,
            ids,
            offsets,
            bytes,
            scopes,
        })
    }

    /// Whether a text is anywhere in the block: as a value, a key or a name.
    pub(crate) fn has_text(&self, text: &str) -> bool {
        self.attributes.texts.iter().any(|known| **known == *text)
    }

    /// The span of a row.
    pub(crate) fn span(&self, columns: &SpanColumns, trace_id: TraceId, i: usize) -> Result<Span, Corrupt> {
        let missing = Corrupt("a row is missing");
        let reader = &mut Reader::new(row(&self.bytes, &self.offsets, i)?);
        let start_ns = *columns.start_ns.get(i).ok_or(missing)?;
        let kind_status = *columns.kind_status.get(i).ok_or(missing)?;
        let parent_id = match reader.uvarint()? {
            NO_PARENT => None,
            PARENT_ID => Some(SpanId(reader.u64()?)),
            code => {
                let code = code - PARENT_ROW;
                let distance = (code >> 1) as i64 ^ -((code & 1) as i64);
                let at = usize::try_from((i as i64).wrapping_add(distance)).map_err(|_| missing)?;
                Some(*self.ids.get(at).ok_or(missing)?)
            }
        };
        let trace_state = self.attributes.text(reader)?;
        let scope = self.attributes.text(reader)?;
        let scope = self.scopes.get(i).unwrap_or_else(|| Scope::named(scope));
        let dropped = reader.u32v()?;
        let status = match kind_status >> 3 {
            UNSET => SpanStatus::Unset,
            OK => SpanStatus::Ok,
            _ => SpanStatus::Error(self.attributes.text(reader)?),
        };
        let attributes = self.attributes.get(reader)?;
        let n_events = reader.count()?;
        let events = (0..n_events)
            .map(|_| {
                Ok(SpanEvent {
                    time_ns: start_ns.wrapping_add(reader.ivarint()? as u64),
                    name: self.attributes.text(reader)?,
                    attributes: self.attributes.get(reader)?,
                })
            })
            .collect::<Result<_, Corrupt>>()?;
        let n_links = reader.count()?;
        let links = (0..n_links)
            .map(|_| {
                Ok(SpanLink {
                    trace_id: TraceId(u128::from_le_bytes(reader.array()?)),
                    span_id: SpanId(reader.u64()?),
                    attributes: self.attributes.get(reader)?,
                })
            })
            .collect::<Result<_, Corrupt>>()?;
        Ok(Span {
            trace_id,
            span_id: *self.ids.get(i).ok_or(missing)?,
            parent_id,
            trace_state,
            name: columns
                .name
                .get(i)
                .and_then(|name| columns.names.get(*name as usize))
                .ok_or(missing)?
                .clone(),
            kind: kind(kind_status & 0b111),
            start_ns,
            duration_ns: *columns.duration_ns.get(i).ok_or(missing)?,
            status,
            attributes,
            events,
            links,
            resource: columns
                .resource
                .get(i)
                .and_then(|resource| self.resources.get(*resource as usize))
                .ok_or(missing)?
                .clone(),
            scope,
            dropped,
        })
    }
}

/// Every span of a block.
pub(crate) fn decode(parts: &Parts) -> Result<Vec<Span>, Corrupt> {
    let columns = SpanColumns::decode(&parts.columns)?;
    let rows = SpanRows::decode(&parts.rows)?;
    let mut spans = Vec::with_capacity(columns.len());
    for (trace, range) in columns.traces() {
        for i in range {
            spans.push(rows.span(&columns, trace, i)?);
        }
    }
    Ok(spans)
}
