//! Compressed runs of samples of one series: of numbers, or of native histograms, which `histogram` tells of.
//!
//! Timestamps are kept as differences of differences; values as differences of differences while all are whole numbers, else as the XOR
//! of neighbours. Bit patterns survive exactly, the stale marker and every other not-a-number among them.
//!
//! Layout: kind (1 byte), number of samples (2), first timestamp (8), first value (8), then bits. Source: the Gorilla paper, Pelkonen
//! and others 2015, for the shape; prefixes and widths are our own.

mod bits;
mod decode;
mod encode;
pub(crate) mod histogram;
mod open;

pub(crate) use decode::{decode_points, first_ms, n_samples};
pub(crate) use open::{Incoming, OpenChunk};

use decode::decode;
use encode::Chunk;

/// Bytes before the bits.
const HEADER: usize = 19;

/// Whole numbers; the bits are differences of differences.
const KIND_WHOLE: u8 = 1;
/// Any numbers; the bits are XORs.
const KIND_FLOAT: u8 = 2;
/// Native histograms; what follows has a version of its own.
const KIND_HISTOGRAM: u8 = 3;

/// Widths of a timestamp's difference of differences, by number of leading ones.
const TIME_WIDTHS: [u32; 4] = [0, 7, 12, 20];
/// Widths of a whole value's difference of differences, by number of leading ones.
const VALUE_WIDTHS: [u32; 5] = [0, 5, 9, 14, 24];

/// The whole number that a value is, if it is one bit for bit and has no more than 53 bits.
fn whole(value: f64) -> Option<i64> {
    let number = value as i64;
    (number.unsigned_abs() < 1 << 53 && (number as f64).to_bits() == value.to_bits()).then_some(number)
}

#[cfg(test)]
mod tests;
