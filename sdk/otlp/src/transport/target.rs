//! Where one signal goes, read once from its settings.
//!
//! Invariant: all that can be wrong with the settings is found here, at the start.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri, header};
use watchroom_core::Signal;

use super::Payload;
use super::tls::Tls;
use crate::config::{Compression, Endpoint, Protocol, SignalConfig, TlsFiles};
use crate::error::StartError;

/// The address, headers and limits of one signal's collector.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) protocol: Protocol,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) timeout: Duration,
    pub(super) compression: Option<Compression>,
    pub(super) tls: Option<Tls>,
    /// Absolute, as HTTP/2 wants it.
    uri: Uri,
    /// The path alone, as HTTP/1 wants it.
    path: Uri,
    headers: HeaderMap,
    shown: String,
    has_unused_tls_files: bool,
}

/// Headers that belong to the transport.
const RESERVED: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::UPGRADE,
];

impl Target {
    pub(crate) fn new(signal: Signal, config: &SignalConfig) -> Result<Self, StartError> {
        let given = config.endpoint.as_str().trim();
        let shown = without_credentials(given);
        let wrong = |why: &str| StartError::Endpoint {
            signal,
            value: shown.clone(),
            why: why.to_owned(),
        };
        let has_scheme = given.contains("://");
        if !has_scheme && config.protocol == Protocol::HttpProtobuf {
            return Err(wrong("the scheme is missing"));
        }
        let text = if has_scheme {
            given.to_owned()
        } else {
            let has_tls_files = config.tls != TlsFiles::default();
            format!("{}://{given}", if has_tls_files { "https" } else { "http" })
        };
        let parsed: Uri = text
            .parse()
            .map_err(|why: hyper::http::uri::InvalidUri| wrong(&why.to_string()))?;
        let is_secure = match parsed.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("the scheme is unknown")),
        };
        let authority = parsed.authority().ok_or_else(|| wrong("the host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("user and password belong in a header, not in the address"));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        let port = match (authority.port_u16(), authority.as_str().rsplit_once(':')) {
            (Some(0), _) => return Err(wrong("port 0 cannot be connected to")),
            (Some(port), _) => port,
            (None, Some((_, port)))
                if !port.ends_with(']') && authority.port().is_none() && !port.is_empty() =>
            {
                return Err(wrong("the port is not a number up to 65535"));
            }
            (None, _) if is_secure => 443,
            (None, _) => 80,
        };
        if config.timeout.is_zero() {
            return Err(StartError::Setting {
                setting: "timeout",
                value: "0".into(),
                accepted: "more than 0",
            });
        }
        if config.compression == Some(Compression::Zstd) && !cfg!(feature = "zstd") {
            return Err(StartError::ZstdMissing { signal });
        }
        let tls = match is_secure {
            true => Some(Tls::new(signal, config, &shown, &host)?),
            false => None,
        };
        let path = path(signal, config, &parsed);
        let path_and_query = PathAndQuery::try_from(path).map_err(|why| wrong(&why.to_string()))?;
        let mut parts = parsed.clone().into_parts();
        parts.path_and_query = Some(path_and_query.clone());
        let uri = Uri::from_parts(parts).map_err(|why| wrong(&why.to_string()))?;
        let host_header = HeaderValue::from_str(authority.as_str()).map_err(|why| wrong(&why.to_string()))?;
        let headers = headers(signal, config, host_header)?;
        Ok(Self {
            protocol: config.protocol,
            host,
            port,
            timeout: config.timeout,
            compression: config.compression,
            has_unused_tls_files: tls.is_none() && config.tls != TlsFiles::default(),
            tls,
            path: Uri::from(path_and_query),
            uri,
            headers,
            shown,
        })
    }

    /// The endpoint for messages.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether files for TLS were given, though the endpoint is one without.
    pub(crate) const fn has_unused_tls_files(&self) -> bool {
        self.has_unused_tls_files
    }

    pub(super) fn request(&self, payload: Payload) -> Request<Payload> {
        let compression = payload.compression();
        let mut request = Request::new(payload);
        *request.method_mut() = hyper::Method::POST;
        *request.headers_mut() = self.headers.clone();
        *request.uri_mut() = match self.protocol {
            Protocol::Grpc => self.uri.clone(),
            Protocol::HttpProtobuf => self.path.clone(),
        };
        if let Some(compression) = compression {
            let name = match self.protocol {
                Protocol::Grpc => HeaderName::from_static("grpc-encoding"),
                Protocol::HttpProtobuf => header::CONTENT_ENCODING,
            };
            let value = match compression {
                Compression::Gzip => "gzip",
                Compression::Zstd => "zstd",
            };
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        request
    }
}

