//! The answer of another receiver, for those who forward to one.

use prost::Message as _;

use super::wire::Response;

/// What another receiver did not take of a request that it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartialAnswer {
    /// Items.
    pub(crate) rejected: usize,
    /// Why.
    pub(crate) message: String,
}

/// Reads an answer; `None` if all was taken.
pub(crate) fn partial_success(answer: &[u8]) -> Option<PartialAnswer> {
    let partial = Response::decode(answer).ok()?.partial_success?;
    let rejected = usize::try_from(partial.rejected).unwrap_or(0);
    (rejected > 0).then_some(PartialAnswer {
        rejected,
        message: partial.error_message,
    })
}
