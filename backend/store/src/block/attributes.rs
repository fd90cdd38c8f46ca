//! Attributes in a block: a table of texts, a table of shapes (keys and types, in order), and values row by row.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchroom_model::{AttrValue, Attributes, Resource};

use crate::codec::{Corrupt, Reader, put_bytes, put_ivarint, put_str, put_uvarint};

const STR: u8 = 0;
const BOOL: u8 = 1;
const INT: u8 = 2;
const DOUBLE: u8 = 3;
const BYTES: u8 = 4;
const ARRAY: u8 = 5;
const MAP: u8 = 6;

/// Values nested deeper are kept as their text.
const MAX_DEPTH: u32 = 64;

/// Texts, each once.
#[derive(Debug, Default)]
pub(super) struct TextsWriter {
    ids: FxHashMap<Arc<str>, u32>,
    list: Vec<u8>,
}

impl TextsWriter {
    pub(super) fn id(&mut self, text: &Arc<str>) -> u64 {
        if let Some(id) = self.ids.get(&**text) {
            return u64::from(*id);
        }
        let id = self.ids.len() as u32;
        put_str(&mut self.list, text);
        self.ids.insert(text.clone(), id);
        u64::from(id)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.ids.len() as u64);
        out.extend_from_slice(&self.list);
    }
}

pub(super) fn read_texts(reader: &mut Reader<'_>) -> Result<Vec<Arc<str>>, Corrupt> {
    let n = reader.count()?;
    (0..n).map(|_| reader.str().map(Arc::from)).collect()
}

/// Looks a text up.
pub(super) fn text(texts: &[Arc<str>], id: u64) -> Result<&Arc<str>, Corrupt> {
    usize::try_from(id)
        .ok()
        .and_then(|id| texts.get(id))
        .ok_or(Corrupt("a text is missing"))
}

/// Writes attributes and the tables they refer to.
#[derive(Debug, Default)]
pub(super) struct AttributesWriter {
    pub(super) texts: TextsWriter,
    shapes: FxHashMap<Vec<u8>, u32>,
    shape_list: Vec<u8>,
    scratch: Vec<u8>,
}

impl AttributesWriter {
    pub(super) fn put(&mut self, attributes: &Attributes, out: &mut Vec<u8>) {
        let mut shape = std::mem::take(&mut self.scratch);
        shape.clear();
        put_uvarint(&mut shape, attributes.len() as u64);
        for (key, value) in attributes {
            put_uvarint(&mut shape, self.texts.id(key));
            shape.push(tag(value));
        }
        let id = match self.shapes.get(&shape) {
            Some(id) => *id,
            None => {
                let id = self.shapes.len() as u32;
                self.shape_list.extend_from_slice(&shape);
                self.shapes.insert(shape.clone(), id);
                id
            }
        };
        self.scratch = shape;
        put_uvarint(out, u64::from(id));
        for (_, value) in attributes {
            self.put_value(value, out, 0);
        }
    }

    fn put_value(&mut self, value: &AttrValue, out: &mut Vec<u8>, depth: u32) {
        match value {
            AttrValue::Str(text) => put_uvarint(out, self.texts.id(text)),
            AttrValue::Bool(truth) => out.push(u8::from(*truth)),
            AttrValue::Int(number) => put_ivarint(out, *number),
            AttrValue::Double(number) => out.extend_from_slice(&number.to_bits().to_le_bytes()),
            AttrValue::Bytes(bytes) => put_bytes(out, bytes),
            AttrValue::Array(items) => {
                put_uvarint(out, items.len() as u64);
                for item in items {
                    self.put_nested(item, out, depth + 1);
                }
            }
            AttrValue::Map(entries) => {
                put_uvarint(out, entries.len() as u64);
                for (key, item) in entries {
                    put_uvarint(out, self.texts.id(key));
                    self.put_nested(item, out, depth + 1);
                }
            }
        }
    }

    fn put_nested(&mut self, value: &AttrValue, out: &mut Vec<u8>, depth: u32) {
        if depth >= MAX_DEPTH && matches!(value, AttrValue::Array(_) | AttrValue::Map(_)) {
            out.push(STR);
            put_uvarint(out, self.texts.id(&value.to_string().into()));
        } else {
            out.push(tag(value));
            self.put_value(value, out, depth);
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.texts.write(out);
        put_uvarint(out, self.shapes.len() as u64);
        out.extend_from_slice(&self.shape_list);
    }
}

fn tag(value: &AttrValue) -> u8 {
    match value {
        AttrValue::Str(_) => STR,
        AttrValue::Bool(_) => BOOL,
        AttrValue::Int(_) => INT,
        AttrValue::Double(_) => DOUBLE,
        AttrValue::Bytes(_) => BYTES,
        AttrValue::Array(_) => ARRAY,
        AttrValue::Map(_) => MAP,
    }
}

/// Reads attributes.
#[derive(Debug)]
pub(super) struct AttributesReader {
    pub(super) texts: Vec<Arc<str>>,
    shapes: Vec<Vec<(Arc<str>, u8)>>,
}

impl AttributesReader {
    pub(super) fn new(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let texts = read_texts(reader)?;
        let n = reader.count()?;
        let shapes = (0..n)
            .map(|_| {
                let n = reader.count()?;
                (0..n)
                    .map(|_| Ok((text(&texts, reader.uvarint()?)?.clone(), reader.u8()?)))
                    .collect()
            })
            .collect::<Result<_, Corrupt>>()?;
        Ok(Self { texts, shapes })
    }

