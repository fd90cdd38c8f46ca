//! gRPC messages that are malformed, lie about their length, or come compressed.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio_stream::StreamExt as _;
use tonic::codegen::{Service as _, http};
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use crate::scene::{backend, backend_is_well, deriva, deriva_is_well, gzip, noise};

const OTLP: [&str; 3] = [
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
];
const DERIVA: [&str; 5] = ["PutLeaf", "PutRecipe", "Get", "Resolve", "Invalidate"];

/// A message with its prefix: not compressed, and its length.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    prefixed(0, u32::try_from(message.len()).unwrap(), message)
}

fn prefixed(compressed: u8, len: u32, message: &[u8]) -> Vec<u8> {
    [&[compressed][..], &len.to_be_bytes(), message].concat()
}

/// Sends a body as it is. Code and message of the answer.
pub(crate) async fn call(
    at: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (Code, String) {
    let mut channel = Endpoint::from_shared(format!("http://{at}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut request = http::Request::post(format!("http://{at}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = tonic::body::Body::new(Full::new(Bytes::from(body)));
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    let response = channel.call(request.body(body).unwrap()).await.unwrap();
    let status = Status::from_header_map(response.headers());
    let status = match status {
        Some(status) => Some(status),
        None => {
            let collected = response.into_body().collect().await.unwrap();
            collected.trailers().and_then(Status::from_header_map)
        }
    };
    let status = status.expect("every answer of gRPC has a status");
    (status.code(), status.message().to_owned())
}

#[track_caller]
fn refused((code, message): (Code, String), expect: &[Code], words: &str) {
    assert!(
        expect.contains(&code) && message.contains(words),
        "{code:?} {message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_to_the_backend_are_refused_with_the_reason() {
    let mut backend = backend();
    let at = backend.otlp_grpc;
    for path in OTLP {
        refused(
            call(at, path, &[], frame(&noise(10_000))).await,
            &[Code::InvalidArgument],
            "Protobuf",
        );
        let lie = prefixed(0, u32::MAX, b"abc");
        refused(
            call(at, path, &[], lie).await,
            &[Code::ResourceExhausted, Code::InvalidArgument],
            "",
        );
        let cut = prefixed(0, 100, b"abc");
        refused(
            call(at, path, &[], cut).await,
            &[Code::InvalidArgument, Code::Internal],
            "",
        );
        let bomb = gzip(&vec![0; 400 << 20]);
        let body = prefixed(1, u32::try_from(bomb.len()).unwrap(), &bomb);
        let bombed = call(at, path, &[("grpc-encoding", "gzip")], body).await;
        refused(bombed, &[Code::ResourceExhausted], "once decompressed");
        let unnamed = prefixed(1, 3, b"abc");
        refused(
            call(at, path, &[("grpc-encoding", "br")], unnamed).await,
            &[Code::Unimplemented],
            "",
        );
    }
    refused(
        call(at, "/nonesuch.Service/Method", &[], frame(b"")).await,
        &[Code::Unimplemented],
        "",
    );
    tokio::task::spawn_blocking(move || backend_is_well(&mut backend))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_to_deriva_are_refused_with_the_reason() {
    let mut deriva = deriva();
    let at = deriva.grpc;
    for method in DERIVA {
        let path = format!("/deriva.v1.Deriva/{method}");
        let answer = call(at, &path, &[], frame(&noise(10_000))).await;
        refused(answer, &[Code::Internal], "failed to decode Protobuf message");
        let lie = prefixed(0, u32::MAX, b"abc");
        refused(
            call(at, &path, &[], lie).await,
            &[Code::OutOfRange],
            "message length too large",
        );
        refused(
            call(at, &path, &[], prefixed(0, 100, b"abc")).await,
            &[Code::Internal],
            "",
        );
        let compressed = prefixed(1, 3, b"abc");
        let answer = call(at, &path, &[("grpc-encoding", "gzip")], compressed).await;
        refused(answer, &[Code::Unimplemented], "gzip");
        refused(
            call(at, &path, &[], prefixed(9, 3, b"abc")).await,
            &[Code::Internal],
            "",
        );
        let none = call(at, &path, &[], Vec::new()).await;
        refused(none, &[Code::Internal], "");
    }
    refused(
        call(at, "/deriva.v1.Deriva/Nonesuch", &[], frame(b"")).await,
        &[Code::Unimplemented],
        "",
    );
    // Headers that would forge lines, or be no trace.
    let headers = [
        ("x-request-id", "a b\" }"),
        (
            "traceparent",
            "00-00000000000000000000000000000000-0000000000000000-01",
        ),
    ];
    let answer = call(at, "/deriva.v1.Deriva/Status", &headers, frame(b"")).await;
    assert_eq!(answer.0, Code::Ok);
    tokio::task::spawn_blocking(move || deriva_is_well(&mut deriva))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb_as_a_leaf_meets_derivas_limit() {
    use deriva::proto::{GetRequest, PutLeafRequest, PutRecipeRequest};
    let mut deriva = deriva();
    let mut client = deriva::client::connect(&format!("http://{}", deriva.grpc))
        .await
        .unwrap();
    let data = gzip(&vec![0; 400 << 20]);
    let leaf = client
        .put_leaf(PutLeafRequest { data })
        .await
        .unwrap()
        .into_inner()
        .address;
    let recipe = PutRecipeRequest {
        function: "gzip/v1".into(),
        inputs: vec![leaf],
        params: [("mode".to_owned(), "decompress".to_owned())].into(),
    };
    let address = client.put_recipe(recipe).await.unwrap().into_inner().address;
    let status = client.get(GetRequest { address }).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (
            Code::OutOfRange,
            "the result would have 67108865 bytes; at most 67108864 are allowed"
        )
    );
    tokio::task::spawn_blocking(move || deriva_is_well(&mut deriva))
        .await
        .unwrap();
}

/// Announces a leaf of 32 MB, sends 4 MB of it and then nothing. The status, should one come.
async fn begin_leaf(at: SocketAddr) -> Option<Code> {
    let mut channel = Endpoint::from_shared(format!("http://{at}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let begin = prefixed(0, 32 << 20, &vec![7; 4 << 20]);
    let parts: Vec<_> = begin
        .chunks(64 << 10)
        .map(|part| Ok::<_, Status>(http_body::Frame::data(Bytes::copy_from_slice(part))))
        .collect();
    let parts = tokio_stream::iter(parts).chain(tokio_stream::pending());
    let request = http::Request::post(format!("http://{at}/deriva.v1.Deriva/PutLeaf"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(StreamBody::new(parts)))
        .unwrap();
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    let response = channel.call(request).await.ok()?;
    Status::from_header_map(response.headers()).map(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_end_share_a_budget_and_give_it_back() {
    use deriva::proto::PutLeafRequest;
    let mut deriva = deriva();
    let at = deriva.grpc;
    // 400 MB if all were taken in.
    let mut begun: Vec<_> = (0..100).map(|_| tokio::spawn(begin_leaf(at))).collect();
    let mut n_refused = 0;
    while n_refused < 50 {
        let (ended, _, rest) = futures_util::future::select_all(begun).await;
        assert_eq!(ended.unwrap(), Some(Code::ResourceExhausted));
        n_refused += 1;
        begun = rest;
    }
    for task in begun {
        task.abort();
    }
    let mut client = deriva::client::connect(&format!("http://{at}")).await.unwrap();
    let mut taken = false;
    for _ in 0..600 {
        let data = vec![7; 32 << 20];
        taken = client.put_leaf(PutLeafRequest { data }).await.is_ok();
        if taken {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(taken, "the budget is not given back");
    tokio::task::spawn_blocking(move || deriva_is_well(&mut deriva))
        .await
        .unwrap();
}
