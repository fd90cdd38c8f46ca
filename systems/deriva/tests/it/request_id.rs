//! Request ids: on every line, and back to the caller (DER-6). On spans: `spans`.

use deriva::proto::{GetRequest, PutLeafRequest, StatusRequest};
use serde_json::Value;
use tonic::Request;
use tonic::metadata::MetadataMap;

use crate::support::{Server, eventually, leaf, recipe};

fn with_id<T>(message: T, id: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    request
}

fn id(metadata: &MetadataMap) -> String {
    metadata.get("x-request-id").unwrap().to_str().unwrap().to_owned()
}

/// Lines of one request, by its trace.
fn lines_of(server: &Server, request_id: &str) -> Vec<Value> {
    let log = server.log();
    let first = log.iter().find(|line| line["request_id"] == request_id);
    let Some(trace_id) = first.map(|line| line["trace_id"].clone()) else {
        return Vec::new();
    };
    log.into_iter()
        .filter(|line| line["trace_id"] == trace_id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_id_is_on_every_line_and_comes_back() {
    let env = [(
        "RUST_LOG",
        "trace,h2=off,hyper=off,hyper_util=off,tonic=off,tower=off",
    )];
    let server = Server::with(&["--verify", "always"], &env);
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let low = recipe(&mut client, "slow/v1", &[&input], &[("ms", "1001")]).await;
    let address = recipe(&mut client, "concat/v1", &[&low, &input], &[]).await;
    let answer = client
        .get(with_id(GetRequest { address }, "order-17:a"))
        .await
        .unwrap();
    assert_eq!(id(answer.metadata()), "order-17:a");
    let mut stream = answer.into_inner();
    while stream.message().await.unwrap().is_some() {}
    let lines = eventually("the request ends", || {
        let lines = lines_of(&server, "order-17:a");
        let ended = lines.iter().any(|line| line["message"] == "rpc ended");
        if ended {
            Ok(lines)
        } else {
            Err(format!("{lines:#?}"))
        }
    });
    for line in &lines {
        assert_eq!(line["request_id"], "order-17:a", "{line:#}");
    }
    // Every level has said something, from the computation's own thread too.
    for (level, message) in [
        ("INFO", "rpc began"),
        ("DEBUG", "cache looked up"),
        ("TRACE", "leaf store read"),
        ("WARN", "compute took over 1 s"),
        ("INFO", "rpc ended"),
    ] {
        assert!(
            lines
                .iter()
                .any(|line| line["level"] == level && line["message"] == message),
            "{message}"
        );
    }
    // No line of the engine is outside of a request, but for the first.
    for line in server.log() {
        if line["target"] == "deriva::engine" && line["message"] != "store opened" {
            assert!(line["request_id"].is_string(), "{line:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_one_it_is_a_uuid_of_version_4_of_its_own() {
    let server = Server::start();
    let mut client = server.client().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = client.status(StatusRequest {}).await.unwrap();
        let id = id(answer.metadata());
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12],
            "{id}"
        );
        assert!(
            id.chars()
                .all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)),
            "{id}"
        );
        assert!(
            parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']),
            "{id}"
        );
        ids.insert(id);
    }
    assert_eq!(ids.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_bears_it_too_and_one_that_could_forge_a_line_is_replaced() {
    let server = Server::start();
    let mut client = server.client().await;
    let address = "nonsense".to_owned();
    let status = client
        .get(with_id(GetRequest { address }, "order-18"))
        .await
        .unwrap_err();
    assert_eq!(id(status.metadata()), "order-18");
    eventually("the line of the refusal", || {
        let lines = lines_of(&server, "order-18");
        let warned = lines
            .iter()
            .any(|line| line["level"] == "WARN" && line["message"] == "rpc failed");
        if warned {
            Ok(())
        } else {
            Err(format!("{lines:#?}"))
        }
    });
    for bad in ["a b", "\"}", &"x".repeat(129)] {
        let answer = client
            .put_leaf(with_id(PutLeafRequest { data: vec![1] }, bad))
            .await
            .unwrap();
        assert_eq!(id(answer.metadata()).len(), 36, "{bad}");
    }
}
