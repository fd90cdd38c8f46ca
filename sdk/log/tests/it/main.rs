//! Lines as they are read: the two forms, and what is in them.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod errors;
mod json;
mod panic;
mod sampling;
mod support;
mod text;
