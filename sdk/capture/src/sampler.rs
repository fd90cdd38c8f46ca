//! Samplers: whether a trace is kept.
//!
//! Invariant: asked once for each trace that enters or begins in this process, when its local root is made; children inherit.
//! Not here: samplers that need state (rate, load, outcome of the trace).

use watchroom_core::{SpanContext, TraceId};

/// Decides whether a trace is sampled.
///
/// ```
/// # use watchroom_capture::Sampler;
/// let sampler = Sampler::from_names("parentbased_traceidratio", Some("0.25")).unwrap();
/// assert_eq!(sampler, Sampler::parent_based(Sampler::ratio(0.25)));
/// ```
///
/// Source: OpenTelemetry trace SDK, "Sampler".
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    /// Keeps every trace.
    AlwaysOn,
    /// Keeps no trace.
    AlwaysOff,
    /// Keeps a part of the traces, by their id alone, so that every service with the same ratio decides alike.
    TraceIdRatio(Ratio),
    /// Follows the caller's decision; asks `root` where there is no caller.
    ParentBased {
        /// For traces that begin here.
        root: Box<Sampler>,
        /// For traces that a caller has sampled.
        remote_sampled: Box<Sampler>,
        /// For traces that a caller has not sampled.
        remote_not_sampled: Box<Sampler>,
    },
}

/// A part of all traces, 0 to 1.
///
/// The rule is that of the OpenTelemetry SDKs for Rust, Go and Java: the lower 64 bits of the trace id, shifted right by one, are
/// below `ratio * 2^63`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    ratio: f64,
    /// Exclusive upper bound of the 63 bits.
    bound: u64,
}

impl Ratio {
    /// The ratio, 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.ratio
    }

    fn keeps(self, trace_id: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g, h] = trace_id.to_bytes();
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1) < self.bound
    }
}

/// A sampler that cannot be made of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamplerError {
    /// The name is not known.
    #[error(
        "unknown sampler {name:?}, expected always_on, always_off, traceidratio, parentbased_always_on, \
         parentbased_always_off or parentbased_traceidratio"
    )]
    UnknownName {
        /// What was given.
        name: String,
    },
    /// The ratio is not a number from 0 to 1.
    #[error("sampler argument {arg:?} is not a ratio, expected a number from 0 to 1")]
    BadRatio {
        /// What was given.
        arg: String,
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
        let ratio = if ratio.is_nan() {
            0.0
        } else {
            ratio.clamp(0.0, 1.0)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to 1 times 2^63 fits into u64; the loss of bits is part of the common rule"
        )]
        let bound = (ratio * (1_u64 << 63) as f64) as u64;
        Self::TraceIdRatio(Ratio { ratio, bound })
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

    /// Reads the values of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; without an argument the ratio is 1.
    ///
    /// # Errors
    /// [`SamplerError`] for a name that is not known and a ratio that is none.
    pub fn from_names(name: &str, arg: Option<&str>) -> Result<Self, SamplerError> {
        let ratio = || match arg.map(str::trim).filter(|arg| !arg.is_empty()) {
            None => Ok(Self::ratio(1.0)),
            Some(arg) => match arg.parse::<f64>() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self::ratio(ratio)),
                _ => Err(SamplerError::BadRatio { arg: arg.to_owned() }),
            },
        };
        match name.trim() {
            "always_on" => Ok(Self::AlwaysOn),
            "always_off" => Ok(Self::AlwaysOff),
            "traceidratio" => ratio(),
            "parentbased_always_on" => Ok(Self::parent_based(Self::AlwaysOn)),
            "parentbased_always_off" => Ok(Self::parent_based(Self::AlwaysOff)),
            "parentbased_traceidratio" => ratio().map(Self::parent_based),
            name => Err(SamplerError::UnknownName {
                name: name.to_owned(),
            }),
        }
    }

    /// The decision for a local root: its trace, and the caller where there is one.
    #[must_use]
    pub fn decide(&self, remote_parent: Option<&SpanContext>, trace_id: TraceId) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::TraceIdRatio(ratio) => ratio.keeps(trace_id),
            Self::ParentBased {
                root,
                remote_sampled,
                remote_not_sampled,
            } => match remote_parent {
                None => root,
                Some(parent) if parent.is_sampled() => remote_sampled,
                Some(_) => remote_not_sampled,
            }
            .decide(remote_parent, trace_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use watchroom_core::{SpanId, TraceFlags, TraceState};

    use super::*;

    fn caller(sampled: bool) -> SpanContext {
        SpanContext {
            trace_id: TraceId::random(),
            span_id: SpanId::random(),
            flags: TraceFlags::with_sampled(sampled),
            remote: true,
            state: TraceState::EMPTY,
        }
    }

    #[test]
    fn parent_based_follows_the_caller_and_asks_the_root_sampler_otherwise() {
        let sampler = Sampler::parent_based(Sampler::AlwaysOff);
        let id = TraceId::random();
        assert!(sampler.decide(Some(&caller(true)), id));
        assert!(!sampler.decide(Some(&caller(false)), id));
        assert!(!sampler.decide(None, id));
        assert!(Sampler::default().decide(None, id));
        assert!(Sampler::AlwaysOn.decide(Some(&caller(false)), id));
    }

    #[test]
    fn the_ratio_looks_at_the_lower_63_bits_only() {
        let half = Sampler::ratio(0.5);
        let below = TraceId::new(0xffff_ffff_ffff_ffff_7fff_ffff_ffff_ffff).unwrap();
        let above = TraceId::new(0x8000_0000_0000_0000).unwrap();
        assert!(half.decide(None, below));
        assert!(!half.decide(None, above));
        for _ in 0..1_000 {
            let id = TraceId::random();
            assert!(Sampler::ratio(1.0).decide(None, id));
            assert!(!Sampler::ratio(0.0).decide(None, id));
        }
        let kept = (0..20_000)
            .filter(|_| Sampler::ratio(0.2).decide(None, TraceId::random()))
            .count();
        assert!((3_400..4_600).contains(&kept), "{kept}");
    }

    #[test]
    fn names_are_read_and_bad_ones_say_what_is_right() {
        assert_eq!(Sampler::from_names("always_on", None), Ok(Sampler::AlwaysOn));
        assert_eq!(
            Sampler::from_names(" traceidratio ", Some("0.5")),
            Ok(Sampler::ratio(0.5))
        );
        assert_eq!(Sampler::from_names("traceidratio", None), Ok(Sampler::ratio(1.0)));
        let error = Sampler::from_names("sometimes", None).unwrap_err().to_string();
        assert!(
            error.contains("sometimes") && error.contains("parentbased_traceidratio"),
            "{error}"
        );
        for bad in ["1.5", "-1", "nan", "half"] {
            let error = Sampler::from_names("parentbased_traceidratio", Some(bad)).unwrap_err();
            assert_eq!(error, SamplerError::BadRatio { arg: bad.to_owned() });
        }
    }
}
