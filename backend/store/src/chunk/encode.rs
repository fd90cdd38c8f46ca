//! Appending to a chunk.

use watchroom_model::Sample;

use super::bits::push;
use super::{
    HEADER, KIND_DECIMAL, KIND_FLOAT, KIND_WHOLE, MAX_DECIMALS, TIME_WIDTHS, VALUE_WIDTHS, decimals, decode,
    scaled,
};

/// Samples after which a chunk is full.
const MAX_SAMPLES: u16 = 240;

/// A chunk that can be appended to; its bytes are a valid chunk at any time.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Unused bits of the last byte.
    free: u8,
    /// Window of the last XOR: zeros before and after it.
    leading: u8,
    trailing: u8,
    count: u16,
    last: Sample,
    last_time_delta: i64,
    /// The last value as a whole number of parts, unless values are any numbers.
    last_number: i64,
    last_value_delta: i64,
}

impl Chunk {
    pub(crate) fn new(first: Sample) -> Self {
        match decimals(first.value, 0) {
            Some((n_decimals, number)) => Self::with_kind(first, decimal_kind(n_decimals), number),
            None => Self::with_kind(first, KIND_FLOAT, 0),
        }
    }

    fn with_kind(first: Sample, kind: u8, number: i64) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(kind);
        bytes.extend_from_slice(&1_u16.to_le_bytes());
        bytes.extend_from_slice(&first.t_ms.to_le_bytes());
        bytes.extend_from_slice(&first.value.to_bits().to_le_bytes());
        debug_assert_eq!(bytes.len(), HEADER, "the header is as long as its constant says");
        Self {
            bytes,
            free: 0,
            leading: u8::MAX,
            trailing: 0,
            count: 1,
            last: first,
            last_time_delta: 0,
            last_number: number,
            last_value_delta: 0,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn last(&self) -> Sample {
        self.last
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count >= MAX_SAMPLES
    }

    /// Appends a sample, which must be later than the last.
    pub(crate) fn push(&mut self, sample: Sample) {
        let number = self.number_of(sample.value);
        // Growing by doubling would leave a third of all chunk memory unused.
        if self.bytes.capacity() - self.bytes.len() < 24 {
            self.bytes.reserve_exact(48);
        }
        let time_delta = sample.t_ms.wrapping_sub(self.last.t_ms);
        self.push_prefixed(time_delta.wrapping_sub(self.last_time_delta), &TIME_WIDTHS);
        self.last_time_delta = time_delta;
        match number {
            Some(number) => self.push_number(number),
            None => self.push_float(sample.value),
        }
        self.last = sample;
        self.count += 1;
        self.bytes[1..3].copy_from_slice(&self.count.to_le_bytes());
    }

    /// Decimals of the chunk's values, unless they are any numbers.
    fn n_decimals(&self) -> Option<u8> {
        match self.bytes[0] {
            KIND_WHOLE => Some(0),
            KIND_FLOAT => None,
            kind => Some(kind - KIND_DECIMAL),
        }
    }

    /// The value as a whole number of the chunk's parts, for which the chunk may become one of finer parts; none if it is one of any numbers.
    fn number_of(&mut self, value: f64) -> Option<i64> {
        let n_decimals = self.n_decimals()?;
        if let Some(number) = scaled(value, n_decimals) {
            return Some(number);
        }
        if let Some((finer, number)) = decimals(value, n_decimals + 1)
            && self.become_finer(finer)
        {
            return Some(number);
        }
        self.become_float();
        None
    }

    fn push_number(&mut self, number: i64) {
        let delta = number.wrapping_sub(self.last_number);
        self.push_prefixed(delta.wrapping_sub(self.last_value_delta), &VALUE_WIDTHS);
        self.last_value_delta = delta;
        self.last_number = number;
    }

    /// A run of ones says how wide the number is; the widest takes 64 bits.
    fn push_prefixed(&mut self, number: i64, widths: &[u32]) {
        let ones = widths.iter().position(|&width| match width {
            0 => number == 0,
            width => (-(1_i64 << (width - 1))..1 << (width - 1)).contains(&number),
        });
        match ones {
            Some(ones) => {
                // The ones, then a zero.
                let ones = ones as u32;
                push(&mut self.bytes, &mut self.free, (1 << (ones + 1)) - 2, ones + 1);
                push(
                    &mut self.bytes,
                    &mut self.free,
                    number as u64,
                    widths[ones as usize],
                );
            }
            None => {
                let ones = widths.len() as u32;
                push(&mut self.bytes, &mut self.free, (1 << ones) - 1, ones);
                push(&mut self.bytes, &mut self.free, number as u64, 64);
            }
        }
    }

    fn push_float(&mut self, value: f64) {
        let (bytes, free) = (&mut self.bytes, &mut self.free);
        let xor = value.to_bits() ^ self.last.value.to_bits();
        if xor == 0 {
            push(bytes, free, 0, 1);
            return;
        }
        let leading = (xor.leading_zeros() as u8).min(31);
        let trailing = xor.trailing_zeros() as u8;
        if self.leading != u8::MAX && leading >= self.leading && trailing >= self.trailing {
            push(bytes, free, 0b10, 2);
            let n = 64 - u32::from(self.leading) - u32::from(self.trailing);
            push(bytes, free, xor >> self.trailing, n);
        } else {
            let n = 64 - u32::from(leading) - u32::from(trailing);
            push(bytes, free, 0b11, 2);
            push(bytes, free, u64::from(leading), 5);
            push(bytes, free, u64::from(n - 1), 6);
            push(bytes, free, xor >> trailing, n);
            (self.leading, self.trailing) = (leading, trailing);
        }
    }

    /// Writes the samples so far again with more decimals, which happens at most as often as there are numbers of them; false if
    /// one cannot be written so.
    fn become_finer(&mut self, n_decimals: u8) -> bool {
        let mut finer: Option<Self> = None;
        let mut fits = n_decimals <= MAX_DECIMALS;
        let complete = decode(&self.bytes, |sample| {
            fits = fits && scaled(sample.value, n_decimals).is_some();
            match (&mut finer, scaled(sample.value, n_decimals)) {
                (_, _) if !fits => {}
                (Some(chunk), _) => chunk.push(sample),
                (None, number) => {
                    finer = Some(Self::with_kind(
                        sample,
                        decimal_kind(n_decimals),
                        number.unwrap_or(0),
                    ));
                }
            }
        });
        debug_assert_eq!(complete, Ok(()), "a chunk decodes what it encoded");
        match finer {
            Some(finer) if fits => {
                *self = finer;
                true
            }
            _ => false,
        }
    }

    /// Writes the samples so far again as floats; happens at most once in a chunk.
    fn become_float(&mut self) {
        let mut float: Option<Self> = None;
        let complete = decode(&self.bytes, |sample| match &mut float {
            Some(chunk) => chunk.push(sample),
            None => float = Some(Self::with_kind(sample, KIND_FLOAT, 0)),
        });
        debug_assert_eq!(complete, Ok(()), "a chunk decodes what it encoded");
        if let Some(float) = float {
            *self = float;
        }
    }
}

fn decimal_kind(n_decimals: u8) -> u8 {
    match n_decimals {
        0 => KIND_WHOLE,
        n => KIND_DECIMAL + n,
    }
}
