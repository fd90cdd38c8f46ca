//! A real server on free ports, used as its clients use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod auth;
mod certificates;
mod exemplars;
mod hostile;
mod jaeger;
mod jaeger_v3;
mod life;
mod limits;
mod logql;
mod loki;
mod oracle;
mod otlp;
mod peer;
mod prometheus;
mod prometheus_more;
mod push;
mod remote;
mod remote_faults;
mod remote_read;
mod remote_write;
mod rules;
mod rules_receivers;
mod scrape;
mod scrape_oracle;
mod support;
mod tls;
mod traces;
mod ui;
