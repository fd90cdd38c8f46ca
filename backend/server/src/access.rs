//! Who may ask what of the server, and how much of it.
//!
//! Invariant: a request reaches its handler only with the rights that it needs and within its client's limits; a wrong password costs the
//! server a bounded part of one core; what is compared with a secret is compared in constant time.
//! Not here: TLS, which is `net`'s; what a handler does.

mod clients;
mod credentials;
mod gate;
mod guard;
mod passwords;
mod refuse;
mod rights;
mod tokens;
pub(crate) mod web_config;

pub(crate) use clients::{Client, Clients};
pub(crate) use gate::Gate;
pub(crate) use guard::{Guard, guard};
pub use web_config::check as check_web_config;
