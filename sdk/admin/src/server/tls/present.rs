//! TLS by rustls: the endpoint's certificate, and an authority of client certificates if one is set.
//!
//! Invariant: the process's default of rustls is neither used nor set.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;
use crate::error::AdminError;

/// Makes TLS of connections.
pub(in super::super) struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(in super::super) fn new(files: &TlsFiles) -> Result<Self, AdminError> {
        let unfit = |why: &dyn fmt::Display| AdminError::Tls(why.to_string());
        let chain = certificates("tls_certificate", &files.certificate)?;
        let key = key(&files.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| unfit(&why))?;
        let builder = match &files.client_authority {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = authorities(path)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|why| wrong("tls_client_authority", path, why.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut server = builder.with_single_cert(chain, key).map_err(|why| {
            wrong(
                "tls_key",
                &files.key,
                format!("it does not fit the certificate: {why}"),
            )
        })?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Sessions are few and short: each is verified anew, and none is kept.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Self(TlsAcceptor::from(Arc::new(server))))
    }

    /// The encrypted stream, and whether the peer has shown a certificate that its authority has signed.
    pub(in super::super) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, bool)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = self.0.accept(stream).await?;
        // One that is not verified would have ended the handshake.
        let certified = stream
            .get_ref()
            .1
            .peer_certificates()
            .is_some_and(|chain| !chain.is_empty());
        Ok((stream, certified))
    }
}

fn wrong(setting: &'static str, path: &Path, why: String) -> AdminError {
    AdminError::TlsFile {
        path: path.to_owned(),
        setting,
        why,
    }
}

fn pem_error(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("there is no {what} in it, in PEM"),
        other => format!("it is not PEM: {other}"),
    }
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, AdminError> {
    let wrong = |error: pem::Error| wrong(setting, path, pem_error(&error, "certificate"));
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(wrong)?;
    if found.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, AdminError> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| wrong("tls_key", path, pem_error(&error, "private key")))
}

fn authorities(path: &Path) -> Result<RootCertStore, AdminError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls_client_authority", path)? {
        roots
            .add(certificate)
            .map_err(|why| wrong("tls_client_authority", path, why.to_string()))?;
    }
    Ok(roots)
}
