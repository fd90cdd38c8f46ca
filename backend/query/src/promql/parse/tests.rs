//! Tests of reading queries.
