//! Each way in, right and wrong.

use http::header::AUTHORIZATION;

use super::*;
use crate::config::{AdminConfig, BasicAuth, TlsFiles};
use crate::error::AdminError;

fn rules(config: &AdminConfig) -> Rules {
    Rules {
        lock: Lock::new(config).unwrap(),
        protect_health: config.protect_health,
        on_loopback: config.listen.ip().is_loopback(),
    }
}

#[track_caller]
fn ask(config: &AdminConfig, method: Method, path: &str, header: Option<&str>, expect: Access) {
    let headers = header
        .map(|value| (AUTHORIZATION, value.parse().unwrap()))
        .into_iter()
        .collect();
    let caller = Caller {
        method: &method,
        path,
        headers: &headers,
        certified: false,
    };
    assert_eq!(rules(config).check(&caller), expect, "{header:?}");
}

const GET: Method = Method::GET;

fn with_token() -> AdminConfig {
    AdminConfig {
        token: Some("s3cret".into()),
        ..AdminConfig::default()
    }
}

fn with_basic() -> AdminConfig {
    AdminConfig {
        basic: BasicAuth::parse("keeper:open: sesame"),
        ..AdminConfig::default()
    }
}

#[test]
fn with_a_token_only_health_is_open() {
    let config = with_token();
    ask(&config, GET, "/metrics", None, Access::Unauthorized);
    for wrong in [
        "Bearer s3cre",
        "Bearer s3cretx",
        "Basic s3cret",
        "Bearer ",
        "s3cret",
    ] {
        ask(&config, GET, "/metrics", Some(wrong), Access::Unauthorized);
    }
    ask(&config, GET, "/metrics", Some("bearer s3cret"), Access::Granted);
    ask(&config, GET, "/healthz", None, Access::Granted);
    ask(&config, Method::PUT, "/health", None, Access::Unauthorized);
    let closed = AdminConfig {
        protect_health: true,
        ..config
    };
    ask(&closed, GET, "/healthz", None, Access::Unauthorized);
    ask(&closed, GET, "/healthz", Some("Bearer s3cret"), Access::Granted);
}

#[test]
fn name_and_password_are_taken_as_browsers_and_scrapers_send_them() {
    let config = with_basic();
    // Of "keeper:open: sesame".
    let right = "Basic a2VlcGVyOm9wZW46IHNlc2FtZQ==";
    ask(&config, GET, "/metrics", Some(right), Access::Granted);
    let lower = "basic a2VlcGVyOm9wZW46IHNlc2FtZQ==";
    ask(&config, Method::PUT, "/loglevel", Some(lower), Access::Granted);
    for wrong in [
        // Of "keeper:open: Sesame", of "keeper:", of "keeper".
        "Basic a2VlcGVyOm9wZW46IFNlc2FtZQ==",
        "Basic a2VlcGVyOg==",
        "Basic a2VlcGVy",
        "Basic keeper:open: sesame",
        "Bearer a2VlcGVyOm9wZW46IHNlc2FtZQ==",
        "Basic ",
        "Basic",
        "",
    ] {
        ask(&config, GET, "/metrics", Some(wrong), Access::Unauthorized);
    }
}

#[test]
fn either_of_two_ways_lets_in() {
    let config = AdminConfig {
        token: Some("s3cret".into()),
        ..with_basic()
    };
    ask(&config, GET, "/metrics", Some("Bearer s3cret"), Access::Granted);
    let basic = "Basic a2VlcGVyOm9wZW46IHNlc2FtZQ==";
    ask(&config, GET, "/metrics", Some(basic), Access::Granted);
    ask(
        &config,
        GET,
        "/metrics",
        Some("Basic s3cret"),
        Access::Unauthorized,
    );
    let lock = Lock::new(&config).unwrap();
    assert_eq!(lock.ways(), "a bearer token or a name and a password");
    assert_eq!(lock.challenges().count(), 2);
}

#[test]
fn a_verified_certificate_lets_in_where_it_is_asked_for() {
    let tls = TlsFiles {
        certificate: "endpoint.pem".into(),
        key: "endpoint.key".into(),
        client_authority: Some("authority.pem".into()),
    };
    let config = AdminConfig {
        tls: Some(tls),
        ..AdminConfig::default()
    };
    let headers = HeaderMap::new();
    let caller = |path, certified| Caller {
        method: &Method::PUT,
        path,
        headers: &headers,
        certified,
    };
    assert_eq!(rules(&config).check(&caller("/loglevel", true)), Access::Granted);
    assert_eq!(
        rules(&config).check(&caller("/loglevel", false)),
        Access::Unauthorized
    );
    // Where none is asked for, one does not help.
    let token = with_token();
    assert_eq!(
        rules(&token).check(&caller("/loglevel", true)),
        Access::Unauthorized
    );
}

#[test]
fn without_a_way_in_nothing_can_be_changed_from_afar() {
    let near = AdminConfig::default();
    for (host, expect) in [
        ("127.0.0.1:9090", Access::Granted),
        ("localhost", Access::Granted),
        ("[::1]:9090", Access::Granted),
        ("evil.example:9090", Access::Misled),
        ("127.0.0.1.evil.example", Access::Misled),
        ("", Access::Misled),
    ] {
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        let asked = |method, path| {
            rules(&near).check(&Caller {
                method,
                path,
                headers: &headers,
                certified: false,
            })
        };
        assert_eq!(asked(&Method::PUT, "/loglevel"), expect, "{host}");
        assert_eq!(asked(&GET, "/metrics"), Access::Granted, "{host}");
    }
    let far = AdminConfig {
        listen: ([0, 0, 0, 0], 9090).into(),
        ..AdminConfig::default()
    };
    ask(&far, GET, "/metrics", None, Access::Granted);
    ask(&far, Method::PUT, "/loglevel", None, Access::Forbidden);
    let locked = AdminConfig {
        listen: far.listen,
        ..with_token()
    };
    ask(
        &locked,
        Method::PUT,
        "/loglevel",
        Some("Bearer s3cret"),
        Access::Granted,
    );
}

#[test]
fn a_lock_that_is_none_is_refused_and_a_secret_never_shown() {
    for bad in [":password", "user:", "us\ner:password", "user:pass\tword"] {
        let config = AdminConfig {
            basic: BasicAuth::parse(bad),
            ..AdminConfig::default()
        };
        assert!(matches!(Lock::new(&config), Err(AdminError::Basic(_))), "{bad:?}");
    }
    let colon = BasicAuth {
        user: "a:b".into(),
        password: "c".into(),
    };
    let config = AdminConfig {
        basic: Some(colon),
        ..AdminConfig::default()
    };
    assert!(matches!(Lock::new(&config), Err(AdminError::Basic(_))));
    assert_eq!(BasicAuth::parse("nobody"), None);

    let config = AdminConfig {
        token: Some("s3cret".into()),
        ..with_basic()
    };
    let shown = format!("{config:?} {:?}", Lock::new(&config));
    assert!(!shown.contains("s3cret") && !shown.contains("sesame"), "{shown}");
}
