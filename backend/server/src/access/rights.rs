//! Rights, and which of them a request needs.

use http::Method;

/// What a client may do; `admin` includes the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) admin: bool,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: whether the server lives is no secret.
    Nothing,
    Read,
    Write,
    Admin,
}

/// Paths that are open to everyone.
const OPEN: [&str; 4] = ["/-/healthy", "/-/ready", "/ready", "/health"];
/// Paths that take data.
const WRITES: [&str; 5] = [
    "/v1/traces",
    "/v1/metrics",
    "/v1/logs",
    "/api/v1/write",
    "/loki/api/v1/push",
];
/// What begins so changes the server itself.
const ADMIN: [&str; 4] = [
    "/-/",
    "/api/v1/admin/",
    "/api/watchroom/admin/",
    "/api/watchroom/snapshot",
];
/// Queries may come as a form; what begins so is one.
const FORMS: [&str; 9] = [
    "/api/v1/query",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/format_query",
    "/api/v1/parse_query",
    "/api/v1/read",
    "/loki/api/v1/",
    "/api/watchroom/traces",
    "/api/watchroom/query",
];

impl Rights {
    pub(crate) const ALL: Self = Self {
        read: true,
        write: true,
        admin: true,
    };

    /// Reads `read,write`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rights = Self::default();
        for word in text.split(',') {
            match word {
                "read" => rights.read = true,
                "write" => rights.write = true,
                "admin" => rights = Self::ALL,
                other => {
                    return Err(format!(
                        "expected read, write or admin, or several with commas between them, got {other:?}"
                    ));
                }
            }
        }
        Ok(rights)
    }

    pub(crate) fn allow(self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Read => self.read,
            Need::Write => self.write,
            Need::Admin => self.admin,
        }
    }
}

impl Need {
    /// What a request needs. What is not known to be harmless needs most.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        // A browser asks without credentials what a page of another origin may do.
        if OPEN.contains(&path) || *method == Method::OPTIONS {
            return Self::Nothing;
        }
        if ADMIN.iter().any(|prefix| path.starts_with(prefix)) {
            return Self::Admin;
        }
        if WRITES.contains(&path) || path.starts_with("/opentelemetry.proto.collector.") {
            return Self::Write;
        }
        let is_form = *method == Method::POST && FORMS.iter().any(|prefix| path.starts_with(prefix));
        match *method {
            Method::GET | Method::HEAD => Self::Read,
            _ if is_form => Self::Read,
            _ => Self::Admin,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "no",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Whether a request is a query, of which a client may run few at a time.
pub(crate) fn is_query(path: &str) -> bool {
    let api = path.starts_with("/api/") || path.starts_with("/loki/api/") || path == "/federate";
    api && !WRITES.contains(&path) && path != "/api/watchroom/status" && path != "/loki/api/v1/tail"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_needs_most() {
        for (method, path, expect) in [
            (Method::GET, "/-/healthy", Need::Nothing),
            (Method::GET, "/ready", Need::Nothing),
            (Method::GET, "/", Need::Read),
            (Method::GET, "/api/v1/query", Need::Read),
            (Method::POST, "/api/v1/query_range", Need::Read),
            (Method::POST, "/loki/api/v1/push", Need::Write),
            (Method::GET, "/loki/api/v1/push", Need::Write),
            (Method::POST, "/v1/traces", Need::Write),
            (Method::POST, "/api/v1/write", Need::Write),
            (
                Method::POST,
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
                Need::Write,
            ),
            (Method::POST, "/-/reload", Need::Admin),
            (Method::POST, "/-/ready/", Need::Admin),
            (Method::POST, "/api/v1/unheard-of", Need::Admin),
            (Method::DELETE, "/api/v1/series", Need::Admin),
            (Method::PUT, "/api/v1/query", Need::Admin),
            (Method::GET, "/api/v1/admin/tsdb/snapshot", Need::Admin),
        ] {
            assert_eq!(Need::of(&method, path), expect, "{method} {path}");
        }
    }

    #[test]
    fn rights_are_read_and_held_to() {
        let both = Rights::parse("read,write").unwrap();
        assert!(both.allow(Need::Read) && both.allow(Need::Write) && !both.allow(Need::Admin));
        assert_eq!(Rights::parse("admin"), Ok(Rights::ALL));
        assert!(Rights::parse("reed").unwrap_err().contains("\"reed\""));
        assert!(Rights::parse("").is_err());
    }
}
