//! Ways in: OTLP, scraping, remote write, Loki push, and the metrics that are made of spans as they arrive.

mod allowance;
mod answer;
pub(crate) mod loki;
pub(crate) mod otlp;
pub(crate) mod protobuf;
pub(crate) mod remote_write;
pub(crate) mod scrape;
pub(crate) mod spanmetrics;
mod spans;
