//! Stores of others in place of the built-in ones: data is forwarded to them, and their APIs answer.
//!
//! What comes in is translated as always and handed to [`Stores`], which writes it to the built-in store or puts it, encoded for the remote
//! one, into a bounded queue. A worker for each signal sends the queue in order and tries again until the remote store has taken or
//! refused it. The routes of the signal's query API are passed on.
//!
//! Invariant: what was acknowledged is in the queue, or was taken by the remote store, or is counted as dropped; a queue that is full refuses
//! with what makes a sender come back.
//! Not here: what is served otherwise; the rules, which find both doors they need in [`rules`].

mod auth;
mod client;
mod encode;
mod health;
mod proxy;
mod queue;
mod report;
mod rules;
mod send;
mod split;
mod spool;
mod stores;
mod worker;

pub(crate) use proxy::proxy;
pub(crate) use report::{exposition, status};
pub(crate) use rules::{RemoteEvaluate, RemoteSink};
pub(crate) use stores::{Remotes, Stores};
