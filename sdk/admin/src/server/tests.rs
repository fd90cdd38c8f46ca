//! The endpoint over real sockets, with friendly and hostile callers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

use super::*;

fn start(change: impl FnOnce(&mut AdminConfig)) -> AdminHandle {
    let mut config = AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        read_timeout: Duration::from_millis(300),
        max_connections: 4,
        ..AdminConfig::default()
    };
    change(&mut config);
    let parts = Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: None,
        capture: None,
        build: Vec::new(),
    };
    AdminHandle::start(config, parts).unwrap()
}

fn connect(admin: &AdminHandle) -> TcpStream {
    let stream = TcpStream::connect(admin.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn talk(admin: &AdminHandle, bytes: &[u8]) -> String {
    let mut stream = connect(admin);
    // The server may hang up before it has read all of a hostile request.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

const GET: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[test]
fn answers_and_ends() {
    let admin = start(|_| ());
    let answer = talk(&admin, GET);
    assert_eq!(status(&answer), "200");
    assert!(
        answer.contains("x-content-type-options: nosniff") && answer.contains("\"status\":\"healthy\""),
        "{answer}"
    );
    let addr = admin.local_addr();
    assert!(admin.shutdown(Duration::from_secs(30)));
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let first = start(|_| ());
    let parts = Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: None,
        capture: None,
        build: Vec::new(),
    };
    let config = AdminConfig {
        listen: first.local_addr(),
        ..AdminConfig::default()
    };
    let error = AdminHandle::start(config, parts).unwrap_err().to_string();
    let expect = format!(
        "admin endpoint: {} is in use; set another address with `admin.listen`",
        first.local_addr()
    );
    assert!(error.starts_with(&expect), "{error}");
}

#[test]
fn a_token_is_asked_for() {
    let admin = start(|config| config.token = Some("s3cret".into()));
    let answer = talk(
        &admin,
        b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(
        status(&answer) == "401" && answer.contains("www-authenticate: Bearer"),
        "{answer}"
    );
    let with =
        b"GET /metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer s3cret\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&talk(&admin, with)), "200");
}

#[test]
fn hostile_requests_are_refused_and_others_still_served() {
    let admin = start(|_| ());
    let endless = [
        b"GET / HTTP/1.1\r\n".as_slice(),
        &b"x-a: aaaaaaaaaaaaaaaa\r\n".repeat(100_000),
    ]
    .concat();
    assert!(["431", "400", "none"].contains(&status(&talk(&admin, &endless))));
    assert_eq!(status(&talk(&admin, b"\x16\x03\x01\x02garbage\r\n\r\n")), "400");
    let large = [
        b"PUT /loglevel HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n".as_slice(),
        &[b'a'; 100_000],
    ]
    .concat();
    assert!(["413", "none"].contains(&status(&talk(&admin, &large))));
    // A body that never comes, a head that never ends: both are given up after the timeout.
    assert_eq!(
        status(&talk(
            &admin,
            b"PUT /loglevel HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab"
        )),
        "408"
    );
    let slow = talk(&admin, b"GET / HTTP/1.1\r\nhost:");
    assert!(["408", "none"].contains(&status(&slow)), "{slow}");
    assert_eq!(status(&talk(&admin, GET)), "200");
}

#[test]
fn a_change_is_taken_under_the_machines_own_names_only() {
    let admin = start(|_| ());
    let put = |host: &str| {
        let request = format!(
            "PUT /loglevel HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\nconnection: close\r\n\r\ninfo"
        );
        talk(&admin, request.as_bytes())
    };
    assert_eq!(status(&put("evil.example")), "403");
    // This service logs nothing, so the path is not there; but the request came that far.
    assert_eq!(status(&put("localhost:9090")), "404");
}

#[test]
fn an_empty_token_is_no_token() {
    let config = AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        token: Some(String::new()),
        ..AdminConfig::default()
    };
    let parts = Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: None,
        capture: None,
        build: Vec::new(),
    };
    assert!(matches!(
        AdminHandle::start(config, parts),
        Err(AdminError::EmptyToken)
    ));
}

#[test]
fn head_tells_the_length_and_sends_nothing() {
    let admin = start(|_| ());
    let head = talk(
        &admin,
        b"HEAD /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(
        head.ends_with("\r\n\r\n") && !head.contains("content-length: 0"),
        "{head}"
    );
}

#[test]
fn a_panic_in_the_services_own_part_is_one_answers_trouble() {
    let board = HealthBoard::new();
    board.extra(|| panic!("on purpose"));
    let parts = Parts {
        registry: Registry::default(),
        board,
        log_filter: None,
        capture: None,
        build: Vec::new(),
    };
    let config = AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        ..AdminConfig::default()
    };
    let admin = AdminHandle::start(config, parts).unwrap();
    let get = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&talk(&admin, get)), "200");
    assert_eq!(status(&talk(&admin, GET)), "200");
}

