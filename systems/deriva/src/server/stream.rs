//! The answer of `Get`: a stream of chunks that keeps its RPC open until it is read or dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio_stream::Stream;
use tonic::Status;

use super::rpc::Call;
use crate::proto::GetResponse;

/// Most bytes of a chunk (DER-1).
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Chunks of one result. An empty result is one empty chunk, so that the caller sees an answer.
#[derive(Debug)]
pub struct Chunks {
    rest: Bytes,
    begun: bool,
    /// Ends the RPC's span and its timer when the stream ends.
    call: Call,
}

impl Chunks {
    pub(super) fn new(data: Bytes, call: Call) -> Self {
        Self {
            rest: data,
            begun: false,
            call,
        }
    }
}

impl Stream for Chunks {
    type Item = Result<GetResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() && self.begun {
            self.call.succeeds();
            return Poll::Ready(None);
        }
        self.begun = true;
        let n = self.rest.len().min(CHUNK_BYTES);
        let chunk = self.rest.split_to(n).into();
        Poll::Ready(Some(Ok(GetResponse { chunk })))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = self
            .rest
            .len()
            .div_ceil(CHUNK_BYTES)
            .max(usize::from(!self.begun));
        (n, Some(n))
    }
}
