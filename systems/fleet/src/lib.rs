//! Runs the backend and the reference systems with traffic and faults.
