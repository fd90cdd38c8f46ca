//! The fleet: the backend and the reference systems as real processes, with traffic and faults.
//!
//! Invariant: every process that is started is stopped, whichever way the one that started it ends.
//! Not here: what the systems do. The backend is known by its command line and its URLs alone.

pub mod child;
pub mod demo;
pub mod ports;
pub mod traffic;
