//! Label matchers.

use std::fmt;

use regex::Regex;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// A pattern that is not a valid regular expression.
#[derive(Debug, thiserror::Error)]
#[error("label {name:?}: invalid regular expression {pattern:?}")]
pub struct MatcherError {
    /// Label that was to be matched.
    pub name: String,
    /// The pattern as given.
    pub pattern: String,
    /// What the regex parser said.
    #[source]
    pub source: Box<regex::Error>,
}

/// One label matcher. A label that is absent has the empty value. Regular expressions are anchored at both ends and compiled once.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// Label name.
    pub name: String,
    /// Comparison.
    pub op: MatchOp,
    /// Text or pattern, as given.
    pub value: String,
    regex: Option<Regex>,
}

impl Matcher {
    /// Builds a matcher.
    ///
    /// # Errors
    /// [`MatcherError`] if `op` takes a regular expression and `value` is not one, or is too large once compiled.
    pub fn new(op: MatchOp, name: impl Into<String>, value: impl Into<String>) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(
                regex::RegexBuilder::new(&format!("^(?s:{value})$"))
                    .size_limit(1 << 20)
                    .build()
                    .map_err(|source| MatcherError {
                        name: name.clone(),
                        pattern: value.clone(),
                        source: Box::new(source),
                    })?,
            ),
        };
        Ok(Self {
            name,
            op,
            value,
            regex,
        })
    }

    /// A matcher for equality, which cannot fail to build.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
        }
    }

    /// Whether a label value (empty if the label is absent) satisfies the matcher.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.regex) {
            (MatchOp::Equal, _) => value == self.value,
            (MatchOp::NotEqual, _) => value != self.value,
            (MatchOp::Regex, Some(regex)) => regex.is_match(value),
            (MatchOp::NotRegex, Some(regex)) => !regex.is_match(value),
            (MatchOp::Regex | MatchOp::NotRegex, None) => false,
        }
    }

    /// Whether a series without the label would match.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        write!(f, "{}{op}{:?}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_patterns_and_names_a_bad_one() {
        let matcher = Matcher::new(MatchOp::Regex, "job", "a|b").unwrap();
        assert!(matcher.matches("a") && matcher.matches("b") && !matcher.matches("ab"));
        let error = Matcher::new(MatchOp::Regex, "job", "(").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"label "job": invalid regular expression "(""#
        );
        assert!(
            Matcher::new(MatchOp::NotEqual, "job", "x")
                .unwrap()
                .matches_empty()
        );
    }
}
