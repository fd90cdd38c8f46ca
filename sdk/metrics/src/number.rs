//! The numbers that instruments hold, as bits in a slot.
//!
//! Invariant: an owned slot is written by one thread only, so a load and a store make an addition; a shared slot is updated with
//! one atomic operation.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How the bits of a slot are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repr {
    /// Unsigned integer.
    U64,
    /// Signed integer.
    I64,
    /// Floating point number.
    F64,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
    impl Sealed for f64 {}
}

/// A number that an instrument can hold: `u64`, `i64` or `f64`.
pub trait Number: Copy + PartialOrd + sealed::Sealed + Send + Sync + 'static {
    /// How its bits are read.
    const REPR: Repr;
    /// Nothing.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    #[doc(hidden)]
    fn bits(self) -> u64;
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;
    #[doc(hidden)]
    fn negated(self) -> Self;

    /// Adds to a slot that no other thread writes.
    #[doc(hidden)]
    #[inline(always)]
    fn add_owned(slot: &AtomicU64, n: Self) {
        slot.store(Self::from_bits(slot.load(Relaxed)).plus(n).bits(), Relaxed);
    }

    /// Adds to a slot that others write too.
    #[doc(hidden)]
    fn add_shared(slot: &AtomicU64, n: Self);
}

macro_rules! integer {
    ($int:ty, $repr:ident) => {
        impl Number for $int {
            const REPR: Repr = Repr::$repr;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            #[inline(always)]
            fn bits(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn negated(self) -> Self {
                self.wrapping_neg()
            }
            #[inline]
            fn add_shared(slot: &AtomicU64, n: Self) {
                slot.fetch_add(n as u64, Relaxed);
            }
        }
    };
}

integer!(u64, U64);
integer!(i64, I64);

impl Number for f64 {
    const REPR: Repr = Repr::F64;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn negated(self) -> Self {
        -self
    }
    #[inline]
    fn add_shared(slot: &AtomicU64, n: Self) {
        let mut seen = slot.load(Relaxed);
        while let Err(now) =
            slot.compare_exchange_weak(seen, (Self::from_bits(seen) + n).to_bits(), Relaxed, Relaxed)
        {
            seen = now;
        }
    }
}

/// What can be given where an instrument wants a `V`: any primitive number, so that `gauge.set(queue.len())` needs no cast.
///
/// Integers beyond 2⁵³ lose precision in an `f64`; what does not fit an `i64` becomes the nearest that does.
pub trait ToValue<V> {
    /// The value.
    fn to_value(self) -> V;
}

macro_rules! to_value {
    ($($from:ty),*) => {$(
        impl ToValue<f64> for $from {
            #[inline(always)]
            fn to_value(self) -> f64 {
                self as f64
            }
        }
        impl ToValue<i64> for $from {
            #[inline(always)]
            fn to_value(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }
    )*};
}

to_value!(u8, u16, u32, u64, usize, i8, i16, i32, i64);

impl ToValue<f64> for f64 {
    #[inline(always)]
    fn to_value(self) -> f64 {
        self
    }
}

impl ToValue<f64> for f32 {
    #[inline(always)]
    fn to_value(self) -> f64 {
        f64::from(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_as_the_same_number() {
        assert_eq!(i64::from_bits((-5_i64).bits()), -5);
        assert_eq!(<f64 as Number>::from_bits(Number::bits(-0.25)), -0.25);
        assert_eq!(u64::MAX.plus(2), 1);
    }

    #[test]
    fn both_ways_of_adding_agree() {
        let slot = AtomicU64::new(1.5_f64.bits());
        f64::add_owned(&slot, 2.0);
        f64::add_shared(&slot, -0.5);
        assert_eq!(<f64 as Number>::from_bits(slot.load(Relaxed)), 3.0);
        let slot = AtomicU64::new(0);
        i64::add_owned(&slot, -2);
        i64::add_shared(&slot, 5);
        assert_eq!(slot.load(Relaxed), 3);
    }

    #[test]
    fn what_does_not_fit_becomes_the_nearest_that_does() {
        let value: i64 = u64::MAX.to_value();
        assert_eq!(value, i64::MAX);
    }
}
