//! Derives for metrics and labels.
