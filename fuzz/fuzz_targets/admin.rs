//! Any bytes sent to the running admin endpoint, which is locked: an answer in HTTP or none, nothing changed, and others still served.

#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use watchroom_admin::{AdminConfig, AdminHandle, Parts};
use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

const TOKEN: &str = "nobody-guesses-this-4f1c9a7e2b";

static LOG_FILTER: LazyLock<ReloadableFilter> =
    LazyLock::new(|| ReloadableFilter::from(Filter::parse("info").expect("a level is a filter")));

/// Held to the end of the process.
static ADMIN: Mutex<Option<AdminHandle>> = Mutex::new(None);

static ADDR: LazyLock<SocketAddr> = LazyLock::new(|| {
    let config = AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        token: Some(TOKEN.to_owned()),
        read_timeout: Duration::from_millis(50),
        ..AdminConfig::default()
    };
    let parts = Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: Some(LOG_FILTER.clone()),
        capture: None,
        build: Vec::new(),
    };
    let admin = AdminHandle::start(config, parts).expect("a free port on loopback");
    let addr = admin.local_addr();
    *ADMIN.lock().expect("nobody panics with it") = Some(admin);
    addr
});

/// Sends bytes and reads the answer. Whoever `hangs_up` sends no more, and the endpoint need not wait for the rest of a request; it need
/// not answer either.
fn talk(bytes: &[u8], hangs_up: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(*ADDR).expect("the endpoint listens");
    let _ = stream.write_all(bytes);
    if hangs_up {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fuzz_target!(|data: &[u8]| {
    let before = LOG_FILTER.get().to_string();
    // As it comes, and as one whom the endpoint lets in.
    let locked = talk(data, true);
    assert!(locked.is_empty() || locked.starts_with(b"HTTP/1."));
    assert_eq!(LOG_FILTER.get().to_string(), before);
    let path = String::from_utf8_lossy(data).into_owned();
    let mut asked = format!("PUT /loglevel HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n");
    asked.push_str(&format!("connection: close\r\ncontent-length: {}\r\n\r\n{path}", path.len()));
    let answer = talk(asked.as_bytes(), false);
    let status = answer.get(9..12).unwrap_or_default();
    assert!([&b"200"[..], b"400", b"413"].contains(&status), "{}", String::from_utf8_lossy(&answer));
    LOG_FILTER.set(Filter::parse("info").expect("a level is a filter"));
});
