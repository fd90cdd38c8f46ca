//! The body of a request: bytes, framed and compressed once, sent as often as it takes.
//!
//! Invariant: cloning shares the bytes.

use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use flate2::write::GzEncoder;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::Target;
use crate::config::{Compression, Protocol};

/// A body of known length that is there at once, in one piece or two.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    /// What stands in front of a gRPC message.
    head: Option<Bytes>,
    message: Option<Bytes>,
    compressed: Option<Compression>,
}

/// Flag and length in front of a gRPC message.
const GRPC_HEAD: usize = 5;

impl Payload {
    /// Compresses and frames a message as the target wants it. Uncompressed it is shared, not copied.
    pub(crate) fn new(target: &Target, message: &Bytes) -> Self {
        let (message, compressed) = match target.compression.and_then(|how| compress(how, message)) {
            Some(bytes) => (Bytes::from(bytes), target.compression),
            None => (message.clone(), None),
        };
        let head = (target.protocol == Protocol::Grpc).then(|| {
            // A request is limited to far less than 4 GiB.
            let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
            let mut head = [0; GRPC_HEAD];
            head[0] = u8::from(compressed.is_some());
            head[1..].copy_from_slice(&len.to_be_bytes());
            Bytes::copy_from_slice(&head)
        });
        Self {
            head,
            message: Some(message),
            compressed,
        }
    }

    /// How it is compressed.
    pub(super) const fn compression(&self) -> Option<Compression> {
        self.compressed
    }

    fn len(&self) -> u64 {
        let parts = [&self.head, &self.message];
        parts.into_iter().flatten().map(|bytes| bytes.len() as u64).sum()
    }
}

/// Compresses a message. Writing to memory does not fail; if it did, the message would go uncompressed.
fn compress(how: Compression, message: &[u8]) -> Option<Vec<u8>> {
    let out = Vec::with_capacity(message.len() / 4);
    match how {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(out, flate2::Compression::fast());
            encoder.write_all(message).ok()?;
            encoder.finish().ok()
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(out, 1).ok()?;
            encoder.set_pledged_src_size(Some(message.len() as u64)).ok()?;
            encoder.write_all(message).ok()?;
            encoder.finish().ok()
        }
        // The start has refused it.
        #[cfg(not(feature = "zstd"))]
        Compression::Zstd => None,
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.head.take().or_else(|| self.message.take());
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.message.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
