//! A build without TLS: asking for it is an error of the start.
//!
//! Invariant: there is no value of [`Tls`], so nothing goes unencrypted that was to be encrypted.

use std::io;

use tokio::net::TcpStream;
use watchroom_core::Signal;

use crate::config::SignalConfig;
use crate::error::StartError;

/// What is not there.
#[derive(Debug)]
pub(in super::super) enum Tls {}

impl Tls {
    pub(in super::super) fn new(
        signal: Signal,
        _: &SignalConfig,
        shown: &str,
        _: &str,
    ) -> Result<Self, StartError> {
        Err(StartError::TlsMissing {
            signal,
            value: shown.to_owned(),
        })
    }

    pub(in super::super) const fn is_anonymous(&self) -> bool {
        match *self {}
    }

    pub(in super::super) async fn connect(&self, _: TcpStream) -> io::Result<TcpStream> {
        match *self {}
    }
}
