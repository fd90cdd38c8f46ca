//! Ways in: OTLP, scraping, remote write, and the metrics that are made of spans as they arrive.

mod allowance;
pub(crate) mod otlp;
mod protobuf;
pub(crate) mod remote_write;
pub(crate) mod scrape;
pub(crate) mod spanmetrics;
