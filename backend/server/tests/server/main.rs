//! A real server on free ports, used as its clients use it.

mod hostile;
mod jaeger;
mod life;
mod loki;
mod otlp;
mod prometheus;
mod rules;
mod scrape;
mod support;
mod ui;
