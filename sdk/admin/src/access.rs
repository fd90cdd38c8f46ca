//! Who may ask what (COM-61).
//!
//! Invariant: a secret is compared in a time that does not depend on how much of it is right.

mod base64;
mod lock;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Method};

pub(crate) use lock::Lock;

/// The verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    /// The caller has come by none of the ways in.
    Unauthorized,
    /// There is no way in that could allow this beyond loopback.
    Forbidden,
    /// A change, by someone who knows this machine under another name: a page in a browser, led here by a false name.
    Misled,
}

/// What is asked, by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// Whether the connection came with a certificate that has been verified.
    pub(crate) certified: bool,
}

/// Who is let in.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) lock: Lock,
    pub(crate) protect_health: bool,
    pub(crate) on_loopback: bool,
}

impl Rules {
    pub(crate) fn check(&self, caller: &Caller<'_>) -> Access {
        let is_health =
            caller.path.starts_with("/health") || matches!(caller.path, "/healthz" | "/readyz" | "/livez");
        let changes = !matches!(*caller.method, Method::GET | Method::HEAD);
        if self.lock.is_open() {
            return match changes {
                true if !self.on_loopback => Access::Forbidden,
                true if !names_loopback(caller.headers) => Access::Misled,
                _ => Access::Granted,
            };
        }
        if (is_health && !changes && !self.protect_health) || self.lock.lets_in(caller) {
            Access::Granted
        } else {
            Access::Unauthorized
        }
    }
}

/// Whether the host that the caller thinks it speaks to is this machine by its own names.
fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("");
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
