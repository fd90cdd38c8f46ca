//! Servers beside each other: `watchroom up`, Prometheus and VictoriaMetrics as processes of their own, a client, and the same data for all.
//!
//! Invariant: every server gets the same bytes from the same client, on a free port, with a data directory of its own.
//! Not here: what is measured, which is in `benches/backend`.

mod fleet;
mod http;
mod server;
mod wire;

pub use fleet::{Fleet, LogLines, Spans};
pub use http::{Answer, Connection};
pub use server::{Kind, Server, Usage, binary, occupied};
pub use wire::{Message, RemoteWrite, snappy};