fn path(signal: Signal, config: &SignalConfig, given: &Uri) -> String {
    let (service, method) = match signal {
        Signal::Spans => ("trace.v1.TraceService", "traces"),
        Signal::Metrics => ("metrics.v1.MetricsService", "metrics"),
        Signal::Logs | Signal::Lines => ("logs.v1.LogsService", "logs"),
    };
    match (config.protocol, &config.endpoint) {
        (Protocol::Grpc, _) => format!("/opentelemetry.proto.collector.{service}/Export"),
        (Protocol::HttpProtobuf, Endpoint::Base(_)) => {
            format!("{}/v1/{method}", given.path().trim_end_matches('/'))
        }
        (Protocol::HttpProtobuf, Endpoint::Signal(_)) => given
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
    }
}

fn headers(signal: Signal, config: &SignalConfig, host: HeaderValue) -> Result<HeaderMap, StartError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("watchroom-otlp/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in &config.headers {
        let wrong = |why: &str| StartError::Header {
            signal,
            name: name.clone(),
            why: why.to_owned(),
        };
        let key: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| wrong("the name is not a header's name"))?;
        if RESERVED.contains(&key) || key.as_str().starts_with("grpc-") {
            return Err(wrong("the transport sets this header itself"));
        }
        let mut value = HeaderValue::from_str(value.trim())
            .map_err(|_| wrong("the value has characters that no header may have"))?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    match config.protocol {
        Protocol::Grpc => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
            // At most eight digits are allowed: a day in milliseconds.
            let ms = config.timeout.as_millis().clamp(1, 86_400_000) as u64;
            let timeout = HeaderValue::from_str(&format!("{ms}m")).unwrap_or(HeaderValue::from_static("10S"));
            headers.insert(HeaderName::from_static("grpc-timeout"), timeout);
        }
        Protocol::HttpProtobuf => {
            headers.insert(header::HOST, host);
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-protobuf"),
            );
        }
    }
    Ok(headers)
}

