//! How listeners are guarded.
//!
//! Not here: what the files hold, which `access` and `net` read.

use std::path::PathBuf;

/// TLS and credentials of every listener. Nothing set means neither; files are read again when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Certificate chain of the server, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM.
    pub tls_key: Option<PathBuf>,
    /// Authorities of clients, PEM; with them every client has to show a certificate.
    pub tls_client_ca: Option<PathBuf>,
    /// Tokens: a name, rights and a token in each line.
    pub auth_token_file: Option<PathBuf>,
    /// TLS and users as Prometheus' `--web.config.file` has them.
    pub web_config: Option<PathBuf>,
}
