//! Trace and span ids, flags, and the context that travels between services.
//!
//! Invariant: an id that a generator gives is never zero; generating one allocates nothing and locks nothing.
//! Not here: the text forms of headers (capture's propagation owns those).

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Id of a trace: 16 bytes, big-endian on the wire, 32 lower-case hex digits in text.
///
/// Source: W3C Trace Context, `trace-id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(u128);

/// Id of a span: 8 bytes, big-endian on the wire, 16 lower-case hex digits in text.
///
/// Source: W3C Trace Context, `parent-id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(u64);

macro_rules! id {
    ($id:ident, $int:ty, $bytes:literal, $hex:literal) => {
        impl $id {
            /// Makes an id of a number; zero is not an id.
            #[must_use]
            pub const fn new(number: $int) -> Option<Self> {
                if number == 0 {
                    None
                } else {
                    Some(Self(number))
                }
            }

            /// Makes an id of its bytes in network order; all zero is not an id.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                Self::new(<$int>::from_be_bytes(bytes))
            }

            /// The bytes in network order.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0.to_be_bytes()
            }

            /// The id as a number.
            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }

            /// Reads the text form: exactly the full number of lower-case hex digits, not all zero.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let well_formed = text.len() == $hex
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !well_formed {
                    return None;
                }
                <$int>::from_str_radix(text, 16).ok().and_then(Self::new)
            }

            /// The text form, without allocation.
            #[must_use]
            pub fn hex(self) -> Hex<$hex> {
                let mut digits = [0; $hex];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.to_bytes()) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                Hex(digits)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.hex().as_str())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

id!(TraceId, u128, 16, 32);
id!(SpanId, u64, 8, 16);

/// Hex digits on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    /// The digits, which are ASCII.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The array holds ASCII digits only, so the fallback is never taken; it stands here because the SDK does not panic.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TraceId {
    /// A random id from this thread's generator.
    #[must_use]
    pub fn random() -> Self {
        loop {
            let number = (u128::from(next_random()) << 64) | u128::from(next_random());
            if let Some(id) = Self::new(number) {
                return id;
            }
        }
    }
}

impl SpanId {
    /// A random id from this thread's generator.
    #[must_use]
    pub fn random() -> Self {
        loop {
            if let Some(id) = Self::new(next_random()) {
                return id;
            }
        }
    }
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

/// Each thread's seed comes from the standard library's keyed hasher, which the operating system's randomness keys; the
/// address of a stack variable keeps threads apart that ask at once.
fn seed() -> u64 {
    let here = 0_u8;
    RandomState::new().hash_one((
        std::process::id(),
        std::thread::current().id(),
        &raw const here as usize,
    ))
}

/// One step of SplitMix64: every 64-bit value once in a period of 2⁶⁴, which is enough for ids, not for keys.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
pub fn next_random() -> u64 {
    // During a thread's end the local may be gone; a fresh seed then serves the single call.
    let state = STATE
        .try_with(|cell| {
            let next = cell.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            cell.set(next);
            next
        })
        .unwrap_or_else(|_| seed());
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Trace flags.
///
/// Source: W3C Trace Context, `trace-flags`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TraceFlags(pub u8);

impl TraceFlags {
    /// Bit of the sampling decision.
    pub const SAMPLED: u8 = 1;

    /// Flags with the sampling decision and nothing else.
    #[must_use]
    pub const fn with_sampled(sampled: bool) -> Self {
        Self(sampled as u8)
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }
}

/// Vendors' entries that travel with a trace, in their text form; shared, so that a child span costs a reference count.
///
/// Source: W3C Trace Context, `tracestate`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TraceState(Option<Arc<str>>);

impl TraceState {
    /// No entry.
    pub const EMPTY: Self = Self(None);

    /// Takes the text of an already validated header.
    #[must_use]
    pub fn from_validated(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.into()))
    }

    /// The text form; empty if there is no entry.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// The part of a span that travels: who it is, whether the trace is sampled, and the vendors' entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Flags, the sampling decision among them.
    pub flags: TraceFlags,
    /// Whether it came from another process.
    pub remote: bool,
    /// Vendors' entries.
    pub state: TraceState,
}

impl SpanContext {
    /// Whether the trace is sampled.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn reads_and_shows_the_same_digits() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(TraceId::parse(text).unwrap().to_string(), text);
        assert_eq!(
            SpanId::parse("00f067aa0ba902b7").unwrap().to_string(),
            "00f067aa0ba902b7"
        );
    }

    #[test]
    fn refuses_zero_short_and_upper_case_ids() {
        for bad in [
            "00000000000000000000000000000000",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "4bf9",
            "",
            "4bf92f3577b34da6a3ce929d0e0e473g",
        ] {
            assert_eq!(TraceId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn threads_do_not_repeat_each_others_ids() {
        let ids: Vec<SpanId> = (0..8)
            .map(|_| std::thread::spawn(|| (0..10_000).map(|_| SpanId::random()).collect::<Vec<_>>()))
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }
}