    pub(super) fn text(&self, reader: &mut Reader<'_>) -> Result<Arc<str>, Corrupt> {
        text(&self.texts, reader.uvarint()?).cloned()
    }

    pub(super) fn get(&self, reader: &mut Reader<'_>) -> Result<Attributes, Corrupt> {
        let shape = reader.uvarint()?;
        let shape = usize::try_from(shape)
            .ok()
            .and_then(|shape| self.shapes.get(shape))
            .ok_or(Corrupt("a shape is missing"))?;
        shape
            .iter()
            .map(|(key, tag)| Ok((key.clone(), self.value(reader, *tag, 0)?)))
            .collect()
    }

    fn value(&self, reader: &mut Reader<'_>, tag: u8, depth: u32) -> Result<AttrValue, Corrupt> {
        if depth > MAX_DEPTH {
            return Err(Corrupt("a value is nested too deep"));
        }
        Ok(match tag {
            STR => AttrValue::Str(self.text(reader)?),
            BOOL => AttrValue::Bool(reader.u8()? != 0),
            INT => AttrValue::Int(reader.ivarint()?),
            DOUBLE => AttrValue::Double(f64::from_bits(reader.u64()?)),
            BYTES => AttrValue::Bytes(reader.bytes()?.into()),
            ARRAY => {
                let n = reader.count()?;
                let items = (0..n).map(|_| {
                    let tag = reader.u8()?;
                    self.value(reader, tag, depth + 1)
                });
                AttrValue::Array(items.collect::<Result<_, _>>()?)
            }
            MAP => {
                let n = reader.count()?;
                let entries = (0..n).map(|_| {
                    let key = self.text(reader)?;
                    let tag = reader.u8()?;
                    Ok((key, self.value(reader, tag, depth + 1)?))
                });
                AttrValue::Map(entries.collect::<Result<_, Corrupt>>()?)
            }
            _ => return Err(Corrupt("the type of a value is not known")),
        })
    }
}

/// Resources of a block, each once.
#[derive(Debug, Default)]
pub(super) struct ResourcesWriter {
    list: Vec<Arc<Resource>>,
}

impl ResourcesWriter {
    /// Index of a resource. Rows of one sender share theirs, so that looking at the newest first is quick.
    pub(super) fn index(&mut self, resource: &Arc<Resource>) -> u64 {
        let shared = self.list.iter().rposition(|known| Arc::ptr_eq(known, resource));
        let known = shared.or_else(|| self.list.iter().rposition(|known| known == resource));
        let at = known.unwrap_or_else(|| {
            self.list.push(resource.clone());
            self.list.len() - 1
        });
        at as u64
    }

    pub(super) fn write(&self, attributes: &mut AttributesWriter, out: &mut Vec<u8>) {
        put_uvarint(out, self.list.len() as u64);
        for resource in &self.list {
            put_uvarint(out, attributes.texts.id(&resource.service));
            attributes.put(&resource.attributes, out);
        }
    }

    pub(super) fn services(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.list.iter().map(|resource| &resource.service)
    }
}

pub(super) fn read_resources(
    attributes: &AttributesReader,
    reader: &mut Reader<'_>,
) -> Result<Vec<Arc<Resource>>, Corrupt> {
    let n = reader.count()?;
    (0..n)
        .map(|_| {
            Ok(Arc::new(Resource {
                service: attributes.text(reader)?,
                attributes: attributes.get(reader)?,
            }))
        })
        .collect()
}

/// Where each row's bytes begin, from the lengths; one more than there are rows.
pub(super) fn read_offsets(reader: &mut Reader<'_>, n: usize) -> Result<Vec<u32>, Corrupt> {
    let mut offsets = Vec::with_capacity(n + 1);
    let mut at = 0_u32;
    offsets.push(at);
    for _ in 0..n {
        at = at
            .checked_add(reader.u32v()?)
            .ok_or(Corrupt("a row is too long"))?;
        offsets.push(at);
    }
    Ok(offsets)
}

/// The bytes of a row.
pub(super) fn row<'a>(bytes: &'a [u8], offsets: &[u32], i: usize) -> Result<&'a [u8], Corrupt> {
    let (Some(from), Some(to)) = (offsets.get(i), offsets.get(i + 1)) else {
        return Err(Corrupt("a row is missing"));
    };
    bytes
        .get(*from as usize..*to as usize)
        .ok_or(Corrupt("a row is missing"))
}
