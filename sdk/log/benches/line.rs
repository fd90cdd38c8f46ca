//! Benchmarks of a line.
fn main() {}
