//! Tokens and passwords, right and wrong, at the running endpoint.

use watchroom_admin::{AdminConfig, BasicAuth};

use crate::support::{ask, config, connect, start, status};

const TOKEN: &str = "authorization: Bearer s3cret\r\n";
/// Of "keeper:light".
const BASIC: &str = "authorization: Basic a2VlcGVyOmxpZ2h0\r\n";

fn locked() -> AdminConfig {
    AdminConfig {
        token: Some("s3cret".into()),
        basic: BasicAuth::parse("keeper:light"),
        ..config()
    }
}

#[test]
fn what_is_locked_opens_to_either_way_and_to_nothing_else() {
    let admin = start(locked());
    for path in ["/", "/metrics", "/telemetry", "/build", "/loglevel", "/nonesuch"] {
        let refused = ask(connect(admin.local_addr()), "GET", path, "").unwrap();
        assert_eq!(refused.status, 401, "{path}");
        for way in ["www-authenticate: Bearer", "www-authenticate: Basic realm"] {
            assert!(refused.head.contains(way), "{}", refused.head);
        }
        assert_eq!(
            refused.body,
            "a bearer token or a name and a password is needed\n"
        );
    }
    for (headers, expect) in [
        (TOKEN, 200),
        (BASIC, 200),
        ("authorization: Bearer s3cre\r\n", 401),
        ("authorization: Bearer s3cretx\r\n", 401),
        ("authorization: Basic a2VlcGVyOmxpZ2h1\r\n", 401),
        ("authorization: Basic s3cret\r\n", 401),
        ("authorization: Digest a2VlcGVyOmxpZ2h0\r\n", 401),
        ("authorization:\r\n", 401),
        // Two headers: the first counts, as everywhere.
        ("authorization: Bearer x\r\nauthorization: Bearer s3cret\r\n", 401),
    ] {
        assert_eq!(status(&admin, "GET", "/metrics", headers), expect, "{headers}");
        assert_eq!(status(&admin, "PUT", "/loglevel", headers), expect, "{headers}");
    }
}

#[test]
fn health_stays_open_unless_it_is_protected() {
    let open = start(locked());
    let closed = start(AdminConfig {
        protect_health: true,
        ..locked()
    });
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/livez",
        "/readyz",
        "/healthz",
    ] {
        assert!([200, 503].contains(&status(&open, "GET", path, "")), "{path}");
        assert_eq!(status(&closed, "GET", path, ""), 401, "{path}");
        assert!(
            [200, 503].contains(&status(&closed, "GET", path, BASIC)),
            "{path}"
        );
    }
    // Not everything that begins like health is health.
    assert_eq!(status(&open, "GET", "/metrics/../health", ""), 401);
}

#[test]
fn beyond_loopback_a_change_needs_a_way_in() {
    let everywhere = AdminConfig {
        listen: ([0, 0, 0, 0], 0).into(),
        ..config()
    };
    let admin = start(everywhere.clone());
    let addr = ([127, 0, 0, 1], admin.local_addr().port()).into();
    let put = ask(connect(addr), "PUT", "/loglevel", "").unwrap();
    assert!(put.status == 403 && put.body.contains("admin.token"), "{put:?}");
    assert_eq!(ask(connect(addr), "GET", "/loglevel", "").unwrap().status, 200);

    let admin = start(AdminConfig {
        token: Some("s3cret".into()),
        ..everywhere
    });
    let addr = ([127, 0, 0, 1], admin.local_addr().port()).into();
    assert_eq!(ask(connect(addr), "PUT", "/loglevel", "").unwrap().status, 401);
    assert_eq!(ask(connect(addr), "PUT", "/loglevel", TOKEN).unwrap().status, 200);
}
