//! The guides of `docs/guides`: their examples are compiled and run with the tests of documentation.
//!
//! Not here: anything that a program sees.

#[doc = include_str!("../../../docs/guides/logging.md")]
struct Logging;

#[doc = include_str!("../../../docs/guides/metrics.md")]
struct Metrics;

#[doc = include_str!("../../../docs/guides/production.md")]
struct Production;

#[doc = include_str!("../../../docs/guides/tracing.md")]
struct Tracing;
