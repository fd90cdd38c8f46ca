//! The last values that a thread has found clean. An id stands on every span and line of a request: it is judged once.
//!
//! Invariant: a value counts as clean only if it is byte for byte one that the same rules have found clean. Nothing but clean values is
//! remembered, and of those no more than [`N_VALUES`] to a thread, of [`MAX_BYTES`] each.
//! Not here: values without a suspicious place, which are told clean faster than they are found here.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A power of two.
const N_VALUES: usize = 8;
const MIN_BYTES: usize = 16;
const MAX_BYTES: usize = 96;

/// By which rules a value was judged; no two sets of rules of a process share one, the dead included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judge(u64);

impl Default for Judge {
    fn default() -> Self {
        // Zero is nobody's.
        static NEXT: AtomicU64 = AtomicU64::new(2);
        Self(NEXT.fetch_add(2, Relaxed))
    }
}

impl Judge {
    /// The same rules, applied in their other way.
    pub(crate) const fn other_way(self, other: bool) -> Self {
        Self(self.0 | other as u64)
    }
}

#[derive(Clone, Copy)]
struct Value {
    judge: u64,
    len: usize,
    bytes: [u8; MAX_BYTES],
}

thread_local! {
    static RECENT: RefCell<[Value; N_VALUES]> = const {
        RefCell::new([Value { judge: 0, len: 0, bytes: [0; MAX_BYTES] }; N_VALUES])
    };
}

/// Whether a value of this length is remembered.
pub(crate) const fn fits(text: &str) -> bool {
    MIN_BYTES <= text.len() && text.len() <= MAX_BYTES
}

/// Whether the value has been found clean by the same judge, as far as is remembered.
pub(crate) fn is_clean(judge: Judge, text: &str) -> bool {
    let look = |recent: &RefCell<[Value; N_VALUES]>| {
        let Ok(recent) = recent.try_borrow() else {
            return false;
        };
        let value = &recent[place(text)];
        value.judge == judge.0 && value.bytes.get(..value.len) == Some(text.as_bytes())
    };
    RECENT.try_with(look).unwrap_or(false)
}

/// Remembers a value that is clean, in place of another.
pub(crate) fn remember(judge: Judge, text: &str) {
    // During a thread's end there is no place for it.
    let _ = RECENT.try_with(|recent| {
        let Ok(mut recent) = recent.try_borrow_mut() else {
            return;
        };
        let value = &mut recent[place(text)];
        let Some(bytes) = value.bytes.get_mut(..text.len()) else {
            return;
        };
        bytes.copy_from_slice(text.as_bytes());
        value.len = text.len();
        value.judge = judge.0;
    });
}

/// Where a value would be: by its length and its last bytes, which differ where ids do.
fn place(text: &str) -> usize {
    let last = text
        .as_bytes()
        .last_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mixed = (last ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 61) as usize % N_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_judges_verdict_is_not_anothers_and_only_the_same_bytes_are_the_same() {
        let (one, two) = (Judge::default(), Judge::default());
        let value = "0af76519-16cd-43dd-8448-eb211c80319c";
        assert!(!is_clean(one, value));
        remember(one, value);
        assert!(is_clean(one, value));
        assert!(!is_clean(two, value) && !is_clean(one.other_way(true), value));
        for other in [
            "1af76519-16cd-43dd-8448-eb211c80319c",
            "0af76519-16cd-43dd-8448-eb211c80319",
            "0af76519-16cd-43dd-8448-eb211c80319cc",
        ] {
            assert!(!is_clean(one, other), "{other}");
        }
        remember(two, value);
        assert!(is_clean(two, value) && !is_clean(one, value));
    }

    #[test]
    fn what_does_not_fit_is_not_remembered() {
        let long = "x".repeat(MAX_BYTES + 1);
        assert!(!fits(&long) && !fits("short"));
        remember(Judge::default(), &long);
    }
}
