//! The endpoint as its callers meet it: over TLS, with certificates good and bad, with passwords, and with what it tells of a service
//! whose parts are all there.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

mod catalogue;
mod certificates;
mod support;
mod tls;
mod ways_in;
