//! PromQL, LogQL and trace search: pure evaluation.
