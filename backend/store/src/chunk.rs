//! Compressed runs of samples of one series: of numbers, or of native histograms, which `histogram` tells of.
//!
//! Timestamps are kept as differences of differences; values as differences of differences while all are whole numbers, or whole numbers
//! of tenths, hundredths and so on, else as the XOR of neighbours. Bit patterns survive exactly, the stale marker and every other not-a-number among them.
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
/// [`KIND_DECIMAL`] and this number of decimals: whole numbers of that part of one; the bits are differences of differences. Since format 2.
const KIND_DECIMAL: u8 = 16;
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
    scaled(value, 0)
}

/// Most decimals of a value that is not kept as any number.
const MAX_DECIMALS: u8 = 6;
const POWERS: [f64; MAX_DECIMALS as usize + 1] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// The whole number of parts that a value is, if what comes of dividing it again is the value bit for bit. No decimals are whole numbers.
#[inline]
pub(crate) fn scaled(value: f64, n_decimals: u8) -> Option<i64> {
    let power = POWERS[usize::from(n_decimals)];
    let number = (value * power).round() as i64;
    (number.unsigned_abs() < 1 << 53 && unscaled(number, n_decimals).to_bits() == value.to_bits())
        .then_some(number)
}

/// The value that [`scaled`] was given; any number of decimals is taken, as it may have been read.
#[inline]
pub(crate) fn unscaled(number: i64, n_decimals: u8) -> f64 {
    match n_decimals {
        0 => number as f64,
        n => number as f64 / POWERS[usize::from(n.min(MAX_DECIMALS))],
    }
}

/// Fewest decimals, `at_least` so many, with which a value is [`scaled`], and the number of parts then.
pub(crate) fn decimals(value: f64, at_least: u8) -> Option<(u8, i64)> {
    (at_least..=MAX_DECIMALS).find_map(|n| Some((n, scaled(value, n)?)))
}

#[cfg(test)]
mod tests;
