//! Instrumentation scopes in a block of spans: a table, and for each row its place there.
//!
//! They stand after the rows, where blocks of earlier versions end; a block without them tells only the names, row by row.

use std::sync::Arc;

use watchroom_model::Scope;

use super::attributes::{AttributesReader, AttributesWriter};
use crate::codec::{Corrupt, Reader, put_uvarint};

/// Scopes of a block, each once.
#[derive(Debug, Default)]
pub(super) struct ScopesWriter {
    list: Vec<Arc<Scope>>,
    by_row: Vec<u8>,
}

impl ScopesWriter {
    /// Adds the scope of the next row. Rows of one sender share theirs, so that looking at the newest first is quick.
    pub(super) fn put(&mut self, scope: &Arc<Scope>) {
        let shared = self.list.iter().rposition(|known| Arc::ptr_eq(known, scope));
        let known = shared.or_else(|| self.list.iter().rposition(|known| known == scope));
        let at = known.unwrap_or_else(|| {
            self.list.push(scope.clone());
            self.list.len() - 1
        });
        put_uvarint(&mut self.by_row, at as u64);
    }

    pub(super) fn write(&self, attributes: &mut AttributesWriter) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.by_row.len() + 16);
        put_uvarint(&mut out, self.list.len() as u64);
        for scope in &self.list {
            put_uvarint(&mut out, attributes.texts.id(&scope.name));
            put_uvarint(&mut out, attributes.texts.id(&scope.version));
            attributes.put(&scope.attributes, &mut out);
        }
        out.extend_from_slice(&self.by_row);
        out
    }
}

/// Reads what [`ScopesWriter`] wrote.
#[derive(Debug)]
pub(super) struct ScopesReader {
    list: Vec<Arc<Scope>>,
    by_row: Vec<u32>,
}

impl ScopesReader {
    pub(super) fn new(
        attributes: &AttributesReader,
        reader: &mut Reader<'_>,
        n_rows: usize,
    ) -> Result<Self, Corrupt> {
        if reader.is_empty() {
            return Ok(Self {
                list: Vec::new(),
                by_row: Vec::new(),
            });
        }
        let n = reader.count()?;
        let list = (0..n)
            .map(|_| {
                Ok(Arc::new(Scope {
                    name: attributes.text(reader)?,
                    version: attributes.text(reader)?,
                    attributes: attributes.get(reader)?,
                }))
            })
            .collect::<Result<Vec<_>, Corrupt>>()?;
        let by_row = (0..n_rows)
            .map(|_| reader.u32v())
            .collect::<Result<Vec<_>, _>>()?;
        if by_row.iter().any(|at| *at as usize >= list.len()) {
            return Err(Corrupt("a scope is missing"));
        }
        Ok(Self { list, by_row })
    }

    /// The scope of a row; nothing if the block does not keep them.
    pub(super) fn get(&self, row: usize) -> Option<Arc<Scope>> {
        self.list.get(*self.by_row.get(row)? as usize).cloned()
    }
}
