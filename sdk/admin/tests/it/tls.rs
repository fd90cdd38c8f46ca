//! TLS and client certificates.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use watchroom_admin::{AdminConfig, AdminError, AdminHandle, TlsFiles};

use crate::certificates::{Authority, World};
use crate::support::{Answer, ask, config, connect, parts, start};

fn with_tls(files: &TlsFiles) -> AdminConfig {
    AdminConfig {
        tls: Some(files.clone()),
        ..config()
    }
}

fn ask_tls(
    admin: &AdminHandle,
    client: &Arc<ClientConfig>,
    method: &str,
    path: &str,
    headers: &str,
) -> Option<Answer> {
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let stream = StreamOwned::new(connection, connect(admin.local_addr()));
    ask(stream, method, path, headers)
}

#[test]
fn a_certificate_of_the_authority_lets_in_and_none_leaves_health_open() {
    let world = World::new(true);
    let admin = start(with_tls(&world.files));
    let known = world.client(Some(world.authority.client()));
    for (method, path) in [("GET", "/metrics"), ("PUT", "/loglevel"), ("GET", "/health/live")] {
        let answer = ask_tls(&admin, &known, method, path, "").unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let nobody = world.client(None);
    assert_eq!(
        ask_tls(&admin, &nobody, "GET", "/health/live", "")
            .unwrap()
            .status,
        200
    );
    for (method, path) in [("GET", "/metrics"), ("PUT", "/loglevel")] {
        let refused = ask_tls(&admin, &nobody, method, path, "").unwrap();
        assert_eq!(
            (refused.status, refused.body.as_str()),
            (401, "a client certificate is needed\n"),
            "{path}"
        );
    }
}

#[test]
fn a_certificate_that_does_not_hold_gets_no_answer_at_all() {
    let world = World::new(true);
    let admin = start(with_tls(&world.files));
    let strangers = Authority::new().client();
    let for_servers = world
        .authority
        .sign("scraper", ExtendedKeyUsagePurpose::ServerAuth);
    for shown in [strangers, for_servers] {
        let client = world.client(Some(shown));
        for path in ["/metrics", "/health/live"] {
            let answer = ask_tls(&admin, &client, "GET", path, "");
            assert!(answer.is_none(), "{path}: {answer:?}");
        }
    }
}

#[test]
fn a_certificate_or_a_token_where_both_are_set() {
    let world = World::new(true);
    let admin = start(AdminConfig {
        token: Some("s3cret".into()),
        protect_health: true,
        ..with_tls(&world.files)
    });
    let known = world.client(Some(world.authority.client()));
    let nobody = world.client(None);
    let token = "authorization: Bearer s3cret\r\n";
    assert_eq!(
        ask_tls(&admin, &known, "GET", "/metrics", "").unwrap().status,
        200
    );
    assert_eq!(
        ask_tls(&admin, &nobody, "GET", "/metrics", token).unwrap().status,
        200
    );
    assert_eq!(
        ask_tls(&admin, &nobody, "GET", "/health", "").unwrap().status,
        401
    );
}

/// TLS alone is no way in: what is not locked is open, beyond loopback but for changes.
#[test]
fn tls_without_an_authority_of_clients_asks_for_nothing() {
    let world = World::new(false);
    let admin = start(with_tls(&world.files));
    let anybody = world.client(None);
    assert_eq!(
        ask_tls(&admin, &anybody, "GET", "/metrics", "").unwrap().status,
        200
    );
    // Who does not speak TLS is not understood, and the endpoint goes on.
    assert!(ask(connect(admin.local_addr()), "GET", "/metrics", "").is_none());
    assert_eq!(
        ask_tls(&admin, &anybody, "GET", "/metrics", "").unwrap().status,
        200
    );
    assert!(admin.shutdown(Duration::from_secs(30)));
}

#[test]
fn who_begins_tls_and_falls_silent_loses_its_place() {
    let world = World::new(false);
    let admin = start(AdminConfig {
        max_connections: 1,
        read_timeout: Duration::from_millis(300),
        ..with_tls(&world.files)
    });
    let mut silent = connect(admin.local_addr());
    // The head of a handshake record whose rest never comes.
    silent.write_all(&[0x16, 3, 1, 1, 0]).unwrap();
    let mut rest = Vec::new();
    // The endpoint hangs up; an alert may come before that.
    let _ = silent.read_to_end(&mut rest);
    let client = world.client(None);
    let served = (0..1_000).any(|_| {
        std::thread::yield_now();
        ask_tls(&admin, &client, "GET", "/health/live", "").is_some_and(|answer| answer.status == 200)
    });
    assert!(served);
}

#[test]
fn files_that_are_wrong_are_named_with_their_setting() {
    let world = World::new(true);
    let other = Authority::new().client();
    let empty = world.write("empty.pem", "");
    let broken = world.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n",
    );
    let (files, missing) = (&world.files, world.write("x", "").with_file_name("missing.pem"));
    let cases = [
        (
            TlsFiles {
                certificate: missing.clone(),
                ..files.clone()
            },
            ["missing.pem", "admin.tls_certificate", "No such file"],
        ),
        (
            TlsFiles {
                certificate: empty.clone(),
                ..files.clone()
            },
            ["empty.pem", "admin.tls_certificate", "no certificate"],
        ),
        (
            TlsFiles {
                certificate: broken,
                ..files.clone()
            },
            ["broken.pem", "admin.tls_certificate", "not PEM"],
        ),
        (
            TlsFiles {
                key: empty.clone(),
                ..files.clone()
            },
            ["empty.pem", "admin.tls_key", "no private key"],
        ),
        (
            TlsFiles {
                key: world.write("other.key", &other.1),
                ..files.clone()
            },
            ["other.key", "admin.tls_key", "does not fit the certificate"],
        ),
        (
            TlsFiles {
                client_authority: Some(empty),
                ..files.clone()
            },
            ["empty.pem", "admin.tls_client_authority", "no certificate"],
        ),
    ];
    for (files, told) in cases {
        let error = AdminHandle::start(with_tls(&files), parts()).unwrap_err();
        assert!(matches!(error, AdminError::TlsFile { .. }), "{error:?}");
        let error = error.to_string();
        for word in told {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
