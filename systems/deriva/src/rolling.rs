//! A rate over the last observations, for the gauges that are specified as rolling.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Share of hits among the last `window` observations.
#[derive(Debug)]
pub struct RollingRate {
    state: Mutex<(VecDeque<bool>, usize)>,
    window: usize,
}

impl RollingRate {
    /// A rate over so many observations.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self {
            state: Mutex::new((VecDeque::with_capacity(window), 0)),
            window: window.max(1),
        }
    }

    /// Takes an observation in and returns the rate, from 0 to 1.
    pub fn observe(&self, hit: bool) -> f64 {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, hits) = &mut *guard;
        if seen.len() == self.window && seen.pop_front() == Some(true) {
            *hits -= 1;
        }
        seen.push_back(hit);
        *hits += usize::from(hit);
        ratio(*hits, seen.len())
    }
}

#[expect(clippy::cast_precision_loss, reason = "windows are far below 2⁵²")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let rate = RollingRate::new(4);
        let seen: Vec<f64> = [true, false, false, false, false]
            .into_iter()
            .map(|hit| rate.observe(hit))
            .collect();
        assert_eq!(seen, [1.0, 0.5, 1.0 / 3.0, 0.25, 0.0]);
    }
}
