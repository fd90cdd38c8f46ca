//! A content-addressed compute store over gRPC: reference system 1.
