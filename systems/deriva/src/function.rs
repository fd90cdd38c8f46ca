//! Compute functions: pure maps from input blobs and parameters to one blob, each known as `name/version`.
//!
//! Invariant: a function reads nothing but its arguments, so its result may be cached for ever — except `entropy/v1`, which
//! exists to show what happens when that is not so, and is known only to servers started for demonstration.

mod bytes;
mod concat;
mod entropy;
mod gzip;
mod hash;
mod identity;
mod slow;
mod transform;

use std::collections::BTreeMap;

use ::bytes::Bytes;

/// Parameters of a recipe.
pub type Params = BTreeMap<String, String>;

/// Largest result of a function, bytes.
pub const MAX_OUTPUT_BYTES: usize = 64 << 20;

/// A function that could not be computed. The message is fit for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// No such function.
    #[error("unknown function {name:?}; known: {known}")]
    Unknown {
        /// As asked for.
        name: String,
        /// The known ones.
        known: String,
    },
    /// Wrong number of inputs.
    #[error("{function} takes {takes}; got {got}")]
    Inputs {
        /// The function.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
        /// How many were given.
        got: usize,
    },
    /// A parameter that is missing, unknown or malformed.
    #[error("{function}: parameter {name:?} {problem}")]
    Param {
        /// The function.
        function: &'static str,
        /// The parameter.
        name: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// An input that the function cannot work on.
    #[error("{function}: {problem}")]
    Input {
        /// The function.
        function: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The result would be too large.
    #[error("the result would have {0} bytes; at most {MAX_OUTPUT_BYTES} are allowed")]
    TooLarge(usize),
}

/// A compute function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `identity/v1`: the one input.
    Identity,
    /// `concat/v1`: the inputs one after another, with `separator` between.
    Concat,
    /// `transform/v1`: the one input changed by `op`.
    Transform,
    /// `hash/v1`: the BLAKE3 hash of the inputs, as hex.
    Hash,
    /// `gzip/v1`: the one input compressed, or decompressed with `mode=decompress`.
    Gzip,
    /// `slow/v1`: the one input after `ms` milliseconds.
    Slow,
    /// `entropy/v1`: another result each time.
    Entropy,
}

impl Function {
    /// Every function that a server offers.
    pub const ALL: [Self; 6] = [
        Self::Identity,
        Self::Concat,
        Self::Transform,
        Self::Hash,
        Self::Gzip,
        Self::Slow,
    ];

    /// `name/version`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity/v1",
            Self::Concat => "concat/v1",
            Self::Transform => "transform/v1",
            Self::Hash => "hash/v1",
            Self::Gzip => "gzip/v1",
            Self::Slow => "slow/v1",
            Self::Entropy => "entropy/v1",
        }
    }

    /// Finds a function by `name/version`; `entropy/v1` only if `demo`.
    ///
    /// # Errors
    /// [`ComputeError::Unknown`] lists the known ones.
    pub fn find(name: &str, demo: bool) -> Result<Self, ComputeError> {
        if demo && name == Self::Entropy.name() {
            return Ok(Self::Entropy);
        }
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
            .ok_or_else(|| ComputeError::Unknown {
                name: name.chars().take(100).collect(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }

    /// Computes the result.
    ///
    /// # Errors
    /// [`ComputeError`] says which input or parameter is wrong.
    pub fn compute(self, inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
        match self {
            Self::Identity => identity::compute(inputs, params),
            Self::Concat => concat::compute(inputs, params),
            Self::Transform => transform::compute(inputs, params),
            Self::Hash => hash::compute(inputs, params),
            Self::Gzip => gzip::compute(inputs, params),
            Self::Slow => slow::compute(inputs, params),
            Self::Entropy => entropy::compute(inputs, params),
        }
    }
}

#[cfg(test)]
mod tests;
