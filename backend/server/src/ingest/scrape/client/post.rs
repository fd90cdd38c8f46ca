//! Sending something, as notifications of alerts do.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;

use super::{Client, ClientError, connect, sensitive};

/// Bytes of an answer that are kept, to tell why something was refused.
const KEPT: usize = 1024;

impl Client {
    /// Posts a body once; status and beginning of the answer. Redirects are not followed.
    pub(crate) async fn post(
        &self,
        url: &Uri,
        content_type: &str,
        body: Bytes,
    ) -> Result<(StatusCode, String), ClientError> {
        let proxy = self.settings.proxy.as_ref().filter(|_| !self.goes_direct(url));
        let is_tls = url.scheme_str() == Some("https");
        let stream = connect::connect(url, proxy, is_tls.then_some(&self.tls)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(64 << 10)
            .handshake(TokioIo::new(stream))
            .await?;
        let mut connection = std::pin::pin!(connection);
        let proxy = proxy.filter(|_| !is_tls);
        let target = match proxy {
            Some(_) => url.to_string(),
            None => url.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        };
        let mut request = Request::post(target)
            .header(HOST, url.authority().map_or("", http::uri::Authority::as_str))
            .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, content_type)
            .header(CONNECTION, "close");
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        for (name, secret) in &self.settings.headers {
            request = request.header(name, sensitive(&secret.read().map_err(ClientError::Secret)?)?);
        }
        if let Some(credentials) = &self.settings.credentials {
            let value = credentials.header().map_err(ClientError::Secret)?;
            request = request.header(AUTHORIZATION, sensitive(&value)?);
        }
        let request = request.body(Full::new(body))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let mut kept = Vec::new();
            let mut body = response.into_body();
            // What follows is of no interest, and a body that breaks off changes nothing.
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(data) = frame.into_data() else { continue };
                kept.extend_from_slice(&data[..data.len().min(KEPT - kept.len())]);
                if kept.len() == KEPT {
                    break;
                }
            }
            Ok::<_, ClientError>((status, String::from_utf8_lossy(&kept).into_owned()))
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            answer = exchange.as_mut() => answer,
            ended = connection.as_mut() => {
                ended?;
                exchange.await
            }
        }
    }
}
