//! tower layers for axum and tonic: context, request id, RED metrics.
