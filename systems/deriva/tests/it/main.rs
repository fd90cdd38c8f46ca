//! Deriva as its users meet it: the real server in a process of its own, its client, its ports, its metrics, lines and spans, its
//! dashboard and alerts.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

mod command;
mod health;
mod life;
mod metrics;
mod monitoring;
mod moves;
mod receiver;
mod request_id;
mod rpc;
mod spans;
mod support;
