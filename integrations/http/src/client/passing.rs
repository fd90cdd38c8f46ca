//! How a client's request body is handed on.
//!
//! Invariant: the body's frames, end and size hint reach the client unchanged.

use std::fmt;

use crate::body::CountedBody;

/// Hands a request's body on to the client.
pub trait Passing<B> {
    /// The body that the client takes.
    type Body;

    /// Makes the client's body; what goes through `count` is counted.
    fn pass(&self, body: B, count: impl FnOnce(B) -> CountedBody<B>) -> Self::Body;
}

/// The body goes on as it is, uncounted.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsItIs;

impl<B> Passing<B> for AsItIs {
    type Body = B;

    fn pass(&self, body: B, _count: impl FnOnce(B) -> CountedBody<B>) -> B {
        body
    }
}

/// The body goes on counted, in the client's own type, which `F` makes.
#[derive(Clone, Copy)]
pub struct Counted<F>(pub(super) F);

impl<B, Out, F: Fn(CountedBody<B>) -> Out> Passing<B> for Counted<F> {
    type Body = Out;

    fn pass(&self, body: B, count: impl FnOnce(B) -> CountedBody<B>) -> Out {
        (self.0)(count(body))
    }
}

impl<F> fmt::Debug for Counted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}
