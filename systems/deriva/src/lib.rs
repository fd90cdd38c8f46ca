//! Deriva: a content-addressed compute store over gRPC, the first reference system of watchroom.
//!
//! Blobs ("leaves") and recipes (a function of inputs) live under their BLAKE3 address. Getting a recipe's address materializes
//! it: cache → leaf store → recipe → inputs in parallel → compute → cache.
//!
//! Arrows: `server` and `client` → `engine` → `storage`, `dag`, `cache`, `function`. Only `server` knows gRPC; only `server::run`
//! starts telemetry.

pub mod address;
pub mod cache;
pub mod client;
pub mod dag;
pub mod engine;
pub mod function;
pub mod metrics;
pub mod proto;
pub mod recipe;
pub mod rolling;
pub mod server;
pub mod storage;
