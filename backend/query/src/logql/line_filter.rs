//! Tests on a line's text.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Matches,
    /// `!~`
    NotMatches,
}

/// A test on a line's text: `|= "a"`, or `|= "a" or "b"` for any of several.
#[derive(Debug, Clone)]
pub struct LineFilter {
    op: LineOp,
    texts: Vec<String>,
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
enum Pattern {
    Text(Box<Finder<'static>>),
    Regex(Regex),
}

impl LineFilter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// The regular expression's own error, if `op` takes one and a text is not one.
    pub fn new(op: LineOp, texts: Vec<String>) -> Result<Self, regex::Error> {
        let compile = |text: &String| match op {
            LineOp::Contains | LineOp::NotContains => {
                Ok(Pattern::Text(Box::new(Finder::new(text.as_bytes()).into_owned())))
            }
            LineOp::Matches | LineOp::NotMatches => RegexBuilder::new(text)
                .size_limit(1 << 20)
                .build()
                .map(Pattern::Regex),
        };
        let patterns = texts.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { op, texts, patterns })
    }

    /// Comparison.
    #[must_use]
    pub fn op(&self) -> LineOp {
        self.op
    }

    /// Texts or patterns, of which any may be found (or none must be).
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether a line with this text passes.
    #[must_use]
    pub fn accepts(&self, body: &str) -> bool {
        let found = self.patterns.iter().any(|pattern| match pattern {
            Pattern::Text(finder) => finder.find(body.as_bytes()).is_some(),
            Pattern::Regex(regex) => regex.is_match(body),
        });
        found == matches!(self.op, LineOp::Contains | LineOp::Matches)
    }
}
