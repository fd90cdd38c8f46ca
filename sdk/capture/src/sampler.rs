//! Samplers: whether a trace is kept, decided at its beginning.
//!
//! Invariant: asked once for each trace that enters or begins in this process, when its local root is made; children inherit. Asking
//! takes no lock and no memory.
//! Not here: keeping what turned out to be worth it (`keep`).

use watchroom_core::{Moment, SpanContext, TraceId};

mod adaptive;
mod names;
mod rate;
mod ratio;

pub use adaptive::Adaptive;
pub use names::SamplerError;
pub use rate::RateLimit;
pub use ratio::Ratio;

use crate::keep::KeepRules;

/// Decides whether a trace is sampled.
///
/// ```
/// # use watchroom_capture::Sampler;
/// let sampler = Sampler::from_names("parentbased_traceidratio", Some("0.25")).unwrap();
/// assert_eq!(sampler, Sampler::parent_based(Sampler::ratio(0.25)));
/// ```
///
/// Clones of a sampler with a state share it. Two samplers are equal if they are set alike.
///
/// Source: OpenTelemetry trace SDK, "Sampler"; the rate-limited, the adaptive and the keeping one are this SDK's own.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    /// Keeps every trace.
    AlwaysOn,
    /// Keeps no trace.
    AlwaysOff,
    /// Keeps a part of the traces, by their id alone, so that every service with the same ratio decides alike.
    TraceIdRatio(Ratio),
    /// Keeps so many traces a second.
    RateLimited(RateLimit),
    /// Keeps the more traces a second the more there are, between two bounds.
    Adaptive(Adaptive),
    /// Follows the caller's decision; asks `root` where there is no caller.
    ParentBased {
        /// For traces that begin here.
        root: Box<Sampler>,
        /// For traces that a caller has sampled.
        remote_sampled: Box<Sampler>,
        /// For traces that a caller has not sampled.
        remote_not_sampled: Box<Sampler>,
    },
    /// Decides as `head` does, and has the traces that `head` leaves out held back until their local root has closed: they are exported
    /// nonetheless if it failed or was slow.
    KeepErrorOrSlow {
        /// Decides at the beginning of a trace.
        head: Box<Sampler>,
        /// What is worth keeping, and how much memory may be spent on the question.
        rules: KeepRules,
    },
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::AlwaysOn)
    }
}

impl Sampler {
    /// Keeps `ratio` of the traces; what is below 0 counts as 0, above 1 as 1.
    #[must_use]
    pub fn ratio(ratio: f64) -> Self {
        Self::TraceIdRatio(Ratio::new(ratio))
    }

    /// Keeps up to `per_second` traces a second, as many at once if there were none before.
    #[must_use]
    pub fn rate_limited(per_second: f64) -> Self {
        Self::RateLimited(RateLimit::new(per_second, per_second))
    }

    /// Keeps every trace up to `base` a second, and beyond that more as there are more, up to `peak` a second.
    #[must_use]
    pub fn adaptive(base: f64, peak: f64) -> Self {
        Self::Adaptive(Adaptive::new(base, peak))
    }

    /// Follows the caller, asks `root` where there is none.
    #[must_use]
    pub fn parent_based(root: Self) -> Self {
        Self::ParentBased {
            root: Box::new(root),
            remote_sampled: Box::new(Self::AlwaysOn),
            remote_not_sampled: Box::new(Self::AlwaysOff),
        }
    }

    /// Decides as `head`, and keeps what failed or was slow besides.
    #[must_use]
    pub fn keep_error_or_slow(head: Self, rules: KeepRules) -> Self {
        Self::KeepErrorOrSlow {
            head: Box::new(head),
            rules,
        }
    }

    /// What is kept though it was left out at first, if anything is.
    #[must_use]
    pub fn keep_rules(&self) -> Option<KeepRules> {
        match self {
            Self::KeepErrorOrSlow { rules, .. } => Some(*rules),
            Self::ParentBased { root, .. } => root.keep_rules(),
            _ => None,
        }
    }

    /// The decision for a local root that begins `now`: its trace, and the caller where there is one.
    #[must_use]
    pub fn decide(&self, remote_parent: Option<&SpanContext>, trace_id: TraceId, now: Moment) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::TraceIdRatio(ratio) => ratio.keeps(trace_id),
            Self::RateLimited(limit) => limit.take(now),
            Self::Adaptive(adaptive) => adaptive.decide(trace_id, now),
            Self::ParentBased {
                root,
                remote_sampled,
                remote_not_sampled,
            } => match remote_parent {
                None => root,
                Some(parent) if parent.is_sampled() => remote_sampled,
                Some(_) => remote_not_sampled,
            }
            .decide(remote_parent, trace_id, now),
            Self::KeepErrorOrSlow { head, .. } => head.decide(remote_parent, trace_id, now),
        }
    }
}

#[cfg(test)]
mod tests;
