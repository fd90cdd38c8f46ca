//! Health checks in the background, aggregated.
