//! The two APIs in one trace, and the stock SDK as the oracle of what both agree on.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod both_ways;
mod oracle;
mod support;
