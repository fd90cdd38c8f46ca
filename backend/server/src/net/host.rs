//! Guards against pages of foreign sites.
//!
//! A page of a foreign site can make a browser resolve its own name to a loopback address and so read what is meant for this machine
//! alone. Such a request bears the foreign name as its host.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};

use super::plain;

/// Refuses a request whose host is neither an address nor `localhost`. For listeners on loopback addresses.
pub(crate) async fn check_host(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    match host {
        Some(host) if !is_local(host) => plain(
            StatusCode::MISDIRECTED_REQUEST,
            "this server answers on loopback only, to requests for an address or for localhost\n",
        ),
        _ => next.run(request).await,
    }
}

/// Whether a request comes from this server's own page, from one of this machine, or from no page at all. Browsers open WebSockets to any
/// server for any page, and say only where the page is from.
pub(crate) fn from_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(origin) = text(ORIGIN) else {
        return true;
    };
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => is_local(name),
    };
    loopback || text(HOST) == Some(authority)
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_origin() {
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, http::HeaderValue::from_static("10.0.0.1:7200"));
            if let Ok(origin) = http::HeaderValue::try_from(origin) {
                headers.insert(ORIGIN, origin);
            }
            from_own_page(&headers)
        };
        for good in [
            "http://10.0.0.1:7200",
            "http://localhost:5173",
            "https://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert!(from(good), "{good}");
        }
        for bad in [
            "http://evil.example",
            "http://10.0.0.1:80",
            "http://1.2.3.4",
            "null",
            "",
        ] {
            assert!(!from(bad), "{bad}");
        }
        assert!(from_own_page(&HeaderMap::new()));
    }

    #[test]
    fn takes_addresses_and_localhost_only() {
        for good in [
            "127.0.0.1:7200",
            "localhost",
            "LOCALHOST:1",
            "[::1]:7200",
            "[::1]",
            "a.localhost:80",
        ] {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:7200",
            "localhost.evil.example",
            "",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
