//! Bytes at rest: variable-length integers, texts, and the frame around every value that the engine keeps.
//!
//! Invariant: reading never panics, whatever the bytes; what does not fit is [`Corrupt`].

mod bytes;
mod frame;

pub(crate) use bytes::{Corrupt, Reader, put_bytes, put_ivarint, put_str, put_uvarint};
pub(crate) use frame::{compress, compress_tightly, open, seal};
