//! A collector that takes OTLP over HTTP and forgets it.
//!
//! Invariant: its threads do nothing while nothing is sent. Not here: looking into what is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Answers every request on every connection with success, until the listener fails.
pub fn forget(listener: &TcpListener) {
    for stream in listener.incoming().map_while(Result::ok) {
        // A connection that ends, ends its thread.
        std::thread::spawn(move || answer(stream));
    }
}

/// Answers every request of a connection.
fn answer(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut n_body = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                n_body = value.trim().parse().ok()?;
            }
        }
        body.resize(n_body, 0);
        reader.read_exact(&mut body).ok()?;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        writer.write_all(head.as_bytes()).ok()?;
    }
}
