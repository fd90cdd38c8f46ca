//! Typed, cardinality-bounded instruments and their exposition.
