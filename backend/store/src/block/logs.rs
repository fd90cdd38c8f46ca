//! Blocks of log lines.
//!
//! Columns: streams, runs of lines of one stream, times, severities, resources, and which trace and span each line belongs to. Rows:
//! bodies and attributes.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchroom_model::{Labels, LogLine, Resource, Severity, SpanId, TraceId};

use super::Parts;
use super::attributes::{
    AttributesReader, AttributesWriter, ResourcesWriter, TextsWriter, read_offsets, read_resources,
    read_texts, row, text,
};
use super::bodies::{self, Bodies};
use crate::codec::{Corrupt, Reader, put_ivarint, put_uvarint};

const SEVERITIES: [Severity; 7] = [
    Severity::Unspecified,
    Severity::Trace,
    Severity::Debug,
    Severity::Info,
    Severity::Warn,
    Severity::Error,
    Severity::Fatal,
];
const HAS_TRACE: u8 = 1;
const HAS_SPAN: u8 = 2;

/// Trace and span of a line.
type Context = (Option<TraceId>, Option<SpanId>);

/// The columns of a block of log lines.
#[derive(Debug)]
pub(crate) struct LogColumns {
    streams: Vec<Labels>,
    contexts: Vec<Context>,
    /// By row: stream.
    stream: Vec<u32>,
    time_ns: Vec<u64>,
    severity: Vec<u8>,
    resource: Vec<u32>,
    /// By row: context, counted from one; zero is none.
    context: Vec<u32>,
}

/// The rows of a block of log lines.
#[derive(Debug)]
pub(crate) struct LogRows {
    attributes: AttributesReader,
    resources: Vec<Arc<Resource>>,
    bodies: Bodies,
    offsets: Vec<u32>,
    bytes: Vec<u8>,
}

pub(crate) fn encode(lines: &[LogLine]) -> Parts {
    let mut texts = TextsWriter::default();
    let mut resources = ResourcesWriter::default();
    let mut stream_ids: FxHashMap<&Labels, u64> = FxHashMap::default();
    let mut streams: Vec<&Labels> = Vec::new();
    let mut context_ids: FxHashMap<Context, u64> = FxHashMap::default();
    let mut contexts: Vec<Context> = Vec::new();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    let [mut times, mut severities, mut senders, mut context_of] = [const { Vec::new() }; 4];
    let mut before = 0;
    for line in lines {
        let stream = *stream_ids.entry(&line.stream).or_insert_with(|| {
            streams.push(&line.stream);
            streams.len() as u64 - 1
        });
        match runs.last_mut() {
            Some((known, n)) if *known == stream => *n += 1,
            _ => runs.push((stream, 1)),
        }
        put_ivarint(&mut times, line.time_ns.wrapping_sub(before) as i64);
        before = line.time_ns;
        let severity = SEVERITIES.iter().position(|known| *known == line.severity);
        severities.push(severity.unwrap_or(0) as u8);
        put_uvarint(&mut senders, resources.index(&line.resource));
        let context = (line.trace_id, line.span_id);
        let context = match context {
            (None, None) => 0,
            _ => *context_ids.entry(context).or_insert_with(|| {
                contexts.push(context);
                contexts.len() as u64
            }),
        };
        put_uvarint(&mut context_of, context);
    }
    let mut table = Vec::new();
    for labels in &streams {
        put_uvarint(&mut table, labels.len() as u64);
        for part in labels.iter().flat_map(|(name, value)| [name, value]) {
            put_uvarint(&mut table, texts.id(&part.into()));
        }
    }
    let mut columns = Vec::new();
    put_uvarint(&mut columns, lines.len() as u64);
    texts.write(&mut columns);
    put_uvarint(&mut columns, streams.len() as u64);
    columns.extend_from_slice(&table);
    put_uvarint(&mut columns, contexts.len() as u64);
    for (trace, span) in &contexts {
        let flags = trace.map_or(0, |_| HAS_TRACE) | span.map_or(0, |_| HAS_SPAN);
        columns.push(flags);
        if let Some(trace) = trace {
            columns.extend_from_slice(&trace.0.to_le_bytes());
        }
        if let Some(span) = span {
            columns.extend_from_slice(&span.0.to_le_bytes());
        }
    }
    put_uvarint(&mut columns, runs.len() as u64);
    for (stream, n) in &runs {
        put_uvarint(&mut columns, *stream);
        put_uvarint(&mut columns, *n);
    }
    for column in [times, severities, senders, context_of] {
        columns.extend_from_slice(&column);
    }
    Parts {
        columns,
        rows: encode_rows(lines, &resources),
    }
}

fn encode_rows(lines: &[LogLine], resources: &ResourcesWriter) -> Vec<u8> {
    let mut attributes = AttributesWriter::default();
    let mut senders = Vec::new();
    resources.write(&mut attributes, &mut senders);
    let [mut bodies, mut lengths, mut bytes] = [const { Vec::new() }; 3];
    bodies::encode(lines.iter().map(|line| &*line.body), &mut bodies);
    for line in lines {
        let before = bytes.len();
        attributes.put(&line.attributes, &mut bytes);
        put_uvarint(&mut lengths, (bytes.len() - before) as u64);
    }
    let mut rows = Vec::with_capacity(bodies.len() + bytes.len());
    put_uvarint(&mut rows, lines.len() as u64);
    attributes.write(&mut rows);
    for part in [senders, bodies, lengths, bytes] {
        rows.extend_from_slice(&part);
    }
    rows
}

