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

/// A body of known length that is there at once.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    bytes: Option<Bytes>,
    compressed: Option<Compression>,
}

/// Flag and length in front of a gRPC message.
const GRPC_HEAD: usize = 5;

impl Payload {
    /// Compresses and frames a message as the target wants it.
    pub(crate) fn new(target: &Target, message: Vec<u8>) -> Self {
        let head = if target.protocol == Protocol::Grpc {
            GRPC_HEAD
        } else {
            0
        };
        let (mut bytes, compressed) = match target.compression.and_then(|how| compress(how, head, &message)) {
            Some(bytes) => (bytes, target.compression),
            None if head == 0 => (message, None),
            None => {
                let mut bytes = Vec::with_capacity(head + message.len());
                bytes.resize(head, 0);
                bytes.extend_from_slice(&message);
                (bytes, None)
            }
        };
        if head > 0 {
            // A request is limited to far less than 4 GiB.
            let len = u32::try_from(bytes.len().saturating_sub(head)).unwrap_or(u32::MAX);
            bytes[0] = u8::from(compressed.is_some());
            bytes[1..GRPC_HEAD].copy_from_slice(&len.to_be_bytes());
        }
        Self {
            bytes: Some(Bytes::from(bytes)),
            compressed,
        }
    }

    /// How it is compressed.
    pub(super) const fn compression(&self) -> Option<Compression> {
        self.compressed
    }

    fn len(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

/// Compresses a message behind `head` bytes of zero. Writing to memory does not fail; if it did, the message would go uncompressed.
fn compress(how: Compression, head: usize, message: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(head + message.len() / 4);
    out.resize(head, 0);
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
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
