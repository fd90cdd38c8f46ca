//! HTTP/2 by hand, for what no client library would send.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use crate::scene::{backend, backend_is_well, connect, deriva, deriva_is_well};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// A frame: 24 bits of length, type, flags, stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header as HPACK's literal without indexing.
fn header(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        // A length of 7 bits, continued in groups of 7.
        let mut bytes = Vec::new();
        if text.len() < 127 {
            bytes.push(text.len() as u8);
        } else {
            bytes.push(127);
            prost::encoding::encode_varint(text.len() as u64 - 127, &mut bytes);
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

fn request(path: &str) -> Vec<u8> {
    let pairs = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    pairs
        .iter()
        .flat_map(|(name, value)| header(name, value))
        .collect()
}

/// Sends a beginning and then the same again and again, until the server ends the connection or `n` are sent. How many were sent.
fn flood(at: SocketAddr, beginning: &[u8], mut next: impl FnMut(usize) -> Vec<u8>, n: usize) -> usize {
    let mut stream = connect(at);
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    stream.write_all(beginning).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        // Nothing of it is looked at: it is read so that the server can go on.
        let mut waste = [0; 16 << 10];
        while reading.read(&mut waste).is_ok_and(|n| n > 0) {}
    });
    let sent = (0..n).take_while(|i| stream.write_all(&next(*i)).is_ok()).count();
    let _ = stream.shutdown(std::net::Shutdown::Both);
    reader.join().unwrap();
    sent
}

#[test]
fn headers_without_an_end_are_cut_off() {
    let (mut backend, mut deriva) = (backend(), deriva());
    let filler: Vec<u8> = (0..15)
        .flat_map(|i| header(&format!("x-{i}"), &"a".repeat(1_000)))
        .collect();
    let paths = [
        (
            backend.otlp_grpc,
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        ),
        (deriva.grpc, "/deriva.v1.Deriva/Status"),
    ];
    for (at, path) in paths {
        let begin = frame(HEADERS, 0, 1, &request(path));
        let sent = flood(at, &begin, |_| frame(CONTINUATION, 0, 1, &filler), 20_000);
        assert!(sent < 20_000, "300 MB of headers were taken");
        // Empty ones cost nothing to send.
        let sent = flood(at, &begin, |_| frame(CONTINUATION, 0, 1, &[]), 1_000_000);
        assert!(sent < 1_000_000, "a million empty continuations were taken");
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
}

#[test]
fn streams_that_are_opened_and_reset_do_not_add_up() {
    let (mut backend, mut deriva) = (backend(), deriva());
    for at in [backend.otlp_grpc, deriva.grpc] {
        let request = request("/nonesuch");
        let rapid = |i: usize| {
            let stream = 2 * u32::try_from(i).unwrap() + 1;
            let opened = frame(HEADERS, END_HEADERS, stream, &request);
            [opened, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        };
        flood(at, &[], rapid, 100_000);
        flood(at, &[], |_| frame(PING, 0, 0, &[0; 8]), 200_000);
        flood(at, &[], |_| frame(SETTINGS, 0, 0, &[]), 200_000);
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
}

#[test]
fn streams_that_are_never_ended_do_not_add_up() {
    let (mut backend, mut deriva) = (backend(), deriva());
    let paths = [
        (
            backend.otlp_grpc,
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        ),
        (deriva.grpc, "/deriva.v1.Deriva/PutLeaf"),
    ];
    let mut held = Vec::new();
    for (at, path) in paths {
        let request = request(path);
        for _ in 0..20 {
            let mut stream = connect(at);
            let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
            for i in 0..100 {
                bytes.extend(frame(HEADERS, END_HEADERS, 2 * i + 1, &request));
                // A message of 16 MB is announced; a hundredth of it comes.
                bytes.extend(frame(
                    DATA,
                    0,
                    2 * i + 1,
                    &[&[0, 0, 0xf4, 0x24, 0][..], &[0; 600]].concat(),
                ));
            }
            let _ = stream.write_all(&bytes);
            held.push(stream);
        }
    }
    backend_is_well(&mut backend);
    deriva_is_well(&mut deriva);
}
