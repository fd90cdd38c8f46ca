//! The chunk of a series that is appended to, of whichever kind its samples are.

use watchroom_model::{HistogramSample, Sample};
use xxhash_rust::xxh3::xxh3_64;

use super::Chunk;
use super::histogram::{HistogramChunk, put};

/// A sample on its way in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Incoming<'a> {
    Float(Sample),
    Histogram(&'a HistogramSample),
}

impl Incoming<'_> {
    pub(crate) fn t_ms(self) -> i64 {
        match self {
            Self::Float(sample) => sample.t_ms,
            Self::Histogram(sample) => sample.t_ms,
        }
    }

    /// What equal values share and others hardly ever: the bits of a number, a hash of a histogram.
    pub(crate) fn mark(self) -> u64 {
        match self {
            Self::Float(sample) => sample.value.to_bits(),
            Self::Histogram(sample) => {
                let mut bytes = Vec::with_capacity(128);
                put(&mut bytes, &sample.histogram, None);
                xxh3_64(&bytes)
            }
        }
    }
}

impl From<Sample> for Incoming<'_> {
    fn from(sample: Sample) -> Self {
        Self::Float(sample)
    }
}

impl<'a> From<&'a HistogramSample> for Incoming<'a> {
    fn from(sample: &'a HistogramSample) -> Self {
        Self::Histogram(sample)
    }
}

/// A chunk that can be appended to.
#[derive(Debug)]
pub(crate) enum OpenChunk {
    Float(Chunk),
    Histogram(Box<HistogramChunk>),
}

impl OpenChunk {
    pub(crate) fn new(first: Incoming<'_>) -> Self {
        match first {
            Incoming::Float(sample) => Self::Float(Chunk::new(sample)),
            Incoming::Histogram(sample) => Self::Histogram(Box::new(HistogramChunk::new(sample))),
        }
    }

    /// Appends a sample, which must be later than the last; whether it could, since a chunk is of one kind and may be full.
    pub(crate) fn push(&mut self, sample: Incoming<'_>) -> bool {
        match (self, sample) {
            (Self::Float(chunk), Incoming::Float(sample)) if !chunk.is_full() => chunk.push(sample),
            (Self::Histogram(chunk), Incoming::Histogram(sample)) if !chunk.is_full() => chunk.push(sample),
            _ => return false,
        }
        true
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Float(chunk) => chunk.bytes(),
            Self::Histogram(chunk) => chunk.bytes(),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Float(chunk) => chunk.into_bytes(),
            Self::Histogram(chunk) => chunk.into_bytes(),
        }
    }

    /// Memory it takes.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Float(chunk) => chunk.capacity(),
            Self::Histogram(chunk) => chunk.capacity(),
        }
    }

    pub(crate) fn last_ms(&self) -> i64 {
        match self {
            Self::Float(chunk) => chunk.last().t_ms,
            Self::Histogram(chunk) => chunk.last_ms(),
        }
    }
}
