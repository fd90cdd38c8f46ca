//! The selected spans by time and duration.

use super::walk::each_selected;
use super::{Coverage, SpanSource, TraceError, TraceExpr, Window};

/// Most steps over the window.
const MAX_STEPS: usize = 1_000;

/// Counts of spans by step and duration.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationHistogram {
    /// Length of a step.
    pub step_ns: u64,
    /// Upper bounds of the buckets, inclusive: 1, 2, 5, 10, … from the shortest to the longest that has spans.
    pub bounds_ns: Vec<u64>,
    /// By step, then by bucket.
    pub counts: Vec<Vec<u64>>,
    /// Failed spans by step.
    pub errors: Vec<u64>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// Counts the selected spans by step, of `step_ns` or longer, and by duration.
///
/// # Errors
/// [`TraceError`] if it ran out of time, was cancelled, or the store failed.
pub fn duration_histogram(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    step_ns: u64,
    window: &Window<'_>,
) -> Result<DurationHistogram, TraceError> {
    let (n_steps, step_ns) = window.steps(step_ns, MAX_STEPS);
    let bounds = bounds();
    let mut counts = vec![vec![0; bounds.len()]; n_steps];
    let mut errors = vec![0; n_steps];
    let coverage = each_selected(source, expr, &[], false, window, &mut |span| {
        let step = window.step_of(span.start_ns, step_ns).min(n_steps - 1);
        let bucket = bounds.partition_point(|bound| *bound < span.duration_ns);
        counts[step][bucket.min(bounds.len() - 1)] += 1_u64;
        errors[step] += u64::from(span.is_error());
    })?;
    let used = |bucket: &usize| counts.iter().any(|step| step[*bucket] > 0);
    let first = (0..bounds.len()).find(used).unwrap_or(0);
    let after = (0..bounds.len()).rev().find(used).map_or(first, |last| last + 1);
    Ok(DurationHistogram {
        step_ns,
        bounds_ns: bounds[first..after].to_vec(),
        counts: counts.iter().map(|step| step[first..after].to_vec()).collect(),
        errors,
        coverage,
    })
}

/// 1, 2, 5, 10, … nanoseconds, the last without a bound.
fn bounds() -> Vec<u64> {
    let mut bounds: Vec<u64> = (0..14)
        .flat_map(|power| [1, 2, 5].map(|n| n * 10_u64.pow(power)))
        .collect();
    bounds.push(u64::MAX);
    bounds
}

#[cfg(test)]
mod tests {
    use super::super::fixture::span;
    use super::*;
    use crate::Never;

    #[test]
    fn counts_by_step_and_duration() {
        let spans: Vec<_> = [(0, 900), (5, 1_000), (10, 1_001), (19, 90_000), (15, 0)]
            .into_iter()
            .map(|(start, duration)| {
                let mut span = span(1, start + 1, start);
                span.duration_ns = duration;
                span
            })
            .collect();
        let expr = TraceExpr::parse("{ duration > 0ms }").unwrap();
        let found = duration_histogram(&*spans, &expr, 10, &Window::new(0, 19, &Never)).unwrap();
        assert_eq!(
            found.bounds_ns,
            [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]
        );
        assert_eq!(found.counts, [[2, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 1]]);
        assert_eq!((found.errors, found.coverage.matched), (vec![2, 2], 4));
        let none = TraceExpr::parse("{ name = \"x\" }").unwrap();
        let found = duration_histogram(&*spans, &none, 10, &Window::new(0, 19, &Never)).unwrap();
        assert_eq!(found.bounds_ns, [] as [u64; 0]);
    }
}
