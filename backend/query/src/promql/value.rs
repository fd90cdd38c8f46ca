//! Results of an evaluation.

use std::fmt;

use watchroom_model::{Labels, Point, Sample, SeriesData};

/// Type of an expression or of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// One text.
    String,
    /// One sample a series, all at one moment.
    Vector,
    /// Many samples a series.
    Matrix,
}

impl ValueType {
    /// What errors call it.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        })
    }
}

/// Result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number, at the moment of evaluation.
    Scalar(Sample),
    /// One text, at the moment of evaluation.
    String {
        /// Moment of evaluation.
        t_ms: i64,
        /// The text.
        text: String,
    },
    /// One sample a series; in the order the query asks for (`sort`, `topk`), else as the source has them.
    Vector(Vec<(Labels, Point)>),
    /// Many samples a series, ordered by labels.
    Matrix(Vec<SeriesData>),
}

impl Value {
    /// Its type, as `resultType` of the HTTP API has it.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Scalar(_) => ValueType::Scalar,
            Self::String { .. } => ValueType::String,
            Self::Vector(_) => ValueType::Vector,
            Self::Matrix(_) => ValueType::Matrix,
        }
    }
}

/// A result and what the evaluation has to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    /// The result.
    pub value: Value,
    /// Things that probably make the result wrong.
    pub warnings: Vec<String>,
    /// Things that may surprise.
    pub infos: Vec<String>,
}
