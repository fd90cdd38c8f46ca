//! Samplers by name and argument, as the environment gives them.
//!
//! Invariant: a name alone is a whole sampler; what is not understood is an error that says what would be.
//! Not here: which variable or setting they come from.

use std::time::Duration;

use super::{RateLimit, Sampler};
use crate::keep::KeepRules;

/// A sampler that cannot be made of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamplerError {
    /// The name is not known.
    #[error(
        "unknown sampler {name:?}, expected always_on, always_off, traceidratio, parentbased_always_on, \
         parentbased_always_off, parentbased_traceidratio, rate_limited, adaptive or keep_error_or_slow"
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
    /// A part of the argument is not understood.
    #[error("sampler argument {arg:?} is not accepted by {sampler}, expected {expected}")]
    BadArg {
        /// The sampler's name.
        sampler: &'static str,
        /// The part that was given.
        arg: String,
        /// What would be right.
        expected: &'static str,
    },
}

const RATE: &str = "traces a second as a number above 0, or rate=N and burst=N separated by a comma";
const ADAPTIVE: &str =
    "base=N and peak=N, traces a second, separated by a comma, the peak not below the base";
const KEEP: &str = "any of slow=500ms, max_bytes=8MiB, max_traces=4096, late=30s and one of ratio=0.1, rate=N or base=N,peak=N, \
     separated by commas";

const RATE_LIMITED: &str = "rate_limited";
const ADAPTIVE_NAME: &str = "adaptive";
const KEEP_NAME: &str = "keep_error_or_slow";

const DEFAULT_RATE: f64 = 100.0;
const DEFAULT_BASE: f64 = 10.0;
const DEFAULT_PEAK: f64 = 100.0;
const DEFAULT_KEEP_RATIO: f64 = 0.1;

impl Sampler {
    /// Reads the values of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    ///
    /// | name | argument | without one |
    /// |---|---|---|
    /// | `always_on`, `always_off`, `parentbased_always_on`, `parentbased_always_off` | not looked at | |
    /// | `traceidratio`, `parentbased_traceidratio` | a ratio, `0.25` | 1 |
    /// | `rate_limited` | traces a second, `50`, or `rate=50,burst=100` | 100, and as many at once |
    /// | `adaptive` | `base=10,peak=100`, traces a second | as shown |
    /// | `keep_error_or_slow` | `slow=1s`, `max_bytes=8MiB`, `max_traces=4096`, `late=30s`, and for the head sampler `ratio=0.1`, `rate=…`, or `base=…,peak=…` | as shown, a ratio of 0.1 |
    ///
    /// The last three follow the caller's decision where there is one, with or without `parentbased_` before their names.
    ///
    /// # Errors
    /// [`SamplerError`] for a name that is not known and an argument that is none.
    pub fn from_names(name: &str, arg: Option<&str>) -> Result<Self, SamplerError> {
        let arg = arg.map(str::trim).filter(|arg| !arg.is_empty());
        let name = name.trim();
        match name {
            "always_on" => return Ok(Self::AlwaysOn),
            "always_off" => return Ok(Self::AlwaysOff),
            "traceidratio" => return ratio(arg),
            _ => {}
        }
        let root = match name.strip_prefix("parentbased_").unwrap_or(name) {
            "always_on" => Ok(Self::AlwaysOn),
            "always_off" => Ok(Self::AlwaysOff),
            "traceidratio" => ratio(arg),
            RATE_LIMITED => rate_limited(arg),
            ADAPTIVE_NAME => adaptive(arg),
            KEEP_NAME => return keep(arg),
            _ => Err(SamplerError::UnknownName {
                name: name.to_owned(),
            }),
        };
        root.map(Self::parent_based)
    }
}

fn ratio(arg: Option<&str>) -> Result<Sampler, SamplerError> {
    match arg {
        None => Ok(Sampler::ratio(1.0)),
        Some(arg) => match arg.parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Sampler::ratio(ratio)),
            _ => Err(SamplerError::BadRatio { arg: arg.to_owned() }),
        },
    }
}

fn rate_limited(arg: Option<&str>) -> Result<Sampler, SamplerError> {
    if let Some(rate) = arg.and_then(rate) {
        return Ok(Sampler::rate_limited(rate));
    }
    let (mut per_second, mut burst) = (DEFAULT_RATE, None);
    each(RATE_LIMITED, RATE, arg, |key, value| {
        match key {
            "rate" => per_second = rate(value)?,
            "burst" => burst = Some(rate(value)?),
            _ => return None,
        }
        Some(())
    })?;
    let limit = RateLimit::new(per_second, burst.unwrap_or(per_second));
    Ok(Sampler::RateLimited(limit))
}

