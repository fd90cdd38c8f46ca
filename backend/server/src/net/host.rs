//! A guard against DNS rebinding.
//!
//! A page of a foreign site can make a browser resolve its own name to a loopback address and so read what is meant for this machine
//! alone. Such a request bears the foreign name as its host.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::HOST;

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
