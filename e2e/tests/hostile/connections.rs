//! What comes before a request is whole: garbage, other protocols, endless heads, clients that take their time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::scene::{backend, backend_is_well, connect, deriva, deriva_is_well, noise, ports};

/// Sends bytes, says that no more will come, and reads to the end. Fails if the server does not end the connection.
#[track_caller]
fn told(port: &str, at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(at);
    // The server may have closed already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("{port} does not close"),
        // A reset is an end too.
        _ => answer,
    }
}

#[test]
fn garbage_and_other_protocols_are_answered_with_an_error_or_the_end() {
    let (mut backend, mut deriva) = (backend(), deriva());
    let garbage: [(&str, Vec<u8>); 8] = [
        ("noise", noise(64 << 10)),
        ("zeros", vec![0; 64 << 10]),
        ("TLS hello", [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &noise(512)].concat()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("HTTP/2 preface and noise", [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &noise(4096)].concat()),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("bad chunks", b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec()),
        (
            "two lengths",
            b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef".to_vec(),
        ),
    ];
    for (port, at) in ports(&backend, &deriva) {
        for (what, bytes) in &garbage {
            let answer = told(port, at, bytes);
            let text = String::from_utf8_lossy(&answer);
            let status = text
                .strip_prefix("HTTP/1.1 ")
                .or_else(|| text.strip_prefix("HTTP/1.0 "));
            if let Some(status) = status {
                assert!(
                    status.starts_with('4') || status.starts_with("505"),
                    "{port}, {what}: {text}"
                );
            }
        }
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
}

#[test]
fn endless_heads_are_cut_off() {
    let (mut backend, mut deriva) = (backend(), deriva());
    let line = format!("x-filler: {}\r\n", "a".repeat(1_000));
    let heads = [
        format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}", line.repeat(8_000)),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n", "a".repeat(8 << 20)),
        format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\n{}",
            "a:b\r\n".repeat(1 << 20)
        ),
    ];
    for (port, at) in ports(&backend, &deriva) {
        for head in &heads {
            let answer = told(port, at, head.as_bytes());
            let text = String::from_utf8_lossy(&answer);
            // The answer may be lost with the connection.
            let refused = ["HTTP/1.1 431", "HTTP/1.1 414", "HTTP/1.1 400"];
            let is_http = text.starts_with("HTTP/1.1");
            assert!(
                !is_http || refused.iter().any(|start| text.starts_with(start)),
                "{port}: {text}"
            );
        }
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
}

#[test]
fn clients_that_take_their_time_do_not_keep_others_from_being_served() {
    let (mut backend, mut deriva) = (backend(), deriva());
    let mut held: Vec<TcpStream> = Vec::new();
    let beginnings: [&[u8]; 4] = [
        b"",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow:",
        b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{",
    ];
    for (_, at) in ports(&backend, &deriva) {
        for n in 0..100 {
            let mut stream = connect(at);
            // A port that refuses more of them may have closed it.
            let _ = stream.write_all(beginnings[n % beginnings.len()]);
            held.push(stream);
        }
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
    for stream in &mut held {
        let _ = stream.write_all(b"x");
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
    // They end in good time all the same. The backend tells that it had to cut connections off.
    backend.process.signal("TERM");
    deriva.process.signal("TERM");
    let code = backend.process.ended().code();
    let log = backend.process.log();
    assert!(
        code == Some(0) || (code == Some(1) && log.contains("were cut off")),
        "{code:?} {log}"
    );
    assert_eq!(deriva.process.ended().code(), Some(0), "{}", deriva.process.log());
}
