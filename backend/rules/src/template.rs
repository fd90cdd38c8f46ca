//! Templates in labels and annotations: the part of Go's `text/template` that rule files use, with Prometheus' functions.
//!
//! Invariant: a template is read once, when the rule file is loaded, and everything that can be known to be wrong then is said
//! then; filling it in is bounded in steps and in bytes.
//! Not here: `tmpl`, which Prometheus has in console templates only.

mod eval;
mod functions;
mod lex;
mod number;
mod parse;
mod printf;
mod time;
mod value;

use watchroom_model::{Labels, Point};

use parse::{Node, Tree};

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {message} at byte {position} of {text:?}")]
pub struct TemplateError {
    /// The template.
    pub text: String,
    /// Where.
    pub position: usize,
    /// What.
    pub message: String,
}

/// Series with their values, as the function `query` gives them.
pub(crate) type QueryResult = Result<Vec<(Labels, Point)>, String>;

/// What a template is filled in with.
pub(crate) struct Data<'a> {
    /// Labels of the series that raised the alert.
    pub labels: &'a Labels,
    /// Its value.
    pub value: &'a Point,
    /// Labels that tell this installation from others.
    pub external_labels: &'a Labels,
    /// Address under which people reach this installation.
    pub external_url: &'a str,
    /// Moment of the evaluation.
    pub now_ms: i64,
    /// Answers the function `query`.
    pub query: &'a dyn Fn(&str) -> QueryResult,
}

/// A template that has been read.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    tree: Tree,
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text)
            .map(|tree| Self { tree })
            .map_err(|(position, message)| TemplateError {
                text: text.into(),
                position,
                message,
            })
    }

    /// Fills it in. What fails only now becomes part of the text, as in Prometheus.
    pub(crate) fn render(&self, data: &Data<'_>) -> String {
        if let [Node::Text(text)] = &self.tree.nodes[..] {
            return text.clone();
        }
        eval::render(&self.tree, data).unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

#[cfg(test)]
mod tests;
