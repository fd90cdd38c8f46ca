//! The layers around a real gRPC server and client of tonic.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use watchroom::metrics::{Registry, expose};
use watchroom_http::{ClientLayer, ServerLayer};

#[path = "../common/spans.rs"]
mod spans;
use spans::capture;

/// A real server behind the layer, and a channel to it. It ends with the test's runtime.
async fn serve(registry: &Registry, routes: Routes) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let layer = ServerLayer::rpc(registry).unwrap();
    tokio::spawn(
        Server::builder()
            .layer(layer)
            .add_routes(routes)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Endpoint::from_shared(url).unwrap().connect().await.unwrap()
}

fn scrape(registry: &Registry) -> String {
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    text
}

/// Value of a line of the exposition.
#[track_caller]
fn value(text: &str, name: &str) -> f64 {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn both_ends_are_counted_by_method_and_status_and_belong_to_one_trace() {
    let (_guard, spans) = capture();
    let registry = Registry::default();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let channel = serve(&registry, Routes::new(health)).await;
    let layer = ClientLayer::rpc(&registry).unwrap();
    let mut client = HealthClient::new(layer.wrap_counted(channel, Body::new));

    let good = client
        .check(HealthCheckRequest {
            service: String::new(),
        })
        .await
        .unwrap();
    assert_eq!(good.metadata().get("x-request-id").unwrap().len(), 36);
    let bad = client
        .check(HealthCheckRequest {
            service: "nobody".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(bad.code(), Code::NotFound);
    assert_eq!(bad.metadata().get("x-request-id").unwrap().len(), 36);

    let text = scrape(&registry);
    for side in ["server", "client"] {
        for status in ["ok", "not_found"] {
            let line = format!(
                "rpc_{side}_requests_total{{method=\"grpc.health.v1.Health/Check\",status=\"{status}\"}} 1"
            );
            assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
        }
        // Two messages behind prefixes of 5 bytes: an empty one, and one with tag, length and "nobody".
        for line in [
            format!("rpc_{side}_requests_in_flight 0"),
            format!("rpc_{side}_request_body_bytes_count 2"),
            format!("rpc_{side}_request_body_bytes_sum 18"),
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
        }
    }
    let spans = spans.take();
    let of = |kind: &str| {
        spans
            .iter()
            .filter(|span| span.kind == kind)
            .cloned()
            .collect::<Vec<_>>()
    };
    let (servers, clients) = (of("Server"), of("Client"));
    assert_eq!((servers.len(), clients.len()), (2, 2), "{spans:?}");
    for (server, client) in servers.iter().zip(&clients) {
        assert_eq!(server.name, "grpc.health.v1.Health/Check");
        assert_eq!(
            (&server.trace_id, server.parent.as_ref()),
            (&client.trace_id, Some(&client.span_id))
        );
    }
    // Not finding what a caller asks for is the caller's error, not the server's.
    assert_eq!(
        (servers[1].status.as_str(), clients[1].status.as_str()),
        ("Unset", "Error")
    );
    assert_eq!(clients[1].field("rpc.grpc.status_code"), "5");
}

/// Messages that go out one by one, each after the answer to the one before: the size is what was sent by the end, not a guess.
#[tokio::test]
async fn a_stream_of_requests_is_counted_to_its_end_on_both_sides() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .unwrap();
    let channel = serve(&registry, Routes::new(reflection)).await;
    let layer = ClientLayer::rpc(&registry).unwrap();
    let mut client = ServerReflectionClient::new(layer.wrap_counted(channel, Body::new));

    let (send, requests) = tokio::sync::mpsc::channel(1);
    let ask = || ServerReflectionRequest {
        host: "h".repeat(100),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    send.send(ask()).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = client
        .server_reflection_info(requests)
        .await
        .unwrap()
        .into_inner();
    for _ in 0..4 {
        assert!(answers.message().await.unwrap().is_some());
        assert_eq!(value(&scrape(&registry), "rpc_client_requests_in_flight"), 1.0);
        send.send(ask()).await.unwrap();
    }
    assert!(answers.message().await.unwrap().is_some());
    drop(send);
    assert!(answers.message().await.unwrap().is_none());
    drop(answers);

    let text = scrape(&registry);
    for side in ["client", "server"] {
        let of = |what: &str| value(&text, &format!("rpc_{side}_request_body_bytes_{what}"));
        // Tag, length and host; tag and length of the empty name; a prefix.
        assert_eq!(
            (of("count"), of("sum")),
            (1.0, 5.0 * (102.0 + 2.0 + 5.0)),
            "{text}"
        );
    }
    let (sent, received) = (
        "rpc_server_response_body_bytes_sum",
        "rpc_client_response_body_bytes_sum",
    );
    assert_eq!(value(&text, sent), value(&text, received));
}

#[tokio::test]
async fn a_client_that_does_not_count_leaves_the_size_out() {
    let (_guard, _spans) = capture();
    let registry = Registry::default();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let channel = serve(&registry, Routes::new(health)).await;
    let mut client = HealthClient::new(ClientLayer::rpc(&registry).unwrap().wrap(channel));
    client.check(HealthCheckRequest::default()).await.unwrap();
    let text = scrape(&registry);
    assert!(!text.contains("rpc_client_request_body_bytes_count 1"), "{text}");
    assert_eq!(value(&text, "rpc_server_request_body_bytes_count"), 1.0);
}
