//! Reading a chunk.

use watchroom_model::{HistogramSample, Sample};

use super::bits::BitReader;
use super::{
    HEADER, KIND_DECIMAL, KIND_FLOAT, KIND_HISTOGRAM, KIND_WHOLE, MAX_DECIMALS, TIME_WIDTHS, VALUE_WIDTHS,
    histogram, scaled, unscaled,
};
use crate::codec::{Corrupt, Reader};

/// Time of a chunk's first sample.
pub(crate) fn first_ms(chunk: &[u8]) -> Option<i64> {
    chunk.get(3..11)?.first_chunk().copied().map(i64::from_le_bytes)
}

/// Number of samples that a chunk says it has.
pub(crate) fn n_samples(chunk: &[u8]) -> usize {
    let count = chunk.get(1..3).and_then(|count| count.first_chunk().copied());
    count.map_or(0, |count| usize::from(u16::from_le_bytes(count)))
}

/// Shows every sample of a chunk of either kind, in order of time. What is readable before the damage is shown.
#[inline]
pub(crate) fn decode_points(
    chunk: &[u8],
    on_float: impl FnMut(Sample),
    on_histogram: impl FnMut(HistogramSample),
) -> Result<(), Corrupt> {
    match chunk.first() {
        Some(&KIND_HISTOGRAM) => histogram::decode(chunk, on_histogram),
        _ => decode(chunk, on_float),
    }
}

/// Shows every number, in order of time. What is readable before the damage is shown.
#[inline]
pub(crate) fn decode(chunk: &[u8], mut visit: impl FnMut(Sample)) -> Result<(), Corrupt> {
    if chunk.len() < HEADER {
        return Err(Corrupt("a chunk has no header"));
    }
    let mut header = Reader::new(chunk);
    let kind = header.u8()?;
    let count = u16::from_le_bytes(header.array()?);
    let mut t_ms = header.u64()? as i64;
    let first = header.u64()?;
    let mut bits = BitReader::new(&chunk[HEADER..]);
    let mut time_delta = 0_i64;
    visit(Sample {
        t_ms,
        value: f64::from_bits(first),
    });
    match kind {
        KIND_WHOLE => {
            let number = f64::from_bits(first) as i64;
            numbers(&mut bits, count, t_ms, number, |t_ms, number| {
                visit(Sample {
                    t_ms,
                    value: number as f64,
                });
            })
        }
        kind if (KIND_DECIMAL + 1..=KIND_DECIMAL + MAX_DECIMALS).contains(&kind) => {
            let n_decimals = kind - KIND_DECIMAL;
            let number = scaled(f64::from_bits(first), n_decimals)
                .ok_or(Corrupt("a chunk of decimals does not begin with one"))?;
            numbers(&mut bits, count, t_ms, number, |t_ms, number| {
                visit(Sample {
                    t_ms,
                    value: unscaled(number, n_decimals),
                });
            })
        }
        KIND_FLOAT => {
            let mut value = first;
            let (mut trailing, mut n) = (0, 0);
            for _ in 1..count {
                time_delta = time_delta.wrapping_add(prefixed(&mut bits, &TIME_WIDTHS)?);
                t_ms = t_ms.wrapping_add(time_delta);
                match bits.peek_ones() {
                    0 => bits.skip(1)?,
                    ones => {
                        bits.skip(2)?;
                        if ones > 1 {
                            let leading = bits.read(5)? as u32;
                            n = bits.read(6)? as u32 + 1;
                            trailing = 64_u32
                                .checked_sub(leading + n)
                                .ok_or(Corrupt("a chunk has an impossible window"))?;
                        }
                        value ^= bits.read(n)? << trailing;
                    }
                }
                visit(Sample {
                    t_ms,
                    value: f64::from_bits(value),
                });
            }
            Ok(())
        }
        _ => Err(Corrupt("a chunk's kind is not known")),
    }
}

/// Shows the samples after the first, whose values are whole numbers of some part.
#[inline]
fn numbers(
    bits: &mut BitReader<'_>,
    count: u16,
    mut t_ms: i64,
    mut number: i64,
    mut visit: impl FnMut(i64, i64),
) -> Result<(), Corrupt> {
    let (mut time_delta, mut delta) = (0_i64, 0_i64);
    for _ in 1..count {
        time_delta = time_delta.wrapping_add(prefixed(bits, &TIME_WIDTHS)?);
        t_ms = t_ms.wrapping_add(time_delta);
        delta = delta.wrapping_add(prefixed(bits, &VALUE_WIDTHS)?);
        number = number.wrapping_add(delta);
        visit(t_ms, number);
    }
    Ok(())
}

#[inline]
fn prefixed<const N: usize>(bits: &mut BitReader<'_>, widths: &[u32; N]) -> Result<i64, Corrupt> {
    let ones = bits.peek_ones();
    if ones == 0 {
        bits.skip(1)?;
        return Ok(0);
    }
    match widths.get(ones as usize) {
        Some(&width) => bits.signed_after(ones + 1, width),
        None => {
            bits.skip(N as u32)?;
            Ok(bits.read(64)? as i64)
        }
    }
}