/// A peer that asks for ever more and reads nothing fills its socket; then the server gives it up.
#[test]
fn a_peer_that_does_not_read_loses_its_place() {
    let admin = start(|config| config.max_connections = 1);
    let mut greedy = connect(&admin);
    greedy.set_nonblocking(true).unwrap();
    let ask = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(64);
    let is_lost = |stream: &mut TcpStream| match stream.write(&ask) {
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    let gave_up = (0..10_000_000).any(|_| {
        std::thread::yield_now();
        is_lost(&mut greedy)
    });
    assert!(gave_up);
    for _ in 0..10_000 {
        if status(&talk(&admin, GET)) == "200" {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the place did not become free");
}

/// A peer that takes a byte now and then makes progress, and is given up all the same when its time for the answer is over.
#[test]
fn a_peer_that_reads_too_slowly_loses_its_place() {
    const ANSWER_BYTES: usize = 32 << 20;
    let config = AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        max_connections: 1,
        answer_timeout: Duration::from_millis(300),
        ..AdminConfig::default()
    };
    let parts = Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: None,
        capture: None,
        build: vec![("size".into(), "x".repeat(ANSWER_BYTES))],
    };
    let admin = AdminHandle::start(config, parts).unwrap();
    let mut slow = connect(&admin);
    slow.write_all(b"GET /build HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut n_read = 0;
    let served = (0..10_000).any(|_| {
        n_read += slow.read(&mut [0; 16]).unwrap_or(0);
        status(&talk(&admin, GET)) == "200"
    });
    assert!(served);
    let mut rest = Vec::new();
    // Cut off, in whichever way the system tells it.
    let _ = slow.read_to_end(&mut rest);
    assert!(n_read + rest.len() < ANSWER_BYTES, "{n_read} and {}", rest.len());
}

#[test]
fn many_connections_at_once_leave_it_serving() {
    let admin = start(|config| config.max_connections = 8);
    let silent: Vec<TcpStream> = (0..200).map(|_| connect(&admin)).collect();
    // The silent ones are refused or given up after the timeout; then there is room again.
    for _ in 0..100_000 {
        if status(&talk(&admin, GET)) == "200" {
            drop(silent);
            assert!(admin.shutdown(Duration::from_secs(30)));
            return;
        }
        std::thread::yield_now();
    }
    panic!("no connection became free");
}

#[test]
fn more_connections_than_allowed_are_refused_until_one_ends() {
    let admin = start(|config| config.read_timeout = Duration::from_secs(20));
    let mut held: Vec<TcpStream> = (0..4).map(|_| connect(&admin)).collect();
    // Each has sent something, and been answered, so that it is known to be counted.
    for stream in &mut held {
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        assert!(stream.read(&mut [0; 512]).unwrap() > 0);
    }
    assert_eq!(status(&talk(&admin, b"")), "503");
    held.clear();
    for _ in 0..1_000 {
        if status(&talk(&admin, GET)) == "200" {
            return;
        }
        std::thread::yield_now();
    }
    panic!("no connection became free");
}
