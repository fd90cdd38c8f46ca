//! Compressed batches of spans and of log lines.
//!
//! A block has two parts, framed and packed apart: columns, by which rows are searched, and rows, which hold the rest. Texts that come
//! again, sets of attribute keys and resources are kept once in a block. A journal record is a block in the order of arrival.
//! Not here: where blocks are kept.

mod attributes;
mod bodies;
pub(crate) mod filter;
pub(crate) mod logs;
mod scopes;
pub(crate) mod spans;

use crate::codec::{Corrupt, Reader, compress, open, put_bytes};

/// The two parts of a block, not yet framed.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) columns: Vec<u8>,
    pub(crate) rows: Vec<u8>,
}

impl Parts {
    /// Both parts in one value, for the journal.
    pub(crate) fn join(&self) -> Vec<u8> {
        let mut joined = Vec::new();
        put_bytes(&mut joined, &compress(&self.columns));
        put_bytes(&mut joined, &compress(&self.rows));
        joined
    }

    /// Takes apart what [`Parts::join`] made.
    pub(crate) fn split(joined: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(joined);
        Ok(Self {
            columns: open(reader.bytes()?)?.into_owned(),
            rows: open(reader.bytes()?)?.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
