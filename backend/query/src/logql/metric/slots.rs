//! Counts of overlapping windows, each line counted once.
//!
//! The edges of all windows cut time into slots; a window is a run of slots. Moments and lengths are milliseconds; a moment belongs to
//! the slot that it ends or lies in, as windows are open on the left.

use crate::promql::rows::Grid;

/// How the windows of a grid cut time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    /// Edge before the first window.
    origin_ms: i64,
    step_ms: i64,
    /// Steps that fit into a window, and what is left.
    whole: i64,
    rest: i64,
}

impl Slots {
    pub(super) fn new(grid: &Grid, range_ms: i64) -> Self {
        let step_ms = grid.step_ms.max(1);
        Self {
            origin_ms: grid.start_ms - range_ms,
            step_ms,
            whole: range_ms / step_ms,
            rest: range_ms % step_ms,
        }
    }

    /// The slot of a moment after the origin; nothing if it lies between windows.
    pub(super) fn of(&self, t_ms: i64) -> Option<u32> {
        let before = t_ms - self.origin_ms - 1;
        let (step, within) = (before.div_euclid(self.step_ms), before.rem_euclid(self.step_ms));
        let second = i64::from(within >= self.rest);
        let between = self.whole == 0 && second == 1;
        u32::try_from(2 * step + second).ok().filter(|_| !between)
    }

    /// The slots of the window that ends at a step of the grid.
    fn window(&self, step: usize) -> std::ops::Range<u32> {
        let first = 2 * step as u32;
        first..first + 2 * self.whole as u32 + u32::from(self.rest > 0)
    }
}

/// Numbers by slot, which only grow; whole, so that adding and taking away is exact.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<(u32, u64)>);

impl Counts {
    /// Adds to a slot, which is not before any that was added to; whether it is a new one.
    pub(super) fn add(&mut self, slot: u32, n: u64) -> bool {
        match self.0.last_mut() {
            Some((last, sum)) if *last >= slot => {
                *sum += n;
                false
            }
            _ => {
                self.0.push((slot, n));
                true
            }
        }
    }

    /// The number of lines' worth in each window that has any slot, with the step.
    pub(super) fn windows(&self, slots: &Slots, len: usize) -> impl Iterator<Item = (usize, u64)> {
        let (mut lo, mut hi, mut sum) = (0, 0, 0);
        (0..len).filter_map(move |step| {
            let window = slots.window(step);
            while let Some((_, n)) = self.0.get(hi).filter(|(slot, _)| *slot < window.end) {
                sum += n;
                hi += 1;
            }
            while let Some((_, n)) = self.0.get(lo).filter(|(slot, _)| lo < hi && *slot < window.start) {
                sum -= n;
                lo += 1;
            }
            (lo < hi).then_some((step, sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_if_each_window_were_read_by_itself() {
        for (start_ms, step_ms, len, range_ms) in [
            (100, 10, 7, 30),
            (100, 10, 7, 25),
            (100, 10, 7, 10),
            (100, 10, 7, 3),
            (100, 1, 1, 50),
            (-5, 7, 9, 100),
        ] {
            let grid = Grid {
                start_ms,
                step_ms,
                len,
            };
            let slots = Slots::new(&grid, range_ms);
            let lines: Vec<i64> = (start_ms - range_ms + 1..=grid.time(len - 1))
                .filter(|t| t % 3 != 0)
                .collect();
            let mut counts = Counts::default();
            for t_ms in &lines {
                if let Some(slot) = slots.of(*t_ms) {
                    counts.add(slot, 1);
                }
            }
            let found: Vec<(usize, u64)> = counts.windows(&slots, len).collect();
            let expect: Vec<(usize, u64)> = (0..len)
                .map(|step| {
                    let end = grid.time(step);
                    (
                        step,
                        lines
                            .iter()
                            .filter(|t| (end - range_ms + 1..=end).contains(*t))
                            .count() as u64,
                    )
                })
                .filter(|(_, n)| *n > 0)
                .collect();
            assert_eq!(found, expect, "{grid:?} {range_ms}");
        }
    }
}
