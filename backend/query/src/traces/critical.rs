//! The critical path of a trace: at each moment the span that its end waited for.
//!
//! Walked from the end backwards. At a moment, the span waits for that child that ended last before it, for as long as the child took; what no
//! child took is the span's own. A child that outlives its parent is taken up to the parent's end, one that starts before it from its
//! start, so that clocks that differ a little do no harm.
//!
//! Source: Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022.

use std::collections::HashMap;

use watchroom_model::{Span, SpanId};

/// A stretch of time that a span has on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPart {
    /// Index of the span in the trace.
    pub span: usize,
    /// From, nanoseconds since the epoch.
    pub start_ns: u64,
    /// To.
    pub end_ns: u64,
}

/// The path in order of time; its parts do not overlap, and together they are the time that a root lasted.
///
/// Roots and spans whose parents are not there are taken as children of the whole trace. Cost: n log n.
///
/// ```
/// assert!(watchroom_query::traces::critical_path(&[]).is_empty());
/// ```
#[must_use]
pub fn critical_path(trace: &[Span]) -> Vec<PathPart> {
    let children = Children::of(trace);
    let mut path = Vec::new();
    let end_ns = trace.iter().map(Span::end_ns).max().unwrap_or(0);
    let mut stack = vec![Frame {
        span: None,
        start_ns: 0,
        at_ns: end_ns,
        next: 0,
    }];
    while let Some(frame) = stack.last_mut() {
        let below = children.of_span(frame.span);
        let mut entered = None;
        while let Some(child) = below.get(frame.next).copied() {
            frame.next += 1;
            let start_ns = trace[child].start_ns.max(frame.start_ns);
            let end_ns = trace[child].end_ns().min(frame.at_ns);
            // It started after what was waited for, or took no time.
            if start_ns >= end_ns {
                continue;
            }
            frame.own(end_ns, &mut path);
            frame.at_ns = start_ns;
            entered = Some(Frame {
                span: Some(child),
                start_ns,
                at_ns: end_ns,
                next: 0,
            });
            break;
        }
        match entered {
            Some(entered) => stack.push(entered),
            None => {
                frame.own(frame.start_ns, &mut path);
                stack.pop();
            }
        }
    }
    path.reverse();
    path
}

struct Frame {
    /// The whole trace if none.
    span: Option<usize>,
    start_ns: u64,
    /// What lies after is told already.
    at_ns: u64,
    /// Next of its children.
    next: usize,
}

impl Frame {
    /// What lies from `from_ns` to where the frame is, is its own.
    fn own(&self, from_ns: u64, path: &mut Vec<PathPart>) {
        if let Some(span) = self.span
            && from_ns < self.at_ns
        {
            path.push(PathPart {
                span,
                start_ns: from_ns,
                end_ns: self.at_ns,
            });
        }
    }
}

/// Children by parent, those that end last first; a span is below one parent at most, and cycles hang nowhere.
struct Children {
    roots: Vec<usize>,
    below: Vec<Vec<usize>>,
}

impl Children {
    fn of(trace: &[Span]) -> Self {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(trace.len());
        for (i, span) in trace.iter().enumerate() {
            by_id.entry(span.span_id).or_insert(i);
        }
        let mut children = Self {
            roots: Vec::new(),
            below: vec![Vec::new(); trace.len()],
        };
        for (i, span) in trace.iter().enumerate() {
            match span.parent_id.and_then(|id| by_id.get(&id)) {
                Some(parent) if *parent != i => children.below[*parent].push(i),
                _ => children.roots.push(i),
            }
        }
        let last_first = |list: &mut Vec<usize>| {
            list.sort_by_key(|i| (std::cmp::Reverse(trace[*i].end_ns()), trace[*i].start_ns, *i));
        };
        last_first(&mut children.roots);
        children.below.iter_mut().for_each(last_first);
        children
    }

