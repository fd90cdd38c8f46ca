//! A real server on free ports, used as its clients use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod exemplars;
mod hostile;
mod jaeger;
mod life;
mod loki;
mod otlp;
mod peer;
mod prometheus;
mod push;
mod remote_read;
mod remote_write;
mod rules;
mod scrape;
mod support;
mod ui;
