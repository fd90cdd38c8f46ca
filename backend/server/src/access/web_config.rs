//! Prometheus' web configuration file, read as it is.
//!
//! Used are `tls_server_config`, `http_server_config` and `basic_auth_users`. What would make the server less safe if it were passed over
//! is an error; what would not is told by name.
//!
//! Source: Prometheus, "HTTPS and authentication"; exporter-toolkit, `docs/web-configuration.md`.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use crate::prometheus_yml::Section;

/// Most expensive hash that is taken: each step doubles the work.
const MAX_COST: u32 = 14;
/// Most users.
const MAX_USERS: usize = 1_000;
/// Longest file.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    pub(crate) tls: Option<TlsSection>,
    /// Whether HTTP/2 may be spoken over TLS.
    pub(crate) http2: bool,
    /// Headers of every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Users with the hashes of their passwords.
    pub(crate) users: Vec<(String, String)>,
    /// Keys without effect, by path.
    pub(crate) unused: Vec<String>,
}

/// `tls_server_config`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct TlsSection {
    pub(crate) cert: Option<Pem>,
    pub(crate) key: Option<Pem>,
    pub(crate) client_ca: Option<Pem>,
    pub(crate) clients: ClientCertificates,
    /// Lowest and highest version, 12 or 13.
    pub(crate) versions: (u8, u8),
    /// Names of cipher suites; all if empty.
    pub(crate) suites: Vec<String>,
    /// Names of key exchange groups; all if empty.
    pub(crate) groups: Vec<String>,
    pub(crate) prefer_server_order: bool,
}

/// PEM text, or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pem {
    File(PathBuf),
    Text(String),
}

/// Whether clients show certificates.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientCertificates {
    #[default]
    None,
    IfGiven,
    Required,
}

/// Reads the text of a file that stands in `folder`.
///
/// # Errors
/// The first thing that is wrong, with its path; never a hash.
pub(crate) fn read(text: &str, folder: &Path) -> Result<WebConfig, String> {
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("the file has more than {MAX_BYTES} bytes"));
    }
    let value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let mut root = Section::root(value)?;
    let mut config = WebConfig {
        http2: true,
        ..WebConfig::default()
    };
    if root.has("tls_server_config") {
        config.tls = Some(tls(root.section("tls_server_config")?, folder)?);
    }
    let mut http = root.section("http_server_config")?;
    config.http2 = http.flag("http2", true)?;
    config.headers = headers(http.section("headers")?)?;
    unknown(&http)?;
    config.users = users(root.pairs("basic_auth_users")?)?;
    if root.take("rate_limit").is_some() {
        config.unused.push("rate_limit (see --client-limit)".to_owned());
    }
    unknown(&root)?;
    Ok(config)
}

/// Prometheus refuses a key that it does not know, since a mistake here is an open door.
fn unknown(section: &Section) -> Result<(), String> {
    match section.keys().first() {
        None => Ok(()),
        Some(key) if section.path().is_empty() => Err(format!("{key}: there is no such setting")),
        Some(key) => Err(format!("{}.{key}: there is no such setting", section.path())),
    }
}

fn tls(mut section: Section, folder: &Path) -> Result<TlsSection, String> {
    let mut pem = |text: &str, file: &str| -> Result<Option<Pem>, String> {
        match (section.text(text)?, section.text(file)?) {
            (Some(_), Some(_)) => Err(format!(
                "tls_server_config: {text} and {file} are both given; give one of them"
            )),
            (Some(text), None) => Ok(Some(Pem::Text(text))),
            (None, Some(file)) if !file.is_empty() => Ok(Some(Pem::File(folder.join(file)))),
            (None, _) => Ok(None),
        }
    };
    let cert = pem("cert", "cert_file")?;
    let key = pem("key", "key_file")?;
    let client_ca = pem("client_ca", "client_ca_file")?;
    let clients = match section.text("client_auth_type")?.as_deref() {
        None | Some("" | "NoClientCert") => ClientCertificates::None,
        Some("VerifyClientCertIfGiven") => ClientCertificates::IfGiven,
        Some("RequireAndVerifyClientCert") => ClientCertificates::Required,
        Some(other @ ("RequestClientCert" | "RequireAnyClientCert")) => {
            return Err(format!(
                "tls_server_config.client_auth_type: {other} is not supported, since it trusts certificates that nobody has checked; \
                 use RequireAndVerifyClientCert"
            ));
        }
        Some(other) => {
            return Err(format!(
                "tls_server_config.client_auth_type: expected NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert, \
                 got {other:?}"
            ));
        }
    };
    if !section.strings("client_allowed_sans")?.is_empty() {
        return Err("tls_server_config.client_allowed_sans is not supported; use an authority that certifies your clients only".to_owned());
    }
    let versions = (
        version(&mut section, "min_version", 12)?,
        version(&mut section, "max_version", 13)?,
    );
    if versions.0 > versions.1 {
        return Err("tls_server_config: min_version is above max_version".to_owned());
    }
    let found = TlsSection {
        cert,
        key,
        client_ca,
        clients,
        versions,
        suites: section.strings("cipher_suites")?,
        groups: section.strings("curve_preferences")?,
        prefer_server_order: section.flag("prefer_server_cipher_suites", true)?,
    };
    unknown(&section)?;
    match (&found.cert, &found.key) {
        (None, None) if found.client_ca.is_some() || found.clients != ClientCertificates::None => {
            return Err("tls_server_config: clients' certificates need cert_file and key_file".to_owned());
        }
        (Some(_), None) => return Err("tls_server_config: key_file is missing".to_owned()),
        (None, Some(_)) => return Err("tls_server_config: cert_file is missing".to_owned()),
        _ => {}
    }
    match (found.clients, &found.client_ca) {
        (ClientCertificates::None, Some(_)) => {
            Err("tls_server_config: client_ca_file has no effect without client_auth_type".to_owned())
        }
        (ClientCertificates::IfGiven | ClientCertificates::Required, None) => {
            Err("tls_server_config: client_auth_type needs client_ca_file".to_owned())
        }
        _ => Ok(found),
    }
}

