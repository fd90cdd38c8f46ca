//! Patience: a condition is asked again until it holds, with a bound that only a broken program meets.

use std::time::Duration;

const STEP: Duration = Duration::from_millis(50);

/// Asks until there is an answer, at most 30 s.
///
/// # Panics
/// If there is none by then.
#[track_caller]
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(30), what, ask)
}

/// Asks until there is an answer, at most `bound`.
///
/// # Panics
/// If there is none by then.
#[track_caller]
pub fn eventually_within<T>(bound: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let n_steps = bound.as_millis() / STEP.as_millis();
    for _ in 0..n_steps {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(STEP);
    }
    panic!("waited {} s in vain for: {what}", bound.as_secs());
}
