//! Connections and bodies, with a bound on each.
//!
//! Invariant: nothing that a client sends, or fails to send, takes more time or memory than [`crate::Limits`] allows.
//! Not here: what is served.

mod answer;
mod body;
mod budget;
mod compression;
mod cors;
mod gzip;
mod host;
mod listen;
mod params;
mod preface;
mod serve;
pub(crate) mod stream;
pub(crate) mod tls;

pub(crate) use answer::{json, plain};
pub(crate) use body::{BodyError, Received, receive, receive_as};
pub(crate) use budget::{Budget, Reservation};
pub(crate) use compression::Compression;
pub(crate) use cors::{Origins, cors};
pub(crate) use gzip::gzip;
pub(crate) use host::{check_host, from_own_page};
pub(crate) use listen::bind;
pub(crate) use params::{Params, decode};
pub(crate) use serve::{Listener, Peer, Secure, serve};
