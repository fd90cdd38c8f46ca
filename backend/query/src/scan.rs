//! Reading of quoted strings and durations, shared by the query languages.
