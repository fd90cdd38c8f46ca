//! From start to end: ports that are taken, a killed process, an orderly stop.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deriva::proto::{PutLeafRequest, ResolveRequest, StatusRequest};

use crate::receiver::Receiver;
use crate::support::{Server, bytes, eventually, leaf, recipe, recipe_of};

fn start(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deriva-server"))
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn refuses(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("deriva-server: "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (text, port) = (address.to_string(), address.port().to_string());
    let output = start(&["--listen", &text, "--metrics-port", "0", "--data-dir", &data]);
    refuses(&output, &[&text, "--listen", "in use"]);
    let output = start(&[
        "--listen",
        "127.0.0.1:0",
        "--metrics-port",
        &port,
        "--data-dir",
        &data,
    ]);
    refuses(&output, &[&text, "--metrics-port", "in use"]);
}

#[test]
fn a_data_folder_in_use_is_named() {
    let server = Server::start();
    let data = server.data_dir().display().to_string();
    let output = start(&[
        "--listen",
        "127.0.0.1:0",
        "--metrics-port",
        "0",
        "--data-dir",
        &data,
    ]);
    refuses(&output, &[&data, "is another server using it?"]);
}

#[test]
fn a_flag_that_is_wrong_is_told_with_what_would_be_right() {
    for (args, words) in [
        (["--verify", "maybe"], "expected off, sampled or always"),
        (["--log-format", "xml"], "possible values: text, json"),
        (["--listen", "here"], "--listen"),
    ] {
        let output = start(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_that_was_acknowledged_survives_kill_9() {
    let server = Server::start();
    let acknowledged = Arc::new(Mutex::new(Vec::<(String, Vec<u8>)>::new()));
    let mut writers = Vec::new();
    for writer in 0..4 {
        let mut client = server.client().await;
        let acknowledged = Arc::clone(&acknowledged);
        writers.push(tokio::spawn(async move {
            for n in 0.. {
                let data = format!("{writer} {n} {}", "x".repeat(n % 5_000)).into_bytes();
                let Ok(put) = client.put_leaf(PutLeafRequest { data: data.clone() }).await else {
                    return;
                };
                let leaf = put.into_inner().address;
                acknowledged.lock().unwrap().push((leaf.clone(), data.clone()));
                let Ok(put) = client.put_recipe(recipe_of("identity/v1", &[&leaf], &[])).await else {
                    return;
                };
                acknowledged
                    .lock()
                    .unwrap()
                    .push((put.into_inner().address, data));
            }
        }));
    }
    eventually("enough is written", || {
        let n = acknowledged.lock().unwrap().len();
        if n >= 2_000 { Ok(()) } else { Err(n.to_string()) }
    });
    // In the midst of it: the writers are still at work.
    let server = server.restart("KILL");
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let mut client = server.client().await;
    for (address, data) in &acknowledged {
        assert_eq!(&bytes(&mut client, address).await.unwrap(), data, "{address}");
    }
    // Written but not acknowledged before the end: at most one for each writer.
    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    let n = status.blobs + status.recipes - acknowledged.len() as u64;
    assert!(n <= 4, "{n} more than were acknowledged");
    assert_eq!(server.scrape().value("deriva_dag_recipes") as u64, status.recipes);
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_and_dependents_are_there_again_after_a_stop() {
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let low = recipe(&mut client, "hash/v1", &[&input], &[]).await;
    let high = recipe(&mut client, "gzip/v1", &[&low], &[]).await;
    let server = server.restart("TERM");
    let mut client = server.client().await;
    let answer = client
        .resolve(ResolveRequest { address: low })
        .await
        .unwrap()
        .into_inner();
    let Some(deriva::proto::resolve_response::Node::Recipe(node)) = answer.node else {
        panic!("{answer:?}")
    };
    assert_eq!((node.depth, node.dependents), (1, vec![high]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_rpcs_end_and_flushes_their_spans() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    // No batch is full or due before the end.
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
    ];
    let mut server = Server::with(&[], &env);
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let address = recipe(&mut client, "slow/v1", &[&input], &[("ms", "700")]).await;
    let getting = tokio::spawn(async move { bytes(&mut client, &address).await });
    eventually("the computation is under way", || {
        let active = server.scrape().value(r#"deriva_rpc_active{method="get"}"#);
        if active == 1.0 { Ok(()) } else { Err(String::new()) }
    });
    assert_eq!(receiver.spans().len(), 0);
    server.signal("TERM");
    assert_eq!(getting.await.unwrap().unwrap(), b"light");
    assert_eq!(server.ended().code(), Some(0));
    let mut names: Vec<String> = receiver.spans().into_iter().map(|span| span.name).collect();
    names.retain(|name| name.starts_with("rpc."));
    names.sort();
    assert_eq!(names, ["rpc.get", "rpc.put_leaf", "rpc.put_recipe"]);
    let messages: Vec<String> = server
        .log()
        .iter()
        .map(|line| line["message"].to_string())
        .collect();
    assert_eq!(messages.last().unwrap(), "\"deriva-server has stopped\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_under_way_after_the_grace_is_cut_off() {
    let mut server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let address = recipe(&mut client, "slow/v1", &[&input], &[("ms", "60000")]).await;
    let mut idle = tokio::net::TcpStream::connect(server.grpc).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut idle, b"PRI * HT")
        .await
        .unwrap();
    let getting = tokio::spawn(async move { bytes(&mut client, &address).await });
    eventually("the computation is under way", || {
        let active = server.scrape().value(r#"deriva_rpc_active{method="get"}"#);
        if active == 1.0 { Ok(()) } else { Err(String::new()) }
    });
    server.signal("TERM");
    let ended = tokio::task::spawn_blocking(move || server.ended().code());
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(30), ended)
            .await
            .unwrap()
            .unwrap(),
        Some(0)
    );
    getting.await.unwrap().unwrap_err();
}
