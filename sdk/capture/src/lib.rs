//! The one tracing layer: captures once, redacts once, samples once, fans out.
