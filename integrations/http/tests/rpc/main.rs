//! The layers around a real gRPC server and client of tonic.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use watchroom::metrics::{Registry, expose};
use watchroom_http::{ClientLayer, ServerLayer};

#[path = "../common/spans.rs"]
mod spans;
use spans::capture;

#[tokio::test]
async fn both_ends_are_counted_by_method_and_status_and_belong_to_one_trace() {
    let (_guard, spans) = capture();
    let registry = Registry::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (_reporter, health) = tonic_health::server::health_reporter();
    let layer = ServerLayer::rpc(&registry).unwrap();
    // Ends with the test's runtime.
    tokio::spawn(
        Server::builder()
            .layer(layer)
            .add_service(health)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(ClientLayer::rpc(&registry).unwrap().wrap(channel));

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

    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    for side in ["server", "client"] {
        for status in ["ok", "not_found"] {
            let line = format!(
                "rpc_{side}_requests_total{{method=\"grpc.health.v1.Health/Check\",status=\"{status}\"}} 1"
            );
            assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
        }
        assert!(
            text.contains(&format!("rpc_{side}_requests_in_flight 0")),
            "{text}"
        );
    }
    // Two messages behind prefixes of 5 bytes: an empty one, and one with tag, length and "nobody".
    for line in [
        "rpc_server_request_body_bytes_count 2",
        "rpc_server_request_body_bytes_sum 18",
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
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
