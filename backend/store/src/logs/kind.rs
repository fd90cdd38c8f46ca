//! Log lines as rows of blocks, and what is known of a block of them: which streams it has.

use rustc_hash::FxHashMap;
use watchroom_model::{Labels, LogLine};

use crate::block::{Parts, logs};
use crate::blocks::Kind;
use crate::codec::{Corrupt, Reader, put_str, put_uvarint};
use crate::engine::Signal;
use crate::traces::attributes_memory;

/// Streams told of one block; a block with more is looked into whatever is searched.
const MAX_STREAMS: usize = 512;
/// Streams known by number over all blocks.
const MAX_NAMES: usize = 50_000;

/// Log lines.
#[derive(Debug)]
pub(crate) struct Lines;

/// What is known of a block of log lines.
#[derive(Debug)]
pub(crate) struct LogSummary {
    /// Numbers of the streams; not known if there are too many.
    pub(super) streams: Option<Box<[u32]>>,
}

impl LogSummary {
    /// Whether the block may have a wanted stream; one that got its number since may be any.
    pub(super) fn may_have(&self, wanted: &[bool]) -> bool {
        self.streams.as_ref().is_none_or(|ids| {
            ids.iter()
                .any(|id| wanted.get(*id as usize).copied().unwrap_or(true))
        })
    }
}

/// Streams by number.
#[derive(Debug, Default)]
pub(crate) struct StreamNames {
    ids: FxHashMap<Labels, u32>,
    list: Vec<Labels>,
}

impl StreamNames {
    fn id(&mut self, labels: Labels) -> Option<u32> {
        if let Some(id) = self.ids.get(&labels) {
            return Some(*id);
        }
        if self.list.len() >= MAX_NAMES {
            return None;
        }
        let id = self.list.len() as u32;
        self.list.push(labels.clone());
        self.ids.insert(labels, id);
        Some(id)
    }

    pub(super) fn get(&self, id: u32) -> Option<&Labels> {
        self.list.get(id as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Labels> {
        self.list.iter()
    }
}

impl Kind for Lines {
    type Row = LogLine;
    type Columns = logs::LogColumns;
    type Rows = logs::LogRows;
    type Summary = LogSummary;
    type Names = StreamNames;

    const SIGNAL: Signal = Signal::Logs;
    const BLOCK_ROWS: usize = 8_192;

    fn time_ns(row: &LogLine) -> u64 {
        row.time_ns
    }

    fn memory(row: &LogLine) -> usize {
        size_of::<LogLine>() + 16 + row.body.len() + attributes_memory(&row.attributes)
    }

    /// Streams one after the other, as lines of one stream are alike; each by time, equal times in order of arrival.
    fn arrange(rows: &mut [LogLine]) {
        let mut streams: FxHashMap<Labels, usize> = FxHashMap::default();
        for line in rows.iter() {
            let n = streams.len();
            streams.entry(line.stream.clone()).or_insert(n);
        }
        rows.sort_by_cached_key(|line| (streams.get(&line.stream).copied(), line.time_ns));
    }

    fn encode(rows: &[LogLine]) -> Parts {
        logs::encode(rows)
    }

    fn decode(parts: &Parts) -> Result<Vec<LogLine>, Corrupt> {
        logs::decode(parts)
    }

    fn decode_columns(plain: &[u8]) -> Result<Self::Columns, Corrupt> {
        logs::LogColumns::decode(plain)
    }

    fn decode_rows(plain: &[u8]) -> Result<Self::Rows, Corrupt> {
        logs::LogRows::decode(plain)
    }

    fn write_summary(rows: &[LogLine], out: &mut Vec<u8>) {
        let mut streams: Vec<&Labels> = Vec::new();
        for line in rows {
            // Rows come stream by stream.
            if streams.last() != Some(&&line.stream) {
                streams.push(&line.stream);
            }
        }
        if streams.len() > MAX_STREAMS {
            out.push(0);
            return;
        }
        out.push(1);
        put_uvarint(out, streams.len() as u64);
        for labels in streams {
            put_uvarint(out, labels.len() as u64);
            for text in labels.iter().flat_map(|(name, value)| [name, value]) {
                put_str(out, text);
            }
        }
    }

    fn read_summary(reader: &mut Reader<'_>, names: &mut StreamNames) -> Result<LogSummary, Corrupt> {
        if reader.u8()? == 0 {
            return Ok(LogSummary { streams: None });
        }
        let n = reader.count()?;
        let mut streams = Some(Vec::with_capacity(n));
        for _ in 0..n {
            let n = reader.count()?;
            let pairs = (0..n)
                .map(|_| Ok((reader.str()?, reader.str()?)))
                .collect::<Result<Vec<_>, Corrupt>>()?;
            match (names.id(Labels::from_pairs(pairs)), &mut streams) {
                (Some(id), Some(streams)) => streams.push(id),
                _ => streams = None,
            }
        }
        Ok(LogSummary {
            streams: streams.map(Vec::into_boxed_slice),
        })
    }

    fn filter(_rows: &[LogLine]) -> Option<Vec<u8>> {
        None
    }

    fn index_keys(_rows: &[LogLine]) -> Vec<u64> {
        Vec::new()
    }
}
