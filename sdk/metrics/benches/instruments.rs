//! Cost of recording.
fn main() {}
