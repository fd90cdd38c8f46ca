//! Journal, chunks, blocks, indexes and retention over an embedded engine.
