//! A build without TLS: asking for it is an error of the start.
//!
//! Invariant: there is no value of [`Tls`], so nothing is served in the clear that was to be encrypted.

use std::io;

use crate::config::TlsFiles;
use crate::error::AdminError;

/// What is not there.
#[derive(Debug)]
pub(in super::super) enum Tls {}

impl Tls {
    pub(in super::super) fn new(_: &TlsFiles) -> Result<Self, AdminError> {
        Err(AdminError::TlsMissing)
    }

    pub(in super::super) async fn accept<S>(&self, _: S) -> io::Result<(S, bool)> {
        match *self {}
    }
}