fn version(section: &mut Section, key: &str, default: u8) -> Result<u8, String> {
    match section.text(key)?.as_deref() {
        None | Some("") => Ok(default),
        Some("TLS12") => Ok(12),
        Some("TLS13") => Ok(13),
        // Older ones are never spoken, so a floor below is held to as well.
        Some("TLS10" | "TLS11") if key == "min_version" => Ok(12),
        Some(other) => Err(format!(
            "tls_server_config.{key}: expected TLS12 or TLS13, got {other:?}"
        )),
    }
}

/// Headers as Prometheus allows them.
fn headers(mut section: Section) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let known = [
        "Content-Security-Policy",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "X-XSS-Protection",
        "Strict-Transport-Security",
        "Cache-Control",
    ];
    let mut found = Vec::new();
    for name in known {
        if let Some(text) = section.text(name)?
            && !text.is_empty()
        {
            let value = HeaderValue::try_from(&text).map_err(|_| {
                format!("http_server_config.headers.{name}: {text:?} is no value of a header")
            })?;
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            found.push((name, value));
        }
    }
    unknown(&section)?;
    Ok(found)
}

fn users(pairs: Vec<(String, String)>) -> Result<Vec<(String, String)>, String> {
    if pairs.len() > MAX_USERS {
        return Err(format!("basic_auth_users: there are more than {MAX_USERS} users"));
    }
    for (user, hash) in &pairs {
        let at = format!("basic_auth_users.{user}");
        let parts = hash
            .parse::<bcrypt::HashParts>()
            .map_err(|_| format!("{at}: expected a hash by bcrypt, as `htpasswd -nBC 10 {user}` makes it"))?;
        if parts.get_cost() > MAX_COST {
            return Err(format!(
                "{at}: cost {} takes too long for each request; {MAX_COST} is the most",
                parts.get_cost()
            ));
        }
        if user.contains(':') {
            return Err(format!("{at}: a user's name has no colon"));
        }
    }
    Ok(pairs)
}

/// Reads a web configuration file, for those who check one without starting a server. Gives back the settings that have no effect.
///
/// # Errors
/// What is wrong with it, and where.
pub fn check(text: &str) -> Result<Vec<String>, String> {
    read(text, Path::new(".")).map(|config| config.unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

    #[test]
    fn reads_a_file_as_prometheus_documents_it() {
        let text = format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: /keys/server.key\n  client_auth_type: RequireAndVerifyClientCert\n  \
             client_ca_file: ca.crt\n  min_version: TLS13\nhttp_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n\
             basic_auth_users:\n  alice: {HASH}\n  bob: {HASH}\nrate_limit:\n  burst: 5\n"
        );
        let config = read(&text, Path::new("/etc")).unwrap();
        let tls = config.tls.unwrap();
        assert_eq!(tls.cert, Some(Pem::File("/etc/server.crt".into())));
        assert_eq!(tls.key, Some(Pem::File("/keys/server.key".into())));
        assert_eq!(
            (tls.clients, tls.versions),
            (ClientCertificates::Required, (13, 13))
        );
        assert!(!config.http2);
        assert_eq!(config.headers[0].0, "x-frame-options");
        assert_eq!(config.users.len(), 2);
        assert_eq!(config.unused, ["rate_limit (see --client-limit)"]);
        let empty = read("", Path::new("/")).unwrap();
        assert!(empty.tls.is_none() && empty.users.is_empty() && empty.http2);
    }

    #[test]
    fn what_would_leave_a_door_open_is_an_error() {
        for (text, expect) in [
            (
                "tls_server_confg: {}",
                "tls_server_confg: there is no such setting",
            ),
            ("tls_server_config: {cert: a, cert_file: b}", "both given"),
            ("tls_server_config: {cert_file: b}", "key_file is missing"),
            (
                "tls_server_config: {cert: a, key: b, client_auth_type: RequireAnyClientCert}",
                "not supported",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_auth_type: Sure}",
                "expected NoClientCert",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_ca: c}",
                "no effect without client_auth_type",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_auth_type: VerifyClientCertIfGiven}",
                "needs client_ca_file",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_allowed_sans: [x]}",
                "client_allowed_sans is not supported",
            ),
            (
                "tls_server_config: {max_version: TLS11}",
                "expected TLS12 or TLS13",
            ),
            (
                "basic_auth_users: {a: secret}",
                "basic_auth_users.a: expected a hash by bcrypt",
            ),
            (
                "http_server_config: {headers: {X-Other: a}}",
                "http_server_config.headers.X-Other",
            ),
            ("- a", "expected a mapping"),
        ] {
            let error = read(text, Path::new("/"))
                .err()
                .unwrap_or_else(|| panic!("{text} passed"));
            assert!(error.contains(expect), "{error}");
        }
        let dear = HASH.replace("$10$", "$20$");
        let error = read(&format!("basic_auth_users: {{a: '{dear}'}}"), Path::new("/"))
            .err()
            .unwrap();
        assert!(error.contains("cost 20") && !error.contains("QOauh"), "{error}");
    }
}
