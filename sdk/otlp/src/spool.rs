//! Batches that wait on disk for their collector.
//!
//! `<dir>/<service>/<signal>/<process>/` belongs to one running process, which holds a lock on `lock` in it; each batch is one file in
//! there. The kernel lets go of the lock when a process ends, however it ends; then another process of the same service takes the
//! files over.
//!
//! Invariants: a file has one owner, so no two processes send it; a file is either whole under its name or not there (it is written
//! aside and renamed), and one that the machine's crash has damaged is found by its checksum; what is on disk is what would have been
//! sent: encoded and redacted.
//! Not here: counting (the caller enters in the ledger what the calls here return), sending.

mod file;
mod home;
mod queue;

pub(crate) use home::{Home, SpoolError};
pub(crate) use queue::{Limits, Push, Spool, Unreadable};
