//! TLS by rustls: an authority of one's own or those of the system, and a certificate of one's own if the collector wants one.
//!
//! Invariant: the collector's certificate is verified against the endpoint's host, always; no setting turns that off. The process's
//! default of rustls is neither used nor set.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use watchroom_core::Signal;

use crate::config::{Protocol, SignalConfig, TlsFiles};
use crate::error::StartError;

/// Makes TLS of connections to one host.
pub(in super::super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    is_anonymous: bool,
}

impl Tls {
    pub(in super::super) fn new(
        signal: Signal,
        config: &SignalConfig,
        _: &str,
        host: &str,
    ) -> Result<Self, StartError> {
        let wrong = |why: String| StartError::Tls { signal, why };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| wrong(format!("`{host}` is not a name that a certificate can have")))?;
        let files = Files { signal };
        let roots = files.roots(&config.tls)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| wrong(why.to_string()))?
            .with_root_certificates(roots);
        let mut client = match (&config.tls.client_certificate, &config.tls.client_key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key_path)) => {
                let chain = files.certificates("client_certificate", certificate)?;
                let key = files.key(key_path)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|why| files.wrong("client_key", key_path, own_key(&why)))?
            }
            (Some(_), None) => return Err(wrong("client_certificate is set, but client_key is not".into())),
            (None, Some(_)) => return Err(wrong("client_key is set, but client_certificate is not".into())),
        };
        client.alpn_protocols = vec![match config.protocol {
            Protocol::Grpc => b"h2".to_vec(),
            Protocol::HttpProtobuf => b"http/1.1".to_vec(),
        }];
        // One connection at a time is kept for long; a few sessions are enough.
        client.resumption = rustls::client::Resumption::in_memory_sessions(4);
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client)),
            name,
            is_anonymous: config.tls.client_certificate.is_none(),
        })
    }

    /// Whether there is no certificate of our own.
    pub(in super::super) const fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    pub(in super::super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads the files of one signal.
#[derive(Clone, Copy)]
struct Files {
    signal: Signal,
}

impl Files {
    fn wrong(self, setting: &'static str, path: &Path, why: String) -> StartError {
        StartError::TlsFile {
            signal: self.signal,
            setting,
            path: path.to_owned(),
            why,
        }
    }

    fn read(self, setting: &'static str, path: &Path) -> Result<Vec<u8>, StartError> {
        std::fs::read(path).map_err(|why| self.wrong(setting, path, why.to_string()))
    }

    fn certificates(
        self,
        setting: &'static str,
        path: &Path,
    ) -> Result<Vec<CertificateDer<'static>>, StartError> {
        let text = self.read(setting, path)?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|why| self.wrong(setting, path, pem_error(&why, "certificate")))?;
        if certificates.is_empty() {
            return Err(self.wrong(setting, path, pem_error(&pem::Error::NoItemsFound, "certificate")));
        }
        Ok(certificates)
    }

    fn key(self, path: &Path) -> Result<PrivateKeyDer<'static>, StartError> {
        let text = self.read("client_key", path)?;
        PrivateKeyDer::from_pem_slice(&text)
            .map_err(|why| self.wrong("client_key", path, pem_error(&why, "private key")))
    }

    fn roots(self, files: &TlsFiles) -> Result<RootCertStore, StartError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &files.certificate {
            for (idx, certificate) in self.certificates("certificate", path)?.into_iter().enumerate() {
                roots.add(certificate).map_err(|why| {
                    self.wrong(
                        "certificate",
                        path,
                        format!("certificate {} in it: {why}", idx + 1),
                    )
                })?;
            }
            return Ok(roots);
        }
        let found = rustls_native_certs::load_native_certs();
        let (n_added, _) = roots.add_parsable_certificates(found.certs);
        if n_added == 0 {
            let why = found.errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(StartError::Tls {
                signal: self.signal,
                why: format!(
                    "the system has no certificates of authorities; install them (ca-certificates) or set certificate {why}"
                )
                .trim_end()
                .to_owned(),
            });
        }
        Ok(roots)
    }
}

fn pem_error(why: &pem::Error, wanted: &str) -> String {
    match why {
        pem::Error::NoItemsFound => format!("it holds no {wanted} in PEM form (-----BEGIN …)"),
        other => format!("it is not in PEM form: {other}"),
    }
}

fn own_key(why: &rustls::Error) -> String {
    match why {
        rustls::Error::InconsistentKeys(_) => "it is not the key of client_certificate".to_owned(),
        other => other.to_string(),
    }
}
