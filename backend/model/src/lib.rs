//! Domain types of the watchroom backend.
