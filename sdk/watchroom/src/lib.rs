//! Logs, traces, metrics and health for a Rust service with one dependency and one line.
