//! How a job speaks HTTP: credentials, TLS, a proxy, redirects, headers.
//!
//! Files of secrets are read when a request is made, as Prometheus does; those of TLS when the file is loaded.

use std::path::Path;

use http::{HeaderName, HeaderValue};

use super::section::Section;
use crate::ingest::scrape::{ClientSettings, Credentials, Pem, Proxy, Secret, TlsSettings};

/// Takes the keys of Prometheus' HTTP client configuration out of a section.
pub(super) fn client(
    job: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<ClientSettings, String> {
    Ok(ClientSettings {
        credentials: credentials(job, folder, unused)?,
        tls: tls(job, folder, unused)?,
        proxy: proxy(job)?,
        no_proxy: job
            .text("no_proxy")?
            .map(|list| list.split(',').map(|item| item.trim().to_owned()).collect())
            .unwrap_or_default(),
        follow_redirects: job.flag("follow_redirects", true)?,
        headers: headers(job, folder, unused)?,
    })
}

/// The `authorization` header, by `basic_auth`, `authorization` or `bearer_token`.
fn credentials(
    job: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Option<Credentials>, String> {
    let bearer = secret(job, "bearer_token", folder)?;
    let given = [
        ("basic_auth", job.has("basic_auth")),
        ("authorization", job.has("authorization")),
        ("oauth2", job.has("oauth2")),
        ("bearer_token", bearer.is_some()),
    ];
    let given: Vec<&str> = given
        .iter()
        .filter(|(_, has)| *has)
        .map(|(name, _)| *name)
        .collect();
    if given.len() > 1 {
        let path = job.path();
        return Err(format!(
            "{path}: at most one of {} is allowed",
            given.join(" and ")
        ));
    }
    let mut basic = job.section("basic_auth")?;
    let mut other = job.section("authorization")?;
    let credentials = match given.first() {
        Some(&"basic_auth") => Some(Credentials::Basic {
            user: secret(&mut basic, "username", folder)?.unwrap_or_default(),
            password: secret(&mut basic, "password", folder)?.unwrap_or_default(),
        }),
        Some(&"authorization") => Some(Credentials::Scheme {
            scheme: other.text("type")?.unwrap_or_else(|| "Bearer".into()),
            credentials: secret(&mut other, "credentials", folder)?.unwrap_or_default(),
        }),
        Some(&"bearer_token") => bearer.map(|credentials| Credentials::Scheme {
            scheme: "Bearer".into(),
            credentials,
        }),
        _ => None,
    };
    let checked = credentials.as_ref().map(Credentials::check_inline);
    if let Some(Err(reason)) = checked {
        return Err(format!("{}: {reason}", job.path()));
    }
    basic.finish(unused);
    other.finish(unused);
    Ok(credentials)
}

fn secret(section: &mut Section, key: &str, folder: &Path) -> Result<Option<Secret>, String> {
    let file_key = format!("{key}_file");
    let path = section.path().to_owned();
    match (section.text(key)?, section.text(&file_key)?) {
        (Some(secret), None) => Ok(Some(Secret::Text(secret))),
        (None, Some(file)) => Ok(Some(Secret::File(folder.join(file)))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{path}.{file_key}: {key} is there as well")),
    }
}

fn tls(job: &mut Section, folder: &Path, unused: &mut Vec<String>) -> Result<TlsSettings, String> {
    let mut section = job.section("tls_config")?;
    let version = |section: &mut Section, key: &str| match section.text(key)?.as_deref() {
        None => Ok(None),
        Some("TLS10" | "TLS11" | "TLS12") => Ok(Some(12)),
        Some("TLS13") => Ok(Some(13)),
        Some(other) => Err(format!(
            "{}.{key}: expected TLS12 or TLS13, got {other:?}",
            section.path()
        )),
    };
    let settings = TlsSettings {
        ca: pem(&mut section, "ca", folder)?,
        cert: pem(&mut section, "cert", folder)?,
        key: pem(&mut section, "key", folder)?,
        server_name: section.text("server_name")?,
        skip_verify: section.flag("insecure_skip_verify", false)?,
        min_version: version(&mut section, "min_version")?,
        max_version: version(&mut section, "max_version")?,
    };
    if settings.cert.is_some() != settings.key.is_some() {
        let path = section.path();
        return Err(format!("{path}: a client certificate needs both cert and key"));
    }
    section.finish(unused);
    Ok(settings)
}

/// A certificate or key, in the file itself or in one that it names.
fn pem(section: &mut Section, key: &str, folder: &Path) -> Result<Option<Pem>, String> {
    let file_key = format!("{key}_file");
    let path = section.path().to_owned();
    match (section.text(key)?, section.text(&file_key)?) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Pem {
            text,
            from: format!("{path}.{key}"),
        })),
        (None, Some(file)) => {
            let file = folder.join(file);
            match std::fs::read_to_string(&file) {
                Ok(text) => Ok(Some(Pem {
                    text,
                    from: format!("{path}.{file_key}: {}", file.display()),
                })),
                Err(error) => Err(format!(
                    "{path}.{file_key}: cannot read {}: {error}",
                    file.display()
                )),
            }
        }
        (Some(_), Some(_)) => Err(format!("{path}.{file_key}: {key} is there as well")),
    }
}

fn proxy(job: &mut Section) -> Result<Option<Proxy>, String> {
    let path = format!("{}.proxy_url", job.path());
    let Some(url) = job.text("proxy_url")?.filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    Proxy::parse(&url)
        .map(Some)
        .ok_or_else(|| format!("{path}: expected a proxy such as http://host:3128, got one that is not"))
}

fn headers(
    job: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Vec<(HeaderName, Secret)>, String> {
    let mut section = job.section("http_headers")?;
    let mut headers = Vec::new();
    for name in section.keys() {
        let path = format!("{}.{name}", section.path());
        let header = HeaderName::try_from(name.as_str())
            .map_err(|_| format!("{path}: this is not the name of a header"))?;
        let mut one = section.section(&name)?;
        for text in one.strings("values")?.into_iter().chain(one.strings("secrets")?) {
            if HeaderValue::try_from(&text).is_err() {
                return Err(format!("{path}: a value holds characters that no header can"));
            }
            headers.push((header.clone(), Secret::Text(text)));
        }
        for file in one.strings("files")? {
            headers.push((header.clone(), Secret::File(folder.join(file))));
        }
        one.finish(unused);
    }
    Ok(headers)
}
