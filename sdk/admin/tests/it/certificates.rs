//! Authorities and certificates for one test, in files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use watchroom_admin::TlsFiles;

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, in PEM.
    pub(crate) fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn client(&self) -> (String, String) {
        self.sign("scraper", ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// Who signs what, and the endpoint's files.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) authority: Authority,
    pub(crate) files: TlsFiles,
}

impl World {
    /// An endpoint's certificate, and an authority of clients if one is wanted.
    pub(crate) fn new(asks_clients: bool) -> Self {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (certificate, key) = authority.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let files = TlsFiles {
            certificate: write(dir.path(), "endpoint.pem", &certificate),
            key: write(dir.path(), "endpoint.key", &key),
            client_authority: asks_clients.then(|| write(dir.path(), "clients.pem", &authority.pem())),
        };
        Self {
            dir,
            authority,
            files,
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        write(self.dir.path(), name, text)
    }

    /// A client that trusts the endpoint's authority and shows what it is given.
    pub(crate) fn client(&self, shows: Option<(String, String)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match shows {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        })
    }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
