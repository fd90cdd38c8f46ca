//! TLS to targets: an authority of one's own or those of the system, and a certificate of one's own if the target wants one.
//!
//! Invariant: a certificate is verified against the host's name unless the configuration says `insecure_skip_verify`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ClientError;

/// What `tls_config` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) ca: Option<Pem>,
    pub(crate) cert: Option<Pem>,
    pub(crate) key: Option<Pem>,
    /// Name that the certificate has to be for, if not the host's.
    pub(crate) server_name: Option<String>,
    pub(crate) skip_verify: bool,
    /// 12 or 13.
    pub(crate) min_version: Option<u8>,
    /// 12 or 13.
    pub(crate) max_version: Option<u8>,
}

/// Text in PEM form, and where it stands.
#[derive(Clone)]
pub(crate) struct Pem {
    pub(crate) text: String,
    pub(crate) from: String,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pem").field(&self.from).finish()
    }
}

/// Makes TLS of connections. The authorities of the system are read when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Tls {
    settings: TlsSettings,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, String> {
        let tls = Self {
            settings: settings.clone(),
            config: OnceLock::new(),
        };
        // What the configuration gives has to be right from the start.
        if settings.ca.is_some() || settings.cert.is_some() {
            tls.config()?;
        }
        Ok(tls)
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_init(|| config(&self.settings)).clone()
    }

    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ClientError> {
        let config = self.config().map_err(ClientError::Tls)?;
        let name = self.settings.server_name.as_deref().unwrap_or(host);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| ClientError::Tls(format!("{name:?} is not a name that a certificate can have")))?;
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| ClientError::Tls(format!("tls: {error}")))
    }
}

fn config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings))
        .map_err(|error| format!("tls_config: {error}"))?;
    let builder = match settings.skip_verify {
        true => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider))),
        false => builder.with_root_certificates(roots(settings.ca.as_ref())?),
    };
    let config = match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let parsed = PrivateKeyDer::from_pem_slice(key.text.as_bytes())
                .map_err(|error| format!("{}: it holds no private key in PEM form: {error}", key.from))?;
            builder
                .with_client_auth_cert(chain, parsed)
                .map_err(|error| format!("{}: {error}", key.from))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let (min, max) = (settings.min_version, settings.max_version);
    let all = [(13, &rustls::version::TLS13), (12, &rustls::version::TLS12)];
    all.into_iter()
        .filter(|(version, _)| min.is_none_or(|min| *version >= min) && max.is_none_or(|max| *version <= max))
        .map(|(_, version)| version)
        .collect()
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{}: it is not in PEM form: {error}", pem.from))?;
    match found.is_empty() {
        true => Err(format!(
            "{}: it holds no certificate in PEM form (-----BEGIN …)",
            pem.from
        )),
        false => Ok(found),
    }
}

fn roots(ca: Option<&Pem>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in certificates(pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| format!("{}: {error}", pem.from))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            if roots.add_parsable_certificates(found.certs).0 == 0 {
                return Err(
                    "the system has no certificates of authorities; install them (ca-certificates) or set tls_config.ca_file"
                        .into(),
                );
            }
        }
    }
    Ok(roots)
}

/// Takes any certificate, as `insecure_skip_verify` says.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
