//! Level filters by target, in the syntax of `RUST_LOG`.
//!
//! Invariant: a filter is asked once per callsite and generation; it is never looked at when a span is entered or left.
//! Not here: filters on spans and field values, which would have to be asked each time.

use std::fmt;
use std::str::FromStr;

use tracing_core::{LevelFilter, Metadata};

mod reload;

pub(crate) use reload::renew;
pub use reload::{ReloadableFilter, generation};

/// Level by target. The directive with the longest target that the callsite's target starts with decides; callsites that no
/// directive is about are off.
///
/// ```
/// # use watchroom_capture::Filter;
/// let filter = Filter::parse("info,deriva=debug,hyper=off").unwrap();
/// assert_eq!(filter.to_string(), "deriva=debug,hyper=off,info");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Longest target first, so that the first match decides.
    directives: Vec<Directive>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Directive {
    /// Empty for all targets.
    target: String,
    level: LevelFilter,
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad filter directive {directive:?} at byte {at}: {what}")]
pub struct FilterError {
    /// The directive.
    pub directive: String,
    /// Where it begins in the text.
    pub at: usize,
    /// What is wrong with it and what is right.
    pub what: &'static str,
}

const LEVELS: &str = "expected a level: off, error, warn, info, debug or trace";

impl Filter {
    /// The same level for every target.
    #[must_use]
    pub fn level(level: LevelFilter) -> Self {
        Self {
            directives: vec![Directive {
                target: String::new(),
                level,
            }],
        }
    }

    /// Lets nothing pass.
    #[must_use]
    pub fn off() -> Self {
        Self::level(LevelFilter::OFF)
    }

    /// Reads directives separated by commas: `level`, `target=level`, or `target` for all its levels. A later directive for the
    /// same target replaces an earlier one.
    ///
    /// # Errors
    /// [`FilterError`] says which directive is wrong and why; filters on spans and fields (`[span{field=value}]`) are refused.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self {
            directives: Vec::new(),
        };
        let mut at = 0;
        for part in split_directives(text) {
            let directive = part.trim();
            let start = at + (part.len() - part.trim_start().len());
            at += part.len() + 1;
            if directive.is_empty() {
                continue;
            }
            let parsed = Directive::parse(directive).map_err(|what| FilterError {
                directive: directive.to_owned(),
                at: start,
                what,
            })?;
            filter.add(parsed);
        }
        if filter.directives.is_empty() {
            return Err(FilterError {
                directive: text.to_owned(),
                at: 0,
                what: "expected at least one directive such as info or my_crate=debug",
            });
        }
        Ok(filter)
    }

    fn add(&mut self, directive: Directive) {
        self.directives.retain(|old| old.target != directive.target);
        let idx = self.directives.partition_point(|old| {
            (old.target.len(), &directive.target) > (directive.target.len(), &old.target)
        });
        self.directives.insert(idx, directive);
    }

    /// Whether a callsite passes.
    #[must_use]
    pub fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level_of(metadata.target())
    }

    /// The most verbose level that passes for a target.
    #[must_use]
    pub fn level_of(&self, target: &str) -> LevelFilter {
        self.directives
            .iter()
            .find(|directive| target.starts_with(&directive.target))
            .map_or(LevelFilter::OFF, |directive| directive.level)
    }

    /// The most verbose level that passes for any target.
    #[must_use]
    pub fn max_level(&self) -> LevelFilter {
        self.directives
            .iter()
            .map(|directive| directive.level)
            .max()
            .unwrap_or(LevelFilter::OFF)
    }
}

/// Commas inside of brackets and braces do not separate, so that an error shows the whole directive.
fn split_directives(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c: char| {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

impl Directive {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['[', ']', '{', '}']) {
            return Err("filters on spans and fields are not supported, expected target=level");
        }
        let (target, level) = match text.split_once('=') {
            None => match level_of(text) {
                Some(level) => ("", level),
                None => (text, LevelFilter::TRACE),
            },
            Some((target, level)) => (target.trim(), level_of(level.trim()).ok_or(LEVELS)?),
        };
        if text.contains('=') && target.is_empty() {
            return Err("expected a target before the equals sign");
        }
        if target.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("expected a target without spaces; directives are separated by commas");
        }
        Ok(Self {
            target: target.to_owned(),
            level,
        })
    }
}

fn level_of(text: &str) -> Option<LevelFilter> {
    // `LevelFilter` reads the empty text as `error` and digits as levels; only the names are meant here.
    let is_name = ["off", "error", "warn", "info", "debug", "trace"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(text));
    is_name.then(|| text.parse().ok()).flatten()
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, directive) in self.directives.iter().enumerate() {
            if idx > 0 {
                f.write_str(",")?;
            }
            if !directive.target.is_empty() {
                write!(f, "{}=", directive.target)?;
            }
            write!(f, "{}", directive.level)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_target_decides_whatever_the_order() {
        for text in ["info,a=warn,a::b=trace,c=off", "c=off,a::b=trace,a=warn,info"] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.level_of("a::b::x"), LevelFilter::TRACE, "{text}");
            assert_eq!(filter.level_of("a::z"), LevelFilter::WARN, "{text}");
            assert_eq!(filter.level_of("c"), LevelFilter::OFF, "{text}");
            assert_eq!(filter.level_of("other"), LevelFilter::INFO, "{text}");
            assert_eq!(filter.max_level(), LevelFilter::TRACE, "{text}");
        }
    }

    #[test]
    fn without_a_default_what_is_not_named_is_off() {
        let filter = Filter::parse("a, b = WARN").unwrap();
        assert_eq!(filter.level_of("a"), LevelFilter::TRACE);
        assert_eq!(filter.level_of("b"), LevelFilter::WARN);
        assert_eq!(filter.level_of("z"), LevelFilter::OFF);
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_filter() {
        for text in [
            "info",
            "off",
            "a=debug,info",
            "z=trace,b=off,a::c=warn,error",
            "x",
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter, "{text}");
        }
    }

    #[test]
    fn a_later_directive_replaces_an_earlier_one() {
        assert_eq!(Filter::parse("a=info,a=debug").unwrap().to_string(), "a=debug");
    }

    #[test]
    fn errors_name_the_directive_its_place_and_what_is_right() {
        let error = Filter::parse("info, a=loud").unwrap_err();
        assert_eq!((error.directive.as_str(), error.at), ("a=loud", 6));
        assert!(error.to_string().contains("expected a level"), "{error}");
        let error = Filter::parse("info,[span{x=1,y=2}]=debug").unwrap_err();
        assert_eq!(error.directive, "[span{x=1,y=2}]=debug");
        assert!(error.what.contains("not supported"));
        for bad in ["", " , ", "=info", "a b=info", "a="] {
            assert!(Filter::parse(bad).is_err(), "{bad:?}");
        }
    }
}
