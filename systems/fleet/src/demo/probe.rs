//! Questions to a server on loopback, to learn whether it is ready. Too small a need for an HTTP client.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Whether a GET of `path` is answered with 200.
pub(super) async fn answers(address: SocketAddr, path: &str) -> Option<()> {
    get(address, path).await.map(drop)
}

/// Whether the backend has seen spans of a service.
pub(super) async fn knows_service(address: SocketAddr, service: &str) -> Option<()> {
    let body = get(address, "/api/services").await?;
    body.contains(&format!("\"{service}\"")).then_some(())
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    tokio::time::timeout(ANSWER_WITHIN, exchange(address, path))
        .await
        .ok()?
}

async fn exchange(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await
        .ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    (head.split(' ').nth(1) == Some("200")).then(|| body.to_owned())
}
