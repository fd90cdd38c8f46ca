//! Alerting rules evaluated over the query crate.
