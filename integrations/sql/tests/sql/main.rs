//! Statements against real databases: what of them is seen in spans, metrics and lines, and what is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod postgres;
mod seen;
mod sqlite;
