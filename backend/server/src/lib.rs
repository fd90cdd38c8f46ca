//! Ingest, APIs, UI assets and the assembly of `watchroom up`.
