//! The declaration of a metric: the one place that says its name, help, unit, labels and buckets.
//!
//! Invariant: two declarations that are equal but for their location are the same metric.

use std::borrow::Cow;
use std::time::Duration;

use crate::label::LabelDeclaration;
use crate::number::Repr;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// A value that is set.
    Gauge,
    /// Observations in declared buckets.
    Histogram,
    /// Observations in exponential buckets.
    NativeHistogram,
    /// Quantiles of what a reservoir kept.
    Summary,
    /// Facts that do not change.
    Info,
    /// One of a set of states.
    StateSet,
}

impl Kind {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::NativeHistogram => "native histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "state set",
        }
    }
}

/// Buckets of a native histogram: `2^scale` for each doubling, between two powers of two.
///
/// What is at most `2^min_exponent` counts as zero; what exceeds `2^max_exponent` is counted in the last bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    pub(crate) scale: u8,
    pub(crate) min_exponent: i16,
    pub(crate) max_exponent: i16,
}

impl Resolution {
    /// From a microsecond to an hour when the unit is the second, at 8 buckets for each doubling (a relative error below 4.5 %).
    pub const SECONDS: Self = Self::new(3, -20, 12);
    /// From one byte to a tebibyte, at 4 buckets for each doubling.
    pub const BYTES: Self = Self::new(2, 0, 40);

    /// `scale` is taken as at most 5, `max_exponent` as more than `min_exponent`, both within ±1000 and at most 64 apart.
    #[must_use]
    pub const fn new(scale: u8, min_exponent: i16, max_exponent: i16) -> Self {
        let scale = if scale > 5 { 5 } else { scale };
        let min = if min_exponent < -1000 {
            -1000
        } else if min_exponent > 999 {
            999
        } else {
            min_exponent
        };
        let max = if max_exponent <= min {
            min + 1
        } else if max_exponent > min + 64 {
            min + 64
        } else {
            max_exponent
        };
        Self {
            scale,
            min_exponent: min,
            max_exponent: max,
        }
    }

    /// Number of buckets.
    #[must_use]
    pub const fn n_buckets(self) -> usize {
        ((self.max_exponent - self.min_exponent) as usize) << self.scale
    }
}

/// Quantiles that a reservoir shows unless its declaration says otherwise.
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// The declaration of a metric. The derive of [`Metrics`](macro@crate::Metrics) makes it from a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    pub(crate) name: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
    pub(crate) unit: Option<Cow<'static, str>>,
    pub(crate) kind: Kind,
    pub(crate) repr: Repr,
    pub(crate) labels: Cow<'static, [LabelDeclaration]>,
    pub(crate) buckets: Cow<'static, [f64]>,
    pub(crate) resolution: Resolution,
    pub(crate) quantiles: Cow<'static, [f64]>,
    pub(crate) states: &'static [&'static str],
    /// Names of labels come with each recording.
    pub(crate) dynamic: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) expire: Option<Duration>,
    pub(crate) one_in: u32,
    pub(crate) zero: bool,
    pub(crate) legacy_name: bool,
    pub(crate) location: &'static str,
}