/// Hides what stands before `@`.
fn without_credentials(address: &str) -> String {
    let Some((before, host)) = address.rsplit_once('@') else {
        return address.to_owned();
    };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}{}…@{host}", if scheme.is_empty() { "" } else { "://" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: Endpoint, protocol: Protocol) -> SignalConfig {
        SignalConfig::new(endpoint, protocol)
    }

    fn base(address: &str, protocol: Protocol) -> Result<Target, StartError> {
        Target::new(Signal::Spans, &config(Endpoint::base(address), protocol))
    }

    #[test]
    fn appends_the_signals_path_to_a_base_address_only() {
        for (endpoint, path) in [
            (Endpoint::base("http://h:4318"), "/v1/traces"),
            (Endpoint::base("http://h:4318/"), "/v1/traces"),
            (Endpoint::base("http://h:4318/otlp/"), "/otlp/v1/traces"),
            (Endpoint::signal("http://h:4318"), "/"),
            (Endpoint::signal("http://h:4318/in?tenant=a"), "/in?tenant=a"),
        ] {
            let target = Target::new(Signal::Spans, &config(endpoint, Protocol::HttpProtobuf)).unwrap();
            assert_eq!(target.path.to_string(), path);
        }
        let metrics = Target::new(
            Signal::Metrics,
            &config(Endpoint::base("http://h:4318"), Protocol::HttpProtobuf),
        )
        .unwrap();
        assert_eq!(metrics.path.to_string(), "/v1/metrics");
    }

    #[test]
    fn grpc_takes_host_and_port_and_names_the_service() {
        for address in ["http://[::1]:4317/whatever", "[::1]:4317"] {
            let target = base(address, Protocol::Grpc).unwrap();
            assert_eq!((target.host.as_str(), target.port), ("::1", 4317));
            assert_eq!(
                target.uri.path(),
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            );
        }
        assert_eq!(base("http://collector", Protocol::Grpc).unwrap().port, 80);
    }

    #[test]
    fn says_what_is_wrong_with_an_address_and_what_is_accepted() {
        for (address, why) in [
            ("localhost:4318", "scheme is missing"),
            ("ftp://h:1", "scheme is unknown"),
            ("http://", "http://"),
            ("http://h:99999", "65535"),
            ("http://h:0", "port 0"),
            ("http://h h:1", "invalid"),
            ("", "scheme is missing"),
        ] {
            let error = base(address, Protocol::HttpProtobuf).unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains(address),
                "{address}: {error}"
            );
            assert!(
                error.contains("http://") && error.contains("spans"),
                "{address}: {error}"
            );
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn a_build_without_tls_names_the_feature() {
        let error = base("https://h:4318", Protocol::Grpc).unwrap_err().to_string();
        assert!(
            error.contains("`tls`") && error.contains("https://h:4318"),
            "{error}"
        );
    }

    #[test]
    #[cfg(not(feature = "zstd"))]
    fn a_build_without_zstd_names_the_feature() {
        let mut config = config(Endpoint::base("http://h:1"), Protocol::Grpc);
        config.compression = Some(Compression::Zstd);
        let error = Target::new(Signal::Logs, &config).unwrap_err().to_string();
        assert!(error.contains("`zstd`") && error.contains("logs"), "{error}");
    }

    #[test]
    #[cfg(feature = "tls")]
    fn tls_is_chosen_by_the_scheme_and_for_grpc_without_one_by_the_files() {
        let target = base("https://collector", Protocol::Grpc).unwrap();
        assert!(target.tls.is_some() && target.port == 443);
        let with_files = |address, protocol| {
            let mut config = config(Endpoint::base(address), protocol);
            config.tls.certificate = Some("/nowhere/ca.pem".into());
            Target::new(Signal::Spans, &config)
        };
        let error = with_files("collector:4317", Protocol::Grpc)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/ca.pem") && error.contains("certificate"),
            "{error}"
        );
        let plain = with_files("http://collector:4317", Protocol::Grpc).unwrap();
        assert!(plain.tls.is_none() && plain.has_unused_tls_files());
    }

    #[test]
    fn never_shows_credentials() {
        let error = base("http://user:hunter2@h:1", Protocol::HttpProtobuf)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2") && error.contains("…@h:1"), "{error}");
        let mut bad = config(Endpoint::base("http://h:1"), Protocol::Grpc);
        bad.headers = vec![
            ("authorization".into(), "hunter2\n".into()),
            ("x-y".into(), "a\u{1}hunter2".into()),
        ];
        let error = Target::new(Signal::Logs, &bad).unwrap_err().to_string();
        assert!(
            !error.contains("hunter2") && error.contains("x-y") && error.contains("logs"),
            "{error}"
        );
        bad.headers = vec![("Content-Type".into(), "text/plain".into())];
        assert!(matches!(
            Target::new(Signal::Logs, &bad),
            Err(StartError::Header { .. })
        ));
        bad.headers = vec![("authorization".into(), "hunter2".into())];
        assert!(!format!("{:?}", Target::new(Signal::Logs, &bad).unwrap()).contains("hunter2"));
    }
}