    fn of_span(&self, span: Option<usize>) -> &[usize] {
        match span {
            Some(i) => &self.below[i],
            None => &self.roots,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::span;
    use super::*;

    fn trace(spans: &[(u64, Option<u64>, u64, u64)]) -> Vec<Span> {
        spans
            .iter()
            .map(|(id, parent, from, to)| {
                let mut span = span(1, *id, *from);
                span.parent_id = parent.map(SpanId);
                span.duration_ns = to - from;
                span
            })
            .collect()
    }

    #[track_caller]
    fn check(spans: &[(u64, Option<u64>, u64, u64)], expect: &[(u64, u64, u64)]) {
        let trace = trace(spans);
        let found: Vec<_> = critical_path(&trace)
            .into_iter()
            .map(|part| (trace[part.span].span_id.0, part.start_ns, part.end_ns))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn follows_what_the_end_waited_for() {
        check(&[], &[]);
        check(&[(1, None, 10, 20)], &[(1, 10, 20)]);
        // One after the other, with work of its own between.
        check(
            &[
                (1, None, 0, 100),
                (2, Some(1), 10, 40),
                (3, Some(1), 50, 90),
                (4, Some(3), 60, 90),
            ],
            &[
                (1, 0, 10),
                (2, 10, 40),
                (1, 40, 50),
                (3, 50, 60),
                (4, 60, 90),
                (1, 90, 100),
            ],
        );
        // Side by side: the one that ends last.
        check(
            &[(1, None, 0, 100), (2, Some(1), 10, 80), (3, Some(1), 10, 90)],
            &[(1, 0, 10), (3, 10, 90), (1, 90, 100)],
        );
        // Overlapping: the earlier one up to where the later one began.
        check(
            &[(1, None, 0, 100), (2, Some(1), 0, 60), (3, Some(1), 50, 100)],
            &[(2, 0, 50), (3, 50, 100)],
        );
        // A child that outlives its parent, and one that began before it.
        check(
            &[(1, None, 10, 50), (2, Some(1), 40, 90), (3, Some(1), 0, 20)],
            &[(3, 10, 20), (1, 20, 40), (2, 40, 50)],
        );
    }

    #[test]
    fn several_roots_orphans_and_cycles_do_no_harm() {
        check(
            &[(1, None, 0, 10), (2, Some(99), 20, 30)],
            &[(1, 0, 10), (2, 20, 30)],
        );
        check(&[(1, Some(2), 0, 10), (2, Some(1), 0, 10)], &[]);
        check(&[(1, Some(1), 0, 10), (1, Some(1), 0, 10)], &[(1, 0, 10)]);
    }

    proptest! {
        #[test]
        fn parts_do_not_overlap_and_are_within_their_spans(
            spans in prop::collection::vec((0..20_u64, prop::option::of(0..20_u64), 0..100_u64, 0..100_u64), 0..40)
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(id, parent, from, len)| (id, parent, from, from + len)).collect();
            let trace = trace(&spans);
            let path = critical_path(&trace);
            for pair in path.windows(2) {
                prop_assert!(pair[0].end_ns <= pair[1].start_ns);
            }
            for part in path {
                let span = &trace[part.span];
                prop_assert!(part.start_ns < part.end_ns);
                prop_assert!(span.start_ns <= part.start_ns && part.end_ns <= span.end_ns());
            }
        }

        #[test]
        fn the_path_of_one_root_is_as_long_as_the_root(
            below in prop::collection::vec((1..30_u64, 0..100_u64, 0..100_u64), 0..30)
        ) {
            let mut spans = vec![(0, None, 0, 120)];
            spans.extend(below.iter().enumerate().map(|(i, (parent, from, len))| {
                let id = i as u64 + 1;
                (id, Some(parent % id), *from, (from + len).min(120))
            }));
            let total: u64 = critical_path(&trace(&spans)).iter().map(|part| part.end_ns - part.start_ns).sum();
            prop_assert_eq!(total, 120);
        }
    }
}
