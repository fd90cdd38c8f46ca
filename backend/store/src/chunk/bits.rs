//! Bits, most significant first.

use crate::codec::Corrupt;

/// Appends the low `n` bits of `value` to `bytes`, of whose last byte `free` bits are unused.
pub(super) fn push(bytes: &mut Vec<u8>, free: &mut u8, value: u64, mut n: u32) {
    while n > 0 {
        if *free == 0 {
            bytes.push(0);
            *free = 8;
        }
        let take = n.min(u32::from(*free));
        n -= take;
        let part = ((value >> n) & ((1 << take) - 1)) as u8;
        *free -= take as u8;
        if let Some(last) = bytes.last_mut() {
            *last |= part << *free;
        }
    }
}

/// Reads bits.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read ahead, at the top.
    buffer: u64,
    /// How many there are.
    held: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            buffer: 0,
            held: 0,
        }
    }

    /// Makes at least 57 bits available, or all that are left.
    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.bytes.first_chunk::<8>() {
            self.buffer |= u64::from_be_bytes(*next) >> self.held;
            let whole = (63 - self.held) / 8;
            self.bytes = &self.bytes[whole as usize..];
            self.held += whole * 8;
            // Bits of the next byte that came along are dropped; they are read again.
            if self.held < 64 {
                self.buffer &= !(u64::MAX >> self.held);
            }
            return;
        }
        while self.held <= 56 {
            let Some((&byte, rest)) = self.bytes.split_first() else {
                return;
            };
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
            self.bytes = rest;
        }
    }

    #[inline]
    fn consume(&mut self, n: u32) -> Result<(), Corrupt> {
        if n > self.held {
            return Err(Corrupt("a chunk ends early"));
        }
        self.held -= n;
        self.buffer = self.buffer.checked_shl(n).unwrap_or(0);
        Ok(())
    }

    /// Reads `n` bits, at most 64.
    #[inline]
    pub(super) fn read(&mut self, n: u32) -> Result<u64, Corrupt> {
        if n == 0 {
            return Ok(0);
        }
        if n > 56 {
            let high = self.read(n - 32)?;
            return Ok(high << 32 | self.read(32)?);
        }
        if self.held < n {
            self.fill();
        }
        let value = self.buffer >> (64 - n);
        self.consume(n)?;
        Ok(value)
    }

    /// Counts the ones that come next, without reading them.
    #[inline]
    pub(super) fn peek_ones(&mut self) -> u32 {
        if self.held < 56 {
            self.fill();
        }
        self.buffer.leading_ones()
    }

    /// Passes over bits.
    #[inline]
    pub(super) fn skip(&mut self, n: u32) -> Result<(), Corrupt> {
        if self.held < n {
            self.fill();
        }
        self.consume(n)
    }

    /// Passes over `n` bits and reads a signed number of `width` bits, both together at most 56 and at least one.
    #[inline]
    pub(super) fn signed_after(&mut self, n: u32, width: u32) -> Result<i64, Corrupt> {
        if self.held < n + width {
            self.fill();
        }
        // The number's sign comes to the top, and moves down as it should.
        let number = (self.buffer << n) as i64 >> (64 - width);
        self.consume(n + width)?;
        Ok(number)
    }
}
