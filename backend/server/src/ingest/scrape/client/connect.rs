//! A connection to a host, straight or through a proxy, plain or with TLS.

use std::fmt;
use std::io;

use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::ClientError;
use super::secret::basic;
use super::tls::Tls;

/// Largest head of a proxy's answer.
const MAX_HEAD: usize = 8 << 10;

/// A stream of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An HTTP proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: String,
    pub(super) authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.address).finish()
    }
}

impl Proxy {
    /// Reads `http://user:password@host:port`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        if url.scheme_str() != Some("http") {
            return None;
        }
        let authority = url.authority()?.as_str();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let address = match url.port() {
            Some(_) => host.to_owned(),
            None => format!("{host}:80"),
        };
        let authorization = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            basic(&crate::net::decode(user), &crate::net::decode(password))
        });
        Some(Self {
            address,
            authorization,
        })
    }
}

/// Connects to the host of a URL.
pub(super) async fn connect(
    url: &Uri,
    proxy: Option<&Proxy>,
    tls: Option<&Tls>,
) -> Result<Box<dyn Stream>, ClientError> {
    let host = url.host().unwrap_or("");
    let port = url.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let address = format!("{host}:{port}");
    let to = proxy.map_or(&address, |proxy| &proxy.address);
    let fail = |source| ClientError::Connect {
        address: to.clone(),
        source,
    };
    let mut stream = TcpStream::connect(to).await.map_err(fail)?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    if let Some(proxy) = proxy {
        tunnel(&mut stream, &address, proxy).await?;
    }
    Ok(Box::new(tls.connect(host, stream).await?))
}

/// Has a proxy connect to an address.
async fn tunnel(stream: &mut TcpStream, address: &str, proxy: &Proxy) -> Result<(), ClientError> {
    let fail = |source| ClientError::Connect {
        address: proxy.address.clone(),
        source,
    };
    let mut head = format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\n");
    if let Some(authorization) = &proxy.authorization {
        head.push_str(&format!("proxy-authorization: {authorization}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.map_err(fail)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > MAX_HEAD {
            return Err(fail(io::Error::other("its answer has too large a head")));
        }
        answer.push(stream.read_u8().await.map_err(fail)?);
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line.lines().next().and_then(|line| line.split_once(' '));
    match status {
        Some((_, status)) if status.starts_with('2') => Ok(()),
        _ => {
            let status = status.map_or("?", |(_, status)| status);
            Err(ClientError::Proxy(status.chars().take(60).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_http_url() {
        let proxy = Proxy::parse("http://u:p%40@h:3128/").unwrap();
        assert_eq!(proxy.address, "h:3128");
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dTpwQA=="));
        assert_eq!(Proxy::parse("http://h").unwrap().address, "h:80");
        assert!(Proxy::parse("socks5://h:1").is_none() && Proxy::parse("h:1").is_none());
    }
}