impl Declaration {
    /// A declaration with its full name and its help. Kind and labels come with the instrument that is registered with it.
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            help: help.into(),
            unit: None,
            kind: Kind::Gauge,
            repr: Repr::F64,
            labels: Cow::Borrowed(&[]),
            buckets: Cow::Borrowed(&[]),
            resolution: Resolution::SECONDS,
            quantiles: Cow::Borrowed(&QUANTILES),
            states: &[],
            dynamic: false,
            limit: None,
            expire: None,
            one_in: 1,
            zero: false,
            legacy_name: false,
            location: "",
        }
    }

    /// Sets the unit; the name has to end with it.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Sets the upper bounds of a histogram's buckets, `+Inf` excepted.
    #[must_use]
    pub fn with_buckets(mut self, bounds: impl Into<Cow<'static, [f64]>>) -> Self {
        self.buckets = bounds.into();
        self
    }

    /// Sets the buckets of a native histogram.
    #[must_use]
    pub fn with_resolution(mut self, resolution: Resolution) -> Self {
        self.resolution = resolution;
        self
    }

    /// Sets the quantiles that a [`Reservoir`](crate::Reservoir) shows, each between 0 and 1.
    #[must_use]
    pub fn with_quantiles(mut self, quantiles: impl Into<Cow<'static, [f64]>>) -> Self {
        self.quantiles = quantiles.into();
        self
    }

    /// Sets how many series this metric may have; the registry's own limit for a metric holds besides.
    #[must_use]
    pub fn with_limit(mut self, n_series: usize) -> Self {
        self.limit = Some(n_series);
        self
    }

    /// Lets series of open labels end that were not recorded for `idle`. It takes the place of the registry's own time
    /// ([`Registry::set_idle_after`](crate::Registry::set_idle_after)); one that comes back begins anew.
    #[must_use]
    pub fn expiring_after(mut self, idle: Duration) -> Self {
        self.expire = Some(idle);
        self
    }

    /// Records one of `n` and scales it: for [`SampledCounter`](crate::SampledCounter) and
    /// [`SampledHistogram`](crate::SampledHistogram). Zero counts as one.
    #[must_use]
    pub fn recording_one_in(mut self, n: u32) -> Self {
        self.one_in = n.max(1);
        self
    }

    /// Shows every combination of the closed labels from the start, at zero.
    #[must_use]
    pub fn starting_at_zero(mut self) -> Self {
        self.zero = true;
        self
    }

    /// Keeps a name that breaks the naming conventions, for dashboards that exist.
    #[must_use]
    pub fn with_legacy_name(mut self) -> Self {
        self.legacy_name = true;
        self
    }

    /// Sets where the declaration stands, as `file:line`.
    #[must_use]
    pub fn at(mut self, location: &'static str) -> Self {
        self.location = location;
        self
    }

    /// The full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The help.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The unit.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// What the metric is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &[LabelDeclaration] {
        &self.labels
    }

    /// Upper bounds of its buckets.
    #[must_use]
    pub fn buckets(&self) -> &[f64] {
        &self.buckets
    }

    /// Quantiles that a reservoir shows.
    #[must_use]
    pub fn quantiles(&self) -> &[f64] {
        &self.quantiles
    }

    /// After what time without a recording its series end, if it says so itself.
    #[must_use]
    pub fn expires_after(&self) -> Option<Duration> {
        self.expire
    }

    /// Where it stands, as `file:line`.
    #[must_use]
    pub fn location(&self) -> &'static str {
        self.location
    }

    /// Says how `other` differs, in words.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let differs = |what: &str, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
            Some(format!("{what} was {was:?}, is {is:?}"))
        };
        if self.kind != other.kind {
            return differs("kind", &self.kind.as_str(), &other.kind.as_str());
        }
        if self.repr != other.repr {
            return differs("number", &self.repr, &other.repr);
        }
        if self.help != other.help {
            return differs("help", &self.help, &other.help);
        }
        if self.unit != other.unit {
            return differs("unit", &self.unit, &other.unit);
        }
        if self.labels != other.labels {
            return differs("labels", &self.labels, &other.labels);
        }
        if self.buckets != other.buckets {
            return differs("buckets", &self.buckets, &other.buckets);
        }
        if self.resolution != other.resolution {
            return differs("resolution", &self.resolution, &other.resolution);
        }
        if self.quantiles != other.quantiles {
            return differs("quantiles", &self.quantiles, &other.quantiles);
        }
        if self.dynamic != other.dynamic {
            return differs("names of labels at run time", &self.dynamic, &other.dynamic);
        }
        if self.limit != other.limit {
            return differs("limit", &self.limit, &other.limit);
        }
        if self.expire != other.expire {
            return differs("expiry", &self.expire, &other.expire);
        }
        if self.one_in != other.one_in {
            return differs("recordings in one", &self.one_in, &other.one_in);
        }
        if self.states != other.states {
            return differs("states", &self.states, &other.states);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_out_of_range_is_brought_into_it() {
        assert_eq!(Resolution::SECONDS.n_buckets(), 256);
        assert_eq!(Resolution::new(9, 4, 4).n_buckets(), 32);
        assert_eq!(Resolution::new(0, i16::MIN, i16::MAX).n_buckets(), 64);
    }

    #[test]
    fn says_what_differs() {
        let a = Declaration::new("a", "x").at("a.rs:1");
        assert_eq!(a.difference(&a.clone().at("b.rs:9")), None);
        let text = a.difference(&a.clone().with_unit("bytes")).unwrap();
        assert_eq!(text, r#"unit was None, is Some("bytes")"#);
    }
}
