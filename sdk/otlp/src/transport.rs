//! One request to one collector: connect, send, judge the answer.
//!
//! Invariant: a call ends within the configured timeout, reads a bounded answer, and leaves either a usable connection or none.
//! Not here: when to repeat, what to count.

mod answer;
mod base64;
mod client;
mod connection;
mod date;
mod grpc;
mod http;
mod payload;
mod suppress;
mod target;
mod tls;

pub(crate) use answer::{Delivered, Failure, Outcome};
pub(crate) use client::Client;
pub(crate) use payload::Payload;
pub(crate) use suppress::silently;
pub(crate) use target::Target;
