//! The HTTP client of scraping and of discovery by HTTP: credentials, TLS, a proxy, redirects.
//!
//! Invariant: an answer takes no more memory than the limit; credentials go to the host that they are for, not where it redirects to.
//! Not here: the time limit, which the caller sets by dropping the future.

mod connect;
mod post;
mod secret;
mod tls;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;

pub(crate) use connect::Proxy;
pub(crate) use secret::{Credentials, Secret};
pub(crate) use tls::{Pem, TlsSettings};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// How a client speaks.
#[derive(Debug, Default)]
pub(crate) struct ClientSettings {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tls: TlsSettings,
    pub(crate) proxy: Option<Proxy>,
    /// Hosts that are reached without the proxy.
    pub(crate) no_proxy: Vec<String>,
    pub(crate) follow_redirects: bool,
    pub(crate) headers: Vec<(HeaderName, Secret)>,
}

/// Asks over HTTP; one connection for each question.
#[derive(Debug, Default)]
pub(crate) struct Client {
    settings: ClientSettings,
    tls: tls::Tls,
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) url: &'a Uri,
    pub(crate) accept: &'a str,
    /// Whether the answer may come compressed.
    pub(crate) compression: bool,
    /// Headers of this kind of question.
    pub(crate) headers: &'a [(&'static str, String)],
    /// Most bytes of the answer, decompressed.
    pub(crate) limit: usize,
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot connect to {address}")]
    Connect {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Tls(String),
    #[error("the proxy refused with HTTP status {0}")]
    Proxy(String),
    #[error("{0}")]
    Secret(String),
    #[error("the request is not valid")]
    Request(#[from] http::Error),
    #[error("the target broke the conversation off")]
    Broken(#[from] hyper::Error),
    #[error("server returned HTTP status {0}")]
    Status(StatusCode),
    #[error("{0:?} is not an address to be redirected to")]
    Redirect(String),
    #[error("it was redirected more than {MAX_REDIRECTS} times")]
    Redirects,
    #[error("content encoding {0:?} was not asked for")]
    Encoding(String),
    #[error("body is larger than {limit} bytes; raise body_size_limit if that is right")]
    TooLarge { limit: usize },
    #[error("body is not valid gzip: {0}")]
    Gzip(String),
}

/// What one request gave.
enum Reply {
    Answer(Answer),
    /// To be asked there instead.
    Elsewhere(String),
}

impl Client {
    /// A client by settings.
    ///
    /// # Errors
    /// What is wrong with the certificates, and where they stand.
    pub(crate) fn new(settings: ClientSettings) -> Result<Self, String> {
        let tls = tls::Tls::new(&settings.tls)?;
        Ok(Self { settings, tls })
    }

    /// The body of an answer with status 200.
    pub(crate) async fn get(&self, question: &Question<'_>) -> Result<Answer, ClientError> {
        let mut url = question.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // Go's client keeps credentials to the host they were meant for, and so do we.
            let own = url.authority() == question.url.authority();
            match self.once(question, &url, own).await? {
                Reply::Answer(answer) => return Ok(answer),
                Reply::Elsewhere(location) => {
                    url = resolve(&url, &location).ok_or(ClientError::Redirect(location))?;
                }
            }
        }
        Err(ClientError::Redirects)
    }

    async fn once(&self, question: &Question<'_>, url: &Uri, own: bool) -> Result<Reply, ClientError> {
        let proxy = self.settings.proxy.as_ref().filter(|_| !self.goes_direct(url));
        let is_tls = url.scheme_str() == Some("https");
        let stream = connect::connect(url, proxy, is_tls.then_some(&self.tls)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(64 << 10)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends with the answer, or with this future.
        let mut connection = std::pin::pin!(connection);
        let request = self.request(question, url, own, proxy.filter(|_| !is_tls))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let header = |name| {
                let value = response.headers().get(name);
                value.and_then(|value| value.to_str().ok()).unwrap_or("")
            };
            if self.settings.follow_redirects
                && matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
                && !header(LOCATION).is_empty()
            {
                return Ok((Err(header(LOCATION).to_owned()), false));
            }
            if response.status() != StatusCode::OK {
                return Err(ClientError::Status(response.status()));
            }
            let content_type = header(CONTENT_TYPE).to_owned();
            let gzip = match header(CONTENT_ENCODING) {
                "" | "identity" => false,
                "gzip" if question.compression => true,
                other => return Err(ClientError::Encoding(other.chars().take(40).collect())),
            };
            let body = collect(response.into_body(), question.limit).await?;
            Ok((Ok(Answer { content_type, body }), gzip))
        };
        let mut exchange = std::pin::pin!(exchange);
        let (answer, gzip) = tokio::select! {
            biased;
            answer = exchange.as_mut() => answer?,
            ended = connection.as_mut() => {
                ended?;
                exchange.await?
            }
        };
        Ok(match answer {
            Err(location) => Reply::Elsewhere(location),
            Ok(answer) if !gzip => Reply::Answer(answer),
            Ok(answer) => Reply::Answer(Answer {
                body: gunzip(&answer.body, question.limit)?,
                ..answer
            }),
        })
    }

    fn request(
        &self,
        question: &Question<'_>,
        url: &Uri,
        own: bool,
        proxy: Option<&Proxy>,
    ) -> Result<Request<Empty<Bytes>>, ClientError> {
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        // A proxy is asked for the whole address.
        let target = match proxy {
            Some(_) => url.to_string(),
            None => path.to_owned(),
        };
        let host = url.authority().map_or("", http::uri::Authority::as_str);
        let mut request = Request::get(target)
            .header(HOST, host)
            .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, question.accept)
            .header(CONNECTION, "close");
        request = request.header(
            ACCEPT_ENCODING,
            if question.compression { "gzip" } else { "identity" },
        );
        for (name, value) in question.headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        if own {
            for (name, secret) in &self.settings.headers {
                request = request.header(name, sensitive(&secret.read().map_err(ClientError::Secret)?)?);
            }
            if let Some(credentials) = &self.settings.credentials {
                let value = credentials.header().map_err(ClientError::Secret)?;
                request = request.header(AUTHORIZATION, sensitive(&value)?);
            }
        }
        Ok(request.body(Empty::new())?)
    }

    /// Whether a host is one that is reached without the proxy: it, or a domain that it is in.
    fn goes_direct(&self, url: &Uri) -> bool {
        let host = url.host().unwrap_or("");
        self.settings.no_proxy.iter().any(|name| {
            let name = name.trim_start_matches('.');
            let within = host.strip_suffix(name);
            name == "*" || within.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| ClientError::Secret("credentials hold characters that no header can".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The address that a redirect from `base` names.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let whole = if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let url: Uri = whole.parse().ok()?;
    let known = matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some();
    known.then_some(url)
}

async fn collect(mut body: hyper::body::Incoming, limit: usize) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(ClientError::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn gunzip(compressed: &[u8], limit: usize) -> Result<Vec<u8>, ClientError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(compressed)
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ClientError::Gzip(error.to_string()))?;
    match bytes.len() > limit {
        true => Err(ClientError::TooLarge { limit }),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved() {
        let base: Uri = "https://h:1/a/b?c".parse().unwrap();
        for (location, expect) in [
            ("http://x/y", Some("http://x/y")),
            ("//x/y", Some("https://x/y")),
            ("/y?z#f", Some("https://h:1/y?z")),
            ("y", Some("https://h:1/a/y")),
            ("?q", Some("https://h:1/a/b?q")),
            ("ftp://x/", None),
        ] {
            let found = resolve(&base, location).map(|url| url.to_string());
            assert_eq!(found.as_deref(), expect, "{location}");
        }
    }

    #[test]
    fn hosts_may_be_kept_from_the_proxy() {
        let settings = ClientSettings {
            no_proxy: vec!["a.example".into(), ".b.example".into()],
            ..ClientSettings::default()
        };
        let client = Client::new(settings).unwrap();
        for (url, expect) in [
            ("http://a.example:1/", true),
            ("http://x.a.example/", true),
            ("http://xa.example/", false),
            ("http://x.b.example/", true),
            ("http://c.example/", false),
        ] {
            assert_eq!(client.goes_direct(&url.parse().unwrap()), expect, "{url}");
        }
    }
}
