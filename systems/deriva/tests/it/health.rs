//! `/health`, the gRPC health service and reflection (DER-1, DER-7).

use deriva::proto::{FILE_DESCRIPTOR_SET, PutLeafRequest, SERVICE_NAME};
use prost::Message as _;
use serde_json::Value;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{Server, bytes, eventually, leaf, recipe};

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_is_specified() {
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let computed = recipe(&mut client, "hash/v1", &[&input], &[]).await;
    recipe(&mut client, "identity/v1", &[&input], &[]).await;
    bytes(&mut client, &computed).await.unwrap();
    let report = eventually("both components have been checked", || {
        let (status, body) = server.get("/health");
        if status == 200 {
            Ok(serde_json::from_str::<Value>(&body).unwrap())
        } else {
            Err(body)
        }
    });
    assert_eq!(report["status"], "healthy");
    assert_eq!(
        (&report["cache_entries"], &report["dag_recipes"]),
        (&1.into(), &2.into())
    );
    assert!(report["uptime_seconds"].is_u64());
    let components: Vec<&str> = report["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(components, ["store", "cache"]);
    for path in ["/health/live", "/health/ready", "/health/startup"] {
        assert_eq!(server.get(path).0, 200, "{path}");
    }
    let scrape = server.scrape();
    for component in ["store", "cache"] {
        assert_eq!(
            scrape.value(&format!("watchroom_health_status{{component=\"{component}\"}}")),
            1.0
        );
    }
}

/// The disk refuses every write, by the limit that the system puts on a process: `/health` says so, and what needs no write goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_disk_takes_no_writes_is_503_and_what_was_put_survives() {
    let server = Server::start_for_limits();
    let mut client = server.client().await;
    let before = leaf(&mut client, b"before").await;
    let health = || {
        let (status, body) = server.get("/health");
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let wait_for = |status: u16| {
        eventually("the health that is due", || match health() {
            (found, report) if found == status => Ok(report),
            (_, report) => Err(report.to_string()),
        })
    };
    wait_for(200);

    server.limit_file_size(Some(0));
    let report = wait_for(503);
    assert_eq!(report["status"], "unhealthy");
    let component = |name: &str| {
        let all = report["components"].as_array().unwrap();
        all.iter().find(|c| c["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&component("store")["status"], &component("cache")["status"]),
        (&"unhealthy".into(), &"healthy".into())
    );
    let why = component("store").to_string();
    assert!(why.contains("the store failed to write"), "{why}");
    assert_eq!(server.get("/health/ready").0, 503);
    assert_eq!(server.get("/health/live").0, 200);
    assert_eq!(
        server
            .scrape()
            .value("watchroom_health_status{component=\"store\"}"),
        0.0
    );
    let data = b"after".to_vec();
    let refused = client.put_leaf(PutLeafRequest { data }).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    assert_eq!(bytes(&mut client, &before).await.unwrap(), b"before");
    let channel = tonic::transport::Endpoint::from_shared(server.url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let service = SERVICE_NAME.to_owned();
    let mut watch = HealthClient::new(channel)
        .watch(HealthCheckRequest { service })
        .await
        .unwrap()
        .into_inner();
    // It is told a moment after the board has it.
    while watch.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}

    // After a write that failed nobody knows what is on disk, so the store waits for a restart; the report says that.
    server.limit_file_size(None);
    eventually("the store says what to do", || {
        let text = health().1.to_string();
        if text.contains("restart the server") {
            Ok(())
        } else {
            Err(text)
        }
    });
    let server = server.restart("KILL");
    eventually("healthy again", || match server.get("/health") {
        (200, _) => Ok(()),
        (_, body) => Err(body),
    });
    let mut client = server.client().await;
    assert_eq!(bytes(&mut client, &before).await.unwrap(), b"before");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grpc_health_service_knows_the_server_and_its_service_and_nothing_else() {
    let server = Server::start();
    let channel = tonic::transport::Endpoint::from_shared(server.url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut health = HealthClient::new(channel);
    let service = SERVICE_NAME.to_owned();
    let mut watch = health
        .watch(HealthCheckRequest { service })
        .await
        .unwrap()
        .into_inner();
    // Not serving until the first checks have passed, then serving.
    while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    for service in ["", SERVICE_NAME] {
        let service = service.to_owned();
        let answer = health.check(HealthCheckRequest { service }).await;
        assert_eq!(answer.unwrap().into_inner().status(), ServingStatus::Serving);
    }
    let service = "deriva.v1.Nonesuch".to_owned();
    assert_eq!(
        health
            .check(HealthCheckRequest { service })
            .await
            .unwrap_err()
            .code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services_and_describes_deriva() {
    let server = Server::start();
    let channel = tonic::transport::Endpoint::from_shared(server.url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut reflection = ServerReflectionClient::new(channel);
    let mut ask = async |request: MessageRequest| {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(request),
        };
        let mut answers = reflection
            .server_reflection_info(tokio_stream::iter([request]))
            .await
            .unwrap()
            .into_inner();
        answers
            .message()
            .await
            .unwrap()
            .unwrap()
            .message_response
            .unwrap()
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list");
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.iter().any(|name| name == SERVICE_NAME), "{names:?}");

    let answer = ask(MessageRequest::FileContainingSymbol(
        "deriva.v1.Deriva.Get".to_owned(),
    ))
    .await;
    let MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("no description");
    };
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let described =
        prost_types::FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
    let methods: Vec<&str> = described.service[0]
        .method
        .iter()
        .map(|method| method.name())
        .collect();
    assert_eq!(
        methods,
        ["PutLeaf", "PutRecipe", "Get", "Resolve", "Invalidate", "Status"]
    );
    assert_eq!(set.file[0].name(), described.name());
}
