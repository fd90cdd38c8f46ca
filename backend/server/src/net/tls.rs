//! TLS of the listeners: what rustls is told.
//!
//! Not here: when files are read again, which is the gate's.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use crate::access::web_config::{ClientCertificates, Pem, TlsSection};

/// TLS settings of the two kinds of listeners.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// Of the page, the APIs and OTLP over HTTP.
    pub(crate) http: Arc<ServerConfig>,
    /// Of OTLP over gRPC.
    pub(crate) grpc: Arc<ServerConfig>,
    /// Whether every client has to show a certificate.
    pub(crate) needs_certificate: bool,
}

impl Tls {
    /// Reads the files and checks that they fit together.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub(crate) fn load(section: &TlsSection, http2: bool) -> Result<Self, String> {
        let (Some(cert), Some(key)) = (&section.cert, &section.key) else {
            return Err("a certificate and its key are both needed".to_owned());
        };
        let chain = certificates(cert)?;
        let (text, key_place) = pem(key)?;
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| format!("{key_place}: expected a private key in PEM: {error}"))?;
        let provider = Arc::new(provider(section)?);
        let versions: Vec<&'static SupportedProtocolVersion> = [(12, &version::TLS12), (13, &version::TLS13)]
            .into_iter()
            .filter(|(number, _)| (section.versions.0..=section.versions.1).contains(number))
            .map(|(_, version)| version)
            .collect();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| format!("versions and cipher suites do not go together: {error}"))?;
        let builder = match &section.client_ca {
            Some(ca) if section.clients != ClientCertificates::None => {
                let mut roots = RootCertStore::empty();
                let place = place(ca);
                for certificate in certificates(ca)? {
                    roots
                        .add(certificate)
                        .map_err(|error| format!("{place}: {error}"))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match section.clients {
                    ClientCertificates::IfGiven => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                let verifier = verifier.build().map_err(|error| format!("{place}: {error}"))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not go together: {error}"))?;
        config.ignore_client_order = section.prefer_server_order;
        let mut grpc = config.clone();
        grpc.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.alpn_protocols = match http2 {
            true => grpc.alpn_protocols.clone(),
            false => vec![b"http/1.1".to_vec()],
        };
        Ok(Self {
            http: Arc::new(config),
            grpc: Arc::new(grpc),
            needs_certificate: section.clients == ClientCertificates::Required,
        })
    }
}

/// Cipher suites and groups, by the names that Go has for them.
fn provider(section: &TlsSection) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !section.suites.is_empty() {
        let mut chosen = Vec::new();
        for name in &section.suites {
            // Go leaves the protocol's version out of the names of 1.3.
            let wanted = name
                .replace("TLS_AES", "TLS13_AES")
                .replace("TLS_CHACHA20", "TLS13_CHACHA20");
            let found = provider
                .cipher_suites
                .iter()
                .find(|suite| format!("{:?}", suite.suite()).eq_ignore_ascii_case(&wanted));
            chosen.push(*found.ok_or_else(|| {
                format!("tls_server_config.cipher_suites: {name:?} is not supported, which has ECDHE with AES-GCM or ChaCha20 only")
            })?);
        }
        provider.cipher_suites = chosen;
    }
    if !section.groups.is_empty() {
        let mut chosen = Vec::new();
        for name in &section.groups {
            let wanted = match name.as_str() {
                "X25519" => rustls::NamedGroup::X25519,
                "CurveP256" => rustls::NamedGroup::secp256r1,
                "CurveP384" => rustls::NamedGroup::secp384r1,
                other => {
                    return Err(format!(
                        "tls_server_config.curve_preferences: {other:?} is not supported, which has X25519, CurveP256 and CurveP384"
                    ));
                }
            };
            chosen.extend(provider.kx_groups.iter().filter(|group| group.name() == wanted));
        }
        provider.kx_groups = chosen;
    }
    Ok(provider)
}

/// Certificates of a file or text; at least one.
pub(crate) fn certificates(source: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let (text, place) = pem(source)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| format!("{place}: expected certificates in PEM: {error}"))?;
    match found.is_empty() {
        true => Err(format!("{place}: there is no certificate in it")),
        false => Ok(found),
    }
}

fn pem(source: &Pem) -> Result<(Vec<u8>, String), String> {
    let place = place(source);
    let text = match source {
        Pem::Text(text) => text.clone().into_bytes(),
        Pem::File(path) => read(path).map_err(|error| format!("{place}: {error}"))?,
    };
    Ok((text, place))
}

fn place(source: &Pem) -> String {
    match source {
        Pem::Text(_) => "the text given".to_owned(),
        Pem::File(path) => format!("{}", path.display()),
    }
}

/// A file of no more than a megabyte.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take((1 << 20) + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() > 1 << 20 {
        true => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "file has more than 1 MiB",
        )),
        false => Ok(bytes),
    }
}