impl LogColumns {
    pub(crate) fn decode(plain: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(plain);
        let n = reader.count()?;
        let texts = read_texts(&mut reader)?;
        let n_streams = reader.count()?;
        let streams = (0..n_streams)
            .map(|_| {
                let n = reader.count()?;
                let pairs = (0..n)
                    .map(|_| Ok((text(&texts, reader.uvarint()?)?, text(&texts, reader.uvarint()?)?)))
                    .collect::<Result<Vec<_>, Corrupt>>()?;
                Ok(Labels::from_pairs(pairs))
            })
            .collect::<Result<Vec<_>, Corrupt>>()?;
        let n_contexts = reader.count()?;
        let contexts = (0..n_contexts)
            .map(|_| {
                let flags = reader.u8()?;
                let trace = if flags & HAS_TRACE != 0 {
                    Some(TraceId(u128::from_le_bytes(reader.array()?)))
                } else {
                    None
                };
                let span = if flags & HAS_SPAN != 0 {
                    Some(SpanId(reader.u64()?))
                } else {
                    None
                };
                Ok((trace, span))
            })
            .collect::<Result<Vec<_>, Corrupt>>()?;
        let n_runs = reader.count()?;
        let mut stream = Vec::with_capacity(n);
        for _ in 0..n_runs {
            let id = reader.u32v()?;
            let run = reader.uvarint()?;
            if id as usize >= streams.len() || run > (n - stream.len()) as u64 {
                return Err(Corrupt("a run is too long"));
            }
            stream.resize(stream.len() + run as usize, id);
        }
        if stream.len() != n {
            return Err(Corrupt("the runs do not cover the rows"));
        }
        let mut before = 0_u64;
        let time_ns = (0..n)
            .map(|_| {
                before = before.wrapping_add(reader.ivarint()? as u64);
                Ok(before)
            })
            .collect::<Result<Vec<_>, Corrupt>>()?;
        let severity = reader.take(n)?.to_vec();
        let resource = (0..n).map(|_| reader.u32v()).collect::<Result<Vec<_>, _>>()?;
        let context = (0..n).map(|_| reader.u32v()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            streams,
            contexts,
            stream,
            time_ns,
            severity,
            resource,
            context,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.time_ns.len()
    }

    pub(crate) fn time_ns(&self, i: usize) -> u64 {
        self.time_ns[i]
    }

    /// The streams of the block.
    pub(crate) fn streams(&self) -> &[Labels] {
        &self.streams
    }

    /// By context, counted from one: whether it is of a trace. Nothing if none is.
    pub(crate) fn contexts_of(&self, trace: TraceId) -> Option<Vec<bool>> {
        let of_trace = self.contexts.iter().map(|(known, _)| *known == Some(trace));
        let found: Vec<bool> = std::iter::once(false).chain(of_trace).collect();
        found.contains(&true).then_some(found)
    }

    /// Number of a row's context, counted from one.
    pub(crate) fn context(&self, i: usize) -> usize {
        self.context[i] as usize
    }

    /// Index of a row's stream.
    pub(crate) fn stream(&self, i: usize) -> usize {
        self.stream[i] as usize
    }
}

impl LogRows {
    pub(crate) fn decode(plain: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(plain);
        let n = reader.count()?;
        let attributes = AttributesReader::new(&mut reader)?;
        let resources = read_resources(&attributes, &mut reader)?;
        let bodies = Bodies::decode(&mut reader, n)?;
        let offsets = read_offsets(&mut reader, n)?;
        Ok(Self {
            attributes,
            resources,
            bodies,
            offsets,
            bytes: reader.take(reader.remaining())?.to_vec(),
        })
    }

    /// The line of a row.
    pub(crate) fn line(&self, columns: &LogColumns, i: usize) -> Result<LogLine, Corrupt> {
        let missing = Corrupt("a row is missing");
        let reader = &mut Reader::new(row(&self.bytes, &self.offsets, i)?);
        let (trace_id, span_id) = match *columns.context.get(i).ok_or(missing)? {
            0 => (None, None),
            context => *columns.contexts.get(context as usize - 1).ok_or(missing)?,
        };
        let stream = *columns.stream.get(i).ok_or(missing)?;
        let severity = *columns.severity.get(i).ok_or(missing)?;
        let resource = *columns.resource.get(i).ok_or(missing)?;
        Ok(LogLine {
            time_ns: *columns.time_ns.get(i).ok_or(missing)?,
            stream: columns.streams.get(stream as usize).ok_or(missing)?.clone(),
            severity: SEVERITIES.get(usize::from(severity)).copied().unwrap_or_default(),
            body: self.bodies.get(i)?.into(),
            attributes: self.attributes.get(reader)?,
            trace_id,
            span_id,
            resource: self.resources.get(resource as usize).ok_or(missing)?.clone(),
        })
    }
}

/// Every line of a block.
pub(crate) fn decode(parts: &Parts) -> Result<Vec<LogLine>, Corrupt> {
    let columns = LogColumns::decode(&parts.columns)?;
    let rows = LogRows::decode(&parts.rows)?;
    (0..columns.len()).map(|i| rows.line(&columns, i)).collect()
}
