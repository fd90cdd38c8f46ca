//! The layer around a real axum router and the layer of clients around it: context, id, span and metrics of both ends.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt as _;
use watchroom::metrics::{Registry, expose};
use watchroom_http::{ClientLayer, ObservedBody, RequestContext, ServerLayer};

#[path = "../common/spans.rs"]
mod spans;
use spans::{Seen, capture};

fn app(registry: &Registry) -> Router {
    Router::new()
        .route("/users/{id}", get(|Path(id): Path<u64>| async move { format!("user {id}") }))
        .route("/fail", post(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "no") }))
        .route(
            "/context",
            get(|request: Request| async move { RequestContext::of(request.extensions()).request_id.to_string() }),
        )
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here") })
        .layer(ServerLayer::http(registry).unwrap())
}

async fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> (Response, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(head, Body::empty()), text)
}

fn exposed(registry: &Registry) -> String {
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    text
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
}

#[tokio::test]
async fn counts_by_route_template_and_never_by_path() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let app = app(&registry);
    for id in 0..50 {
        assert_eq!(
            ask(&app, "GET", &format!("/users/{id}"), &[]).await.1,
            format!("user {id}")
        );
        ask(&app, "GET", &format!("/wp-admin/{id}"), &[]).await;
    }
    ask(&app, "POST", "/fail", &[("content-length", "0")]).await;
    ask(&app, "BREW", "/users/1", &[]).await;
    let text = exposed(&registry);
    has(
        &text,
        r#"http_requests_total{method="GET",endpoint="/users/{id}",status_group="2xx"} 50"#,
    );
    has(
        &text,
        r#"http_requests_total{method="GET",endpoint="unmatched",status_group="4xx"} 50"#,
    );
    has(
        &text,
        r#"http_requests_total{method="POST",endpoint="/fail",status_group="5xx"} 1"#,
    );
    has(
        &text,
        r#"http_requests_total{method="_OTHER",endpoint="/users/{id}",status_group="4xx"} 1"#,
    );
    has(&text, r#"http_requests_in_flight{method="GET"} 0"#);
    has(
        &text,
        r#"http_request_duration_seconds_count{method="GET",endpoint="/users/{id}",status_group="2xx"} 50"#,
    );
    has(&text, r#"http_response_body_bytes_sum{method="POST"} 2"#);
    assert!(!text.contains("wp-admin"), "{text}");
}

#[tokio::test]
async fn the_callers_id_comes_back_and_a_forged_one_is_replaced() {
    let (_guard, _spans) = capture();
    let app = app(&Registry::default());
    let (response, body) = ask(&app, "GET", "/context", &[("x-request-id", "order-17")]).await;
    assert_eq!(
        (
            response.headers()["x-request-id"].to_str().unwrap(),
            body.as_str()
        ),
        ("order-17", "order-17")
    );
    let (response, body) = ask(&app, "GET", "/context", &[("x-request-id", "a b")]).await;
    assert_eq!(response.headers()["x-request-id"].to_str().unwrap(), body);
    assert_eq!(body.len(), 36);
}

#[tokio::test]
async fn the_span_is_the_callers_child_and_tells_route_and_status() {
    let (_guard, spans) = capture();
    let app = app(&Registry::default());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    ask(
        &app,
        "GET",
        "/users/7?token=hunter2",
        &[("traceparent", parent), ("x-request-id", "r-1")],
    )
    .await;
    ask(&app, "POST", "/fail", &[("traceparent", "garbage")]).await;
    let spans = spans.take();
    let [good, bad] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(
        (good.name.as_str(), good.kind.as_str(), good.status.as_str()),
        ("GET /users/{id}", "Server", "Unset")
    );
    assert_eq!(
        (good.trace_id.as_str(), good.parent.as_deref()),
        (&parent[3..35], Some(&parent[36..52]))
    );
    assert_eq!(good.field("http.response.status_code"), "200");
    assert_eq!(good.field("request_id"), "r-1");
    assert_eq!(
        (bad.name.as_str(), bad.status.as_str(), bad.parent.as_deref()),
        ("POST /fail", "Error", None)
    );
    assert!(!format!("{spans:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_invented_method_names_no_span_and_a_handler_tells_who_asks() {
    let (_guard, spans) = capture();
    let app = Router::new()
        .route(
            "/whoami",
            axum::routing::any(|| async {
                tracing::Span::current()
                    .record("user_id", "u-9")
                    .record("tenant_id", "t-1");
            }),
        )
        .layer(ServerLayer::http(&Registry::default()).unwrap());
    ask(&app, "BREW", "/whoami", &[]).await;
    let spans = spans.take();
    let [span] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(span.name, "HTTP /whoami");
    assert_eq!(span.field("http.request.method"), "_OTHER");
    assert_eq!((span.field("user_id"), span.field("tenant_id")), ("u-9", "t-1"));
}

#[tokio::test]
async fn a_caller_that_goes_away_is_observed_once() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let never = Router::new()
        .route("/never", get(std::future::pending::<()>))
        .layer(ServerLayer::http(&registry).unwrap());
    let request = Request::builder().uri("/never").body(Body::empty()).unwrap();
    let answer = tokio::time::timeout(std::time::Duration::from_millis(20), never.oneshot(request)).await;
    assert!(answer.is_err());
    let text = exposed(&registry);
    has(
        &text,
        r#"http_requests_total{method="GET",endpoint="/never",status_group="none"} 1"#,
    );
    has(&text, r#"http_requests_in_flight{method="GET"} 0"#);
}

/// A body of two frames that does not tell its length.
fn stream() -> Body {
    Body::from_stream(tokio_stream::iter(["first", "second"].map(Ok::<_, Infallible>)))
}

#[tokio::test]
async fn a_chunked_request_is_counted_without_its_framing() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let app = Router::new()
        .route("/echo", post(|text: String| async { text }))
        .layer(ServerLayer::http(&registry).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(
        axum::serve(listener, app)
            .with_graceful_shutdown(async { stopped.await.unwrap() })
            .into_future(),
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nhello, world"), "{answer}");
    stop.send(()).unwrap();
    // Every connection has ended by then, and with it every observation.
    serving.await.unwrap().unwrap();
    let text = exposed(&registry);
    has(&text, r#"http_request_body_bytes_count{method="POST"} 1"#);
    has(&text, r#"http_request_body_bytes_sum{method="POST"} 12"#);
}

#[tokio::test]
async fn of_a_request_that_is_not_read_to_its_end_what_was_read_counts() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let app = Router::new()
        .route(
            "/part",
            post(|request: Request| async {
                let frame = request.into_body().frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), "first");
            }),
        )
        .route("/none", axum::routing::put(|| async {}))
        .layer(ServerLayer::http(&registry).unwrap());
    for (method, path) in [("POST", "/part"), ("PUT", "/none")] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(stream())
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.unwrap();
    }
    let text = exposed(&registry);
    has(&text, r#"http_request_body_bytes_sum{method="POST"} 5"#);
    has(&text, r#"http_request_body_bytes_count{method="PUT"} 1"#);
    has(&text, r#"http_request_body_bytes_sum{method="PUT"} 0"#);
}

#[tokio::test]
async fn the_handler_sees_the_end_and_the_length_of_the_body_as_they_are() {
    let (_guard, _spans) = capture();
    let app = Router::new()
        .route(
            "/",
            post(|request: Request| async move {
                let body = request.into_body();
                format!("{} {:?}", body.is_end_stream(), body.size_hint().exact())
            }),
        )
        .layer(ServerLayer::http(&Registry::default()).unwrap());
    for (body, seen) in [
        (Body::empty(), "true Some(0)"),
        (Body::from("bytes"), "false Some(5)"),
        (stream(), "false None"),
    ] {
        let request = Request::builder().method("POST").uri("/").body(body).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), seen);
    }
}

#[tokio::test]
async fn a_client_takes_the_length_from_the_header_if_the_body_does_not_tell_it() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let inner = Router::new().fallback(|| async {});
    let client = ClientLayer::http(&registry).unwrap().wrap(inner);
    for (method, length) in [("PUT", Some("11")), ("POST", None)] {
        let mut request = Request::builder().method(method).uri("/");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let response = client.clone().oneshot(request.body(stream()).unwrap()).await;
        response.unwrap().into_body().collect().await.unwrap();
    }
    let text = exposed(&registry);
    has(&text, r#"http_client_request_body_bytes_sum{method="PUT"} 11"#);
    assert!(
        !text.contains(r#"http_client_request_body_bytes_count{method="POST"}"#),
        "{text}"
    );
}

#[tokio::test]
async fn a_clients_call_carries_the_context_and_is_the_servers_parent() {
    let (_guard, spans) = capture();
    let registry = Registry::default();
    let app = app(&registry);
    let client = ClientLayer::http(&registry).unwrap().wrap(app);
    let outer = tracing::info_span!("outer", request_id = "r-2");
    let call = async {
        let request = Request::builder()
            .uri("/users/7")
            .body(Body::from("bytes"))
            .unwrap();
        let response: Result<axum::http::Response<ObservedBody<Body>>, Infallible> =
            client.oneshot(request).await;
        response.unwrap().into_body().collect().await.unwrap();
    };
    tracing::Instrument::instrument(call, outer).await;
    let spans = spans.take();
    let named = |name: &str| {
        spans
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("{name}: {spans:?}"))
    };
    let (outer, client, server): (&Seen, &Seen, &Seen) =
        (named("outer"), named("GET"), named("GET /users/{id}"));
    assert_eq!(client.kind, "Client");
    assert_eq!(
        (client.parent.as_ref(), server.parent.as_ref()),
        (Some(&outer.span_id), Some(&client.span_id))
    );
    assert_eq!(server.trace_id, outer.trace_id);
    assert_eq!(server.field("request_id"), "r-2");
    let text = exposed(&registry);
    has(
        &text,
        r#"http_client_requests_total{method="GET",status_group="2xx"} 1"#,
    );
    has(&text, r#"http_client_requests_in_flight{method="GET"} 0"#);
    has(&text, r#"http_client_request_body_bytes_sum{method="GET"} 5"#);
    has(&text, r#"http_client_response_body_bytes_sum{method="GET"} 6"#);
}

#[tokio::test]
async fn the_callers_baggage_goes_on_to_whom_the_handler_calls() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let relay = || async {
        let mut headers = axum::http::HeaderMap::new();
        watchroom_http::inject_headers(&mut headers);
        headers
    };
    let app = Router::new()
        .route("/relay", get(relay))
        .layer(ServerLayer::http(&registry).unwrap());
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = [
        ("traceparent", traceparent),
        ("baggage", "tenant=acme,note=a%20b"),
        ("baggage", "region=north"),
    ];
    let (response, _) = ask(&app, "GET", "/relay", &sent).await;
    let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap();
    let mut members: Vec<&str> = header("baggage").split(',').collect();
    members.sort_unstable();
    assert_eq!(members, ["note=a%20b", "region=north", "tenant=acme"]);
    assert_eq!(header("traceparent")[..36], traceparent[..36]);

    // Baggage without a trace is baggage all the same.
    let (response, _) = ask(&app, "GET", "/relay", &[("baggage", "tenant=acme")]).await;
    assert_eq!(response.headers().get("baggage").unwrap(), "tenant=acme");
    let (response, _) = ask(&app, "GET", "/relay", &[("baggage", ",,=")]).await;
    assert_eq!(response.headers().get("baggage"), None);
}
