//! What can go wrong with an address.

use crate::address::CAddr;
use crate::dag::TooDeep;
use crate::function::ComputeError;
use crate::recipe::RecipeError;
use crate::storage::StorageError;

/// A request that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing lives at the address.
    #[error("{0} is not known: neither a leaf nor a recipe lives there")]
    Unknown(CAddr),
    /// A recipe's input is not known.
    #[error("input {0} is not known: put it before the recipe that takes it")]
    UnknownInput(CAddr),
    /// A recipe passes a limit.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A recipe would stand too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// A function cannot be computed.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Two computations of a recipe differ.
    #[error("determinism violation: two computations of {address} by {function} differ")]
    Nondeterministic {
        /// The recipe.
        address: CAddr,
        /// Its function.
        function: &'static str,
    },
    /// A function panicked.
    #[error("the computation crashed")]
    Crashed(#[source] tokio::task::JoinError),
}
