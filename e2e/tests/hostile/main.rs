//! Clients and targets that mean harm, or behave as if, against the real programs on every port: each gets a clear error or is cut
//! off, memory stays below a stated bound, and the program goes on serving.
//!
//! How the server's parts refuse in detail is tested beside them; here it is whole processes, and their resident memory.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

mod bodies;
mod connections;
mod grpc;
mod http2;
mod kill;
mod queries;
mod scene;
mod series;
