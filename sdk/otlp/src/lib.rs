//! OTLP encoding and export over gRPC and HTTP.
