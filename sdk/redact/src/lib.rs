//! The one redactor of the watchroom SDK: log fields and messages, span names and attributes, label values and baggage all go
//! through it before anything else sees them.
//!
//! Two ways lead to a redaction: the *name* under which a value stands (`password`, `api_key`, …, as a field, a JSON key, a URL
//! query parameter, a header or a field of a `Debug`-formatted struct), and the *value* itself (provider keys, tokens, cards,
//! addresses, …).
//!
//! ```
//! use watchroom_redact::Redactor;
//!
//! let redactor = Redactor::default();
//! assert_eq!(redactor.field("user.password", "hunter2"), "[REDACTED]");
//! assert_eq!(redactor.value("GET /orders?token=abc&page=2"), "GET /orders?token=[REDACTED]&page=2");
//! assert_eq!(redactor.value("paid with 4111 1111 1111 1111"), "paid with ****-****-****-1111");
//! ```
//!
//! Invariant: time is linear in the input, nothing panics, and what cannot be judged (too long, an internal error) becomes
//! `[REDACTED]` as a whole. Redacting twice is redacting once, but for a text whose redacted form is longer than the limit: that
//! one becomes `[REDACTED]`. A value without anything to redact is lent back without an allocation.
//! Beside it stand SQL [shapes](sql) and [pseudonyms](Redactor::hash_id).
//! Not here: the decision what to capture.

mod builder;
mod escape;
mod hash_id;
mod kind;
mod layers;
mod names;
mod pattern;
mod prefilter;
mod recent;
mod redactor;
mod scan;
pub mod sql;
pub mod testing;

pub use builder::{RedactorBuilder, RedactorError};
pub use hash_id::{HashKey, HashKeyError, HashedId};
pub use kind::{Cause, Kind, Mode};
pub use pattern::PatternError;
pub use redactor::{Outcome, Redactor};
