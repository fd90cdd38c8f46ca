//! Each path's answer.

use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

use super::*;

fn parts() -> Parts {
    let board = HealthBoard::new();
    board.component("store").critical().healthy();
    Parts {
        registry: Registry::default(),
        board,
        log_filter: Some(ReloadableFilter::from(Filter::parse("info").unwrap())),
        capture: None,
        build: vec![("service.name".into(), "<shop>".into())],
    }
}

fn ask(parts: &Parts, method: Method, target: &str, body: &str) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    answer(
        parts,
        &Ask {
            method: &method,
            path,
            query,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        },
    )
}

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.content_type, JSON);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn every_path_of_the_index_answers() {
    let parts = parts();
    for (path, _) in index::PATHS {
        assert_eq!(ask(&parts, Method::GET, path, "").status, 200, "{path}");
    }
    for short in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(ask(&parts, Method::GET, short, "").status, 200, "{short}");
    }
    assert!(
        ask(&parts, Method::GET, "/", "")
            .body
            .contains("<h1>&lt;shop&gt;</h1>")
    );
    assert_eq!(
        json(&ask(&parts, Method::GET, "/build", ""))["service.name"],
        "<shop>"
    );
    assert_eq!(
        json(&ask(&parts, Method::GET, "/telemetry", ""))["components"][0]["name"],
        "store"
    );
}

#[test]
fn what_is_not_there_or_not_taken_is_said() {
    let parts = parts();
    let gone = ask(&parts, Method::GET, "/metric", "");
    assert!(
        gone.status == 404 && gone.body.contains("/metrics"),
        "{}",
        gone.body
    );
    let post = ask(&parts, Method::POST, "/metrics", "");
    assert_eq!((post.status, post.allow), (405, Some("GET, HEAD")));
    assert_eq!(
        ask(&parts, Method::DELETE, "/loglevel", "").allow,
        Some("GET, HEAD, PUT")
    );
}

#[test]
fn an_unhealthy_component_is_503_as_json_and_as_text() {
    let parts = parts();
    parts.board.component("queue").critical().unhealthy("full");
    let answer = ask(&parts, Method::GET, "/health/ready", "");
    assert_eq!(
        (answer.status, &json(&answer)["status"]),
        (503, &"unhealthy".into())
    );
    let text = ask(&parts, Method::GET, "/health?verbose", "");
    assert!(
        text.status == 503 && text.body.contains("[-] queue: unhealthy, critical"),
        "{}",
        text.body
    );
    assert_eq!(ask(&parts, Method::GET, "/health/live", "").status, 200);
}

#[test]
fn the_level_is_read_changed_and_refused() {
    let parts = parts();
    assert_eq!(ask(&parts, Method::GET, "/loglevel", "").body, "info\n");
    assert_eq!(
        ask(&parts, Method::PUT, "/loglevel", "warn,shop=debug\n").status,
        200
    );
    let after = ask(&parts, Method::GET, "/loglevel", "").body;
    assert!(after.contains("shop=debug"), "{after}");
    let body = "{\"filter\":\"error,shop=trace\",\"for\":\"1h\"}";
    let timed = ask(&parts, Method::PUT, "/loglevel", body);
    assert!(
        timed.status == 200 && timed.body.ends_with("for 3600 s\n"),
        "{}",
        timed.body
    );
    let after = ask(&parts, Method::GET, "/loglevel", "").body;
    assert!(after.contains("shop=trace"), "{after}");
    for bad in [
        "",
        "shop=loud",
        "{",
        "{}",
        "{\"filter\":1}",
        "{\"level\":\"info\"}",
        "{\"filter\":\"info\",\"for\":\"x\"}",
    ] {
        let refused = ask(&parts, Method::PUT, "/loglevel", bad);
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.body.len() > 10, "{}", refused.body);
    }
    for bad in [
        "/loglevel?for=soon",
        "/loglevel?for=0",
        "/loglevel?for=2d",
        "/loglevel?for=999999h",
    ] {
        assert_eq!(ask(&parts, Method::PUT, bad, "warn").status, 400, "{bad}");
    }
    assert_eq!(ask(&parts, Method::GET, "/loglevel", "").body, after);
    let nothing = Parts {
        log_filter: None,
        ..parts
    };
    assert_eq!(ask(&nothing, Method::GET, "/loglevel", "").status, 404);
}

#[test]
fn a_level_set_for_a_time_is_told_so() {
    let answer = ask(&parts(), Method::PUT, "/loglevel?for=10m", "debug");
    assert_eq!((answer.status, answer.body.as_str()), (200, "debug for 600 s\n"));
}
