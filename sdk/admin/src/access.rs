//! Who may ask what (COM-61).

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Method};

use crate::config::AdminConfig;

/// The verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    /// The token is missing or wrong.
    Unauthorized,
    /// There is no token that could allow this beyond loopback.
    Forbidden,
    /// A change, by someone who knows this machine under another name: a page in a browser, led here by a false name.
    Misled,
}

pub(crate) fn check(config: &AdminConfig, method: &Method, path: &str, headers: &HeaderMap) -> Access {
    let is_health = path.starts_with("/health") || matches!(path, "/healthz" | "/readyz" | "/livez");
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    match &config.token {
        Some(_) if is_health && !changes && !config.protect_health => Access::Granted,
        Some(token) if bears(headers, token) => Access::Granted,
        Some(_) => Access::Unauthorized,
        None if changes && !config.listen.ip().is_loopback() => Access::Forbidden,
        None if changes && !names_loopback(headers) => Access::Misled,
        None => Access::Granted,
    }
}

/// Whether the host that the caller thinks it speaks to is this machine by its own names.
fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("");
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn bears(headers: &HeaderMap, token: &str) -> bool {
    let sent = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let sent = sent
        .and_then(|value| value.split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    sent.is_some_and(|(_, sent)| same(sent, token.as_bytes()))
}

/// Compares in a time that depends on the lengths alone.
fn same(sent: &[u8], token: &[u8]) -> bool {
    let mut differ = usize::from(sent.len() != token.len());
    for (i, byte) in sent.iter().enumerate() {
        let expect = token.get(i).copied().unwrap_or(!*byte);
        differ |= usize::from(byte ^ expect);
    }
    std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ask(config: &AdminConfig, method: Method, path: &str, token: Option<&str>, expect: Access) {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.parse().unwrap());
        }
        assert_eq!(check(config, &method, path, &headers), expect);
    }

    #[test]
    fn with_a_token_only_health_is_open() {
        let config = AdminConfig {
            token: Some("s3cret".into()),
            ..AdminConfig::default()
        };
        ask(&config, Method::GET, "/metrics", None, Access::Unauthorized);
        for wrong in [
            "Bearer s3cre",
            "Bearer s3cretx",
            "Basic s3cret",
            "Bearer ",
            "s3cret",
        ] {
            ask(
                &config,
                Method::GET,
                "/metrics",
                Some(wrong),
                Access::Unauthorized,
            );
        }
        ask(
            &config,
            Method::GET,
            "/metrics",
            Some("bearer s3cret"),
            Access::Granted,
        );
        ask(&config, Method::GET, "/healthz", None, Access::Granted);
        let closed = AdminConfig {
            protect_health: true,
            ..config
        };
        ask(&closed, Method::GET, "/healthz", None, Access::Unauthorized);
    }

    #[test]
    fn without_a_token_nothing_can_be_changed_from_afar() {
        let near = AdminConfig::default();
        for (host, expect) in [
            ("127.0.0.1:9090", Access::Granted),
            ("localhost", Access::Granted),
            ("[::1]:9090", Access::Granted),
            ("evil.example:9090", Access::Misled),
            ("127.0.0.1.evil.example", Access::Misled),
            ("", Access::Misled),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(
                check(&near, &Method::PUT, "/loglevel", &headers),
                expect,
                "{host}"
            );
            assert_eq!(
                check(&near, &Method::GET, "/metrics", &headers),
                Access::Granted,
                "{host}"
            );
        }
        let far = AdminConfig {
            listen: ([0, 0, 0, 0], 9090).into(),
            ..AdminConfig::default()
        };
        ask(&far, Method::GET, "/metrics", None, Access::Granted);
        ask(&far, Method::PUT, "/loglevel", None, Access::Forbidden);
    }
}
