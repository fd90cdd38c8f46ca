//! Wire types, generated from `proto/deriva/v1/deriva.proto` by `just codegen` and checked in.

#[expect(
    missing_docs,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    reason = "generated code"
)]
mod generated {
    include!("gen/deriva.v1.rs");
}

pub use generated::*;

/// The encoded file descriptor set, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/deriva.v1.bin");

/// Full name of the service, as the health service knows it.
pub const SERVICE_NAME: &str = "deriva.v1.Deriva";
