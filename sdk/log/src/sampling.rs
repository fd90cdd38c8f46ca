//! Sampling of log lines: rules by target and level, as they are written in settings (COM-14).
//!
//! Rules are separated by commas: `key=what is kept`. The key is a level, a target (with what is below it), `target:level`, or `*`.
//! What is kept is `all`, a rate (`100/s`, `10/m`, `5/h`; `100/s+500` lets 500 through at once), a ratio (`10%`, `0.1`), or both with a
//! space between. Each target and level has a rate of its own.
//!
//! Invariant: without a level a rule is about INFO, DEBUG and TRACE only; ERROR and WARN are sampled where a rule names them. Nothing
//! can be said of security events: they are all kept. Not here: counting and deciding (`sampler`), asking (`capture`).

use std::fmt;
use std::str::FromStr;

use tracing_core::Level;
use watchroom_capture::security;

mod limit;
mod sampler;

use limit::{Rate, Ratio};
pub use sampler::{LOG_TARGET, LogSampler, Suppressed};

/// Which log lines are kept.
///
/// ```
/// use watchroom_log::LogSampling;
///
/// let sampling = LogSampling::parse("*=1000/s, hyper=10/s+50, deriva::cache:debug=5%, warn=100/s, audit=all").unwrap();
/// assert_eq!(sampling.to_string(), "deriva::cache:debug=5%,audit=all,hyper=10/s+50,warn=100/s,*=1000/s");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogSampling {
    /// The most special first, so that the first one that is about a callsite decides.
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    /// Empty for all targets.
    target: String,
    level: Option<Level>,
    limits: Limits,
}

/// What a rule keeps; all of it where neither is set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Limits {
    ratio: Option<Ratio>,
    rate: Option<Rate>,
}

/// What is wrong with a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad log sampling rule {rule:?} at byte {at}: {what}")]
pub struct SamplingError {
    /// The rule.
    pub rule: String,
    /// Where it begins in the text.
    pub at: usize,
    /// What is wrong with it and what is right.
    pub what: &'static str,
}

const WHAT: &str = "expected what is kept: all, a rate such as 100/s or 10/m+50, a ratio such as 5% or 0.05, or a ratio and a rate";

impl LogSampling {
    /// Keeps everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { rules: Vec::new() }
    }

    /// Whether everything is kept.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.rules.is_empty()
    }

    /// Reads rules. The one with the longest target decides, and of two with the same target the one that names the level. A later rule
    /// with the same key replaces an earlier one; the empty text keeps everything.
    ///
    /// # Errors
    /// [`SamplingError`] says which rule is wrong and why.
    pub fn parse(text: &str) -> Result<Self, SamplingError> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut at = 0;
        for part in text.split(',') {
            let rule = part.trim();
            let start = at + (part.len() - part.trim_start().len());
            at += part.len() + 1;
            if rule.is_empty() {
                continue;
            }
            let parsed = Rule::parse(rule).map_err(|what| SamplingError {
                rule: rule.to_owned(),
                at: start,
                what,
            })?;
            rules.retain(|old| (&old.target, old.level) != (&parsed.target, parsed.level));
            rules.push(parsed);
        }
        rules.sort_by(|a, b| {
            let key = |rule: &Rule| (std::cmp::Reverse(rule.target.len()), rule.level.is_none());
            (key(a), &a.target, a.level).cmp(&(key(b), &b.target, b.level))
        });
        Ok(Self { rules })
    }

    /// The rule that is about a target and a level.
    fn rule(&self, target: &str, level: Level) -> Option<(usize, Limits)> {
        let covers = |rule: &Rule| match rule.level {
            Some(named) => named == level,
            None => level > Level::WARN,
        };
        let found = self.rules.iter().enumerate();
        let (idx, rule) = found
            .filter(|(_, rule)| target.starts_with(&rule.target))
            .find(|(_, rule)| covers(rule))?;
        Some((idx, rule.limits))
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (key, kept) = text
            .split_once('=')
            .ok_or("expected an equals sign between the key and what is kept")?;
        let key = key.trim();
        let (target, level) = match level_of(key) {
            Some(level) => ("", Some(level)),
            None => match key.rsplit_once(':') {
                // `a::info` is a module.
                Some((target, last)) if !target.ends_with(':') && !last.is_empty() => {
                    let level = level_of(last)
                        .ok_or("expected a level after the colon: error, warn, info, debug or trace")?;
                    (target, Some(level))
                }
                _ => (key, None),
            },
        };
        let target = match target {
            "*" => "",
            "" if level.is_none() || key.starts_with(':') => {
                return Err("expected a level, a target, target:level or * before the equals sign");
            }
            target => target,
        };
        if target.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("expected a target without spaces; rules are separated by commas");
        }
        if security::is_security_target(target) {
            return Err("security events are never sampled");
        }
        Ok(Self {
            target: target.to_owned(),
            level,
            limits: Limits::parse(kept)?,
        })
    }
}

