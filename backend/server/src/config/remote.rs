//! Stores of others in place of the built-in ones.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Servers that keep signals instead of the built-in store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStores {
    /// A server that speaks Prometheus' query API and remote write.
    pub metrics: Option<RemoteStore>,
    /// A server that speaks Jaeger's query API, and OTLP there or elsewhere.
    pub traces: Option<RemoteStore>,
    /// A server that speaks Loki's query API and push.
    pub logs: Option<RemoteStore>,
    /// Version of remote write that is sent.
    pub remote_write: RemoteWriteVersion,
    /// Authorities that are trusted instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// Memory for what each signal's store has not taken yet.
    pub queue_bytes: u64,
}

impl Default for RemoteStores {
    fn default() -> Self {
        Self {
            metrics: None,
            traces: None,
            logs: None,
            remote_write: RemoteWriteVersion::default(),
            ca: None,
            queue_bytes: 64 << 20,
        }
    }
}

/// One such server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStore {
    /// Where queries go.
    pub url: RemoteUrl,
    /// Where data goes, if that is elsewhere.
    pub write_url: Option<RemoteUrl>,
    /// Credentials: `bearer TOKEN`, `basic USER:PASSWORD` or `header NAME: VALUE` in each line.
    pub auth_file: Option<PathBuf>,
}

impl RemoteStore {
    /// A server that takes queries and data at one place and asks for no credentials.
    #[must_use]
    pub fn new(url: RemoteUrl) -> Self {
        Self {
            url,
            write_url: None,
            auth_file: None,
        }
    }
}

/// Versions of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteWriteVersion {
    /// 1.0, which every receiver takes.
    #[default]
    V1,
    /// 2.0, with metadata beside every series and texts sent once.
    V2,
}

/// Where a server is: `http://host:port/prefix`, or `https`, or `grpc` and `grpcs` where OTLP goes over gRPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    /// Whether gRPC is.
    pub(crate) grpc: bool,
    /// `host:port`.
    pub(crate) authority: String,
    /// Path before that of the API, without a slash at its end.
    pub(crate) prefix: String,
}

/// A URL that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid URL {text:?}: {reason}; expected http://host:port or https://host:port, with a path perhaps"
)]
pub struct ParseRemoteUrlError {
    text: String,
    reason: &'static str,
}

impl FromStr for RemoteUrl {
    type Err = ParseRemoteUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What stands before an @ may be a password and is not shown.
        let shown = match text.rsplit_once('@') {
            Some((_, rest)) => format!("…@{rest}"),
            None => text.to_owned(),
        };
        let fail = |reason| ParseRemoteUrlError {
            text: shown.clone(),
            reason,
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| fail("the scheme is missing"))?;
        let (tls, grpc) = match scheme {
            "http" => (false, false),
            "https" => (true, false),
            "grpc" => (false, true),
            "grpcs" => (true, true),
            _ => return Err(fail("the scheme is not http, https, grpc or grpcs")),
        };
        if rest.contains(['?', '#']) {
            return Err(fail("there is a query or a fragment"));
        }
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(fail(
                "user and password do not belong in the URL; put them into a file",
            ));
        }
        let parsed: http::uri::Authority = authority.parse().map_err(|_| fail("the host is not valid"))?;
        if parsed.host().is_empty() || authority.ends_with(':') {
            return Err(fail("the host or the port is missing"));
        }
        let port = parsed.port_u16().unwrap_or(match (grpc, tls) {
            (true, _) => 4317,
            (false, true) => 443,
            (false, false) => 80,
        });
        let prefix = prefix.trim_end_matches('/');
        if prefix.parse::<http::uri::PathAndQuery>().is_err() && !prefix.is_empty() {
            return Err(fail("the path is not valid"));
        }
        Ok(Self {
            tls,
            grpc,
            authority: format!("{}:{port}", parsed.host()),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.grpc, self.tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "grpc",
            (true, true) => "grpcs",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = text
            .parse::<RemoteUrl>()
            .map_or_else(|error| error.reason.to_owned(), |url| url.to_string());
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn reads_urls_with_and_without_a_path() {
        check("http://localhost:9090", "http://localhost:9090");
        check(
            "https://h/select/0/prometheus/",
            "https://h:443/select/0/prometheus",
        );
        check("http://[::1]/", "http://[::1]:80");
        check("grpcs://h", "grpcs://h:4317");
    }

    #[test]
    fn says_what_is_wrong_with_a_url_and_shows_no_password() {
        check("localhost:9090", "the scheme is missing");
        check("ftp://h", "the scheme is not http, https, grpc or grpcs");
        check("http://", "the host is not valid");
        check("http://h:", "the host or the port is missing");
        check("http://h/a?b=c", "there is a query or a fragment");
        let error = "http://u:secret@h".parse::<RemoteUrl>().unwrap_err().to_string();
        assert!(
            error.contains("put them into a file") && !error.contains("secret"),
            "{error}"
        );
    }
}