fn adaptive(arg: Option<&str>) -> Result<Sampler, SamplerError> {
    let (mut base, mut peak) = (None, None);
    each(ADAPTIVE_NAME, ADAPTIVE, arg, |key, value| {
        match key {
            "base" => base = Some(rate(value)?),
            "peak" => peak = Some(rate(value)?),
            _ => return None,
        }
        Some(())
    })?;
    between(ADAPTIVE_NAME, ADAPTIVE, base, peak, arg)
}

/// Where one bound is given, the other is the default unless that makes no sense.
fn between(
    sampler: &'static str,
    expected: &'static str,
    base: Option<f64>,
    peak: Option<f64>,
    arg: Option<&str>,
) -> Result<Sampler, SamplerError> {
    let (base, peak) = match (base, peak) {
        (Some(base), Some(peak)) if peak < base => {
            return Err(SamplerError::BadArg {
                sampler,
                arg: arg.unwrap_or_default().to_owned(),
                expected,
            });
        }
        (Some(base), peak) => (base, peak.unwrap_or(DEFAULT_PEAK).max(base)),
        (None, peak) => {
            let peak = peak.unwrap_or(DEFAULT_PEAK);
            (DEFAULT_BASE.min(peak), peak)
        }
    };
    Ok(Sampler::adaptive(base, peak))
}

fn keep(arg: Option<&str>) -> Result<Sampler, SamplerError> {
    let mut rules = KeepRules::default();
    let (mut head_ratio, mut per_second, mut base, mut peak) = (None, None, None, None);
    each(KEEP_NAME, KEEP, arg, |key, value| {
        match key {
            "slow" => rules.slow = duration(value)?,
            "late" => rules.late = duration(value)?,
            "max_bytes" => rules.max_bytes = bytes(value)?,
            "max_traces" => rules.max_traces = value.parse().ok().filter(|n| *n > 0)?,
            "ratio" => head_ratio = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)),
            "rate" => per_second = rate(value),
            "base" => base = rate(value),
            "peak" => peak = rate(value),
            _ => return None,
        }
        let known = match key {
            "ratio" => head_ratio.is_some(),
            "rate" => per_second.is_some(),
            "base" => base.is_some(),
            "peak" => peak.is_some(),
            _ => true,
        };
        known.then_some(())
    })?;
    let head = match (head_ratio, per_second, base.or(peak)) {
        (None, None, None) => Sampler::ratio(DEFAULT_KEEP_RATIO),
        (Some(ratio), None, None) => Sampler::ratio(ratio),
        (None, Some(rate), None) => Sampler::rate_limited(rate),
        (None, None, Some(_)) => between(KEEP_NAME, KEEP, base, peak, arg)?,
        _ => {
            return Err(SamplerError::BadArg {
                sampler: KEEP_NAME,
                arg: arg.unwrap_or_default().to_owned(),
                expected: KEEP,
            });
        }
    };
    Ok(Sampler::keep_error_or_slow(Sampler::parent_based(head), rules))
}

/// Reads `key=value` parts between commas.
fn each(
    sampler: &'static str,
    expected: &'static str,
    arg: Option<&str>,
    mut take: impl FnMut(&str, &str) -> Option<()>,
) -> Result<(), SamplerError> {
    for part in arg.unwrap_or_default().split(',').map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let taken = part
            .split_once('=')
            .and_then(|(key, value)| take(key.trim(), value.trim()));
        taken.ok_or_else(|| SamplerError::BadArg {
            sampler,
            arg: part.to_owned(),
            expected,
        })?;
    }
    Ok(())
}

fn rate(text: &str) -> Option<f64> {
    let rate: f64 = text.parse().ok()?;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// `500ms`, `1.5s`, `2m`; a number alone is milliseconds, as in the OpenTelemetry variables.
fn duration(text: &str) -> Option<Duration> {
    let (number, scale) = match text {
        text if text.ends_with("ms") => (text.strip_suffix("ms")?, 0.001),
        text if text.ends_with('s') => (text.strip_suffix('s')?, 1.0),
        text if text.ends_with('m') => (text.strip_suffix('m')?, 60.0),
        text => (text, 0.001),
    };
    let seconds = number.parse::<f64>().ok()? * scale;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

/// `8388608`, `512KiB`, `8MiB`.
fn bytes(text: &str) -> Option<usize> {
    let (number, scale) = match text {
        text if text.ends_with("KiB") => (text.strip_suffix("KiB")?, 1 << 10),
        text if text.ends_with("MiB") => (text.strip_suffix("MiB")?, 1 << 20),
        text => (text, 1),
    };
    number
        .parse::<usize>()
        .ok()?
        .checked_mul(scale)
        .filter(|n| *n > 0)
}