impl Limits {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut limits = Self::default();
        let mut n_words = 0;
        for word in text.split_whitespace() {
            n_words += 1;
            let is_new = if word == "all" {
                n_words == 1 && text.trim() == "all"
            } else if word.contains('/') {
                limits.rate.replace(Rate::parse(word)?).is_none()
            } else {
                limits.ratio.replace(Ratio::parse(word)?).is_none()
            };
            if !is_new {
                return Err(WHAT);
            }
        }
        if n_words == 0 { Err(WHAT) } else { Ok(limits) }
    }

    const fn keeps_all(&self) -> bool {
        self.ratio.is_none() && self.rate.is_none()
    }
}

fn level_of(text: &str) -> Option<Level> {
    // `Level` reads digits too; only the names are meant here.
    let is_name = ["error", "warn", "info", "debug", "trace"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(text));
    is_name.then(|| text.parse().ok()).flatten()
}

impl FromStr for LogSampling {
    type Err = SamplingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for LogSampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, rule) in self.rules.iter().enumerate() {
            if idx > 0 {
                f.write_str(",")?;
            }
            let level = rule.level.map(|level| level.as_str().to_ascii_lowercase());
            match (rule.target.as_str(), level) {
                ("", None) => f.write_str("*")?,
                ("", Some(level)) => f.write_str(&level)?,
                (target, None) => f.write_str(target)?,
                (target, Some(level)) => write!(f, "{target}:{level}")?,
            }
            match (rule.limits.ratio, rule.limits.rate) {
                (None, None) => f.write_str("=all")?,
                (Some(ratio), None) => write!(f, "={ratio}")?,
                (None, Some(rate)) => write!(f, "={rate}")?,
                (Some(ratio), Some(rate)) => write!(f, "={ratio} {rate}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decides(text: &str, target: &str, level: Level) -> Option<String> {
        let sampling = LogSampling::parse(text).unwrap();
        let (idx, _) = sampling.rule(target, level)?;
        Some(
            LogSampling {
                rules: vec![sampling.rules[idx].clone()],
            }
            .to_string(),
        )
    }

    #[test]
    fn the_longest_target_decides_then_the_level() {
        let text = "*=5/s, debug=4/s, a=3/s, a:debug=2/s, a::b=1/s, a::quiet=all";
        for (target, level, expected) in [
            ("z", Level::INFO, "*=5/s"),
            ("z", Level::DEBUG, "debug=4/s"),
            ("a::z", Level::INFO, "a=3/s"),
            ("a::z", Level::DEBUG, "a:debug=2/s"),
            ("a::b::c", Level::DEBUG, "a::b=1/s"),
            ("a::quiet", Level::TRACE, "a::quiet=all"),
        ] {
            assert_eq!(
                decides(text, target, level).as_deref(),
                Some(expected),
                "{target} {level}"
            );
        }
    }

    #[test]
    fn errors_and_warnings_are_sampled_only_where_they_are_named() {
        let text = "*=1/s,a=0%,warn=7/s,b:error=1%";
        assert_eq!(decides(text, "a", Level::ERROR), None);
        assert_eq!(decides(text, "a", Level::WARN).as_deref(), Some("warn=7/s"));
        assert_eq!(decides(text, "b", Level::ERROR).as_deref(), Some("b:error=1%"));
        assert_eq!(decides("*=1/s", "a", Level::WARN), None);
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_rules() {
        for (text, shown) in [
            ("", ""),
            ("info = 0.25", "info=25%"),
            ("a::info=10/m", "a::info=10/m"),
            ("a:info=0.1% 100/s+1000", "a:info=0.1% 100/s+1000"),
            ("a=1/s,a=2/s", "a=2/s"),
            ("b=2.5/h,*=all", "b=2.5/h,*=all"),
        ] {
            let sampling = LogSampling::parse(text).unwrap();
            assert_eq!(sampling.to_string(), shown);
            assert_eq!(LogSampling::parse(shown).unwrap(), sampling, "{text}");
            assert_eq!(sampling.is_all(), text.is_empty());
        }
    }

    #[test]
    fn errors_name_the_rule_its_place_and_what_is_right() {
        for (text, at, what) in [
            ("info=1/s, a=fast", 10, "a rate such as"),
            ("a", 0, "equals sign"),
            ("=1/s", 0, "target:level"),
            (":info=1/s", 0, "target:level"),
            ("a:loud=1/s", 0, "after the colon"),
            ("a b=1/s", 0, "without spaces"),
            ("a=", 0, "a rate such as"),
            ("a=all 1/s", 0, "a rate such as"),
            ("a=1/s 2/s", 0, "a rate such as"),
            ("a=120%", 0, "from 0% to 100%"),
            ("a=-1", 0, "from 0% to 100%"),
            ("a=0/s", 0, "above 0"),
            ("a=nan/s", 0, "above 0"),
            ("a=1/d", 0, "/s, /m or /h"),
            ("a=1/s+0", 0, "whole number of at least 1"),
            ("security=1/s", 0, "never sampled"),
            ("security::keys:info=1/s", 0, "never sampled"),
        ] {
            let error = LogSampling::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}");
            assert!(error.to_string().contains(what), "{text}: {error}");
        }
    }
}
