//! Ways in: OTLP, scraping, and the metrics that are made of spans as they arrive.

pub(crate) mod otlp;
pub(crate) mod scrape;
pub(crate) mod spanmetrics;
