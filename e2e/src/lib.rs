//! What the end-to-end tests share: the real binary in a process of its own, HTTP without a library, peers, and patience.
//!
//! Invariant: whatever a fixture starts is stopped when the fixture is dropped. Servers are on loopback, on port 0.

pub mod http;
pub mod peer;
pub mod process;
pub mod wait;

pub use http::Answer;
pub use process::{Backend, Deriva, Process};
pub use wait::{eventually, eventually_within};
