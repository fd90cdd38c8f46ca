//! The client's command line: what it prints, where, and how it fails.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::Server;

fn deriva(server: &str, args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deriva"))
        .args(["--server", server])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn prints(server: &Server, args: &[&str], stdin: &[u8]) -> String {
    let output = deriva(&server.url(), args, stdin);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.is_empty(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fails(url: &str, args: &[&str]) -> String {
    let output = deriva(url, args, b"");
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_six_verbs_do_what_they_say() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in");
    std::fs::write(&file, "light").unwrap();

    let light = prints(&server, &["put", file.to_str().unwrap()], b"");
    let light = light.trim_end();
    assert!(light.starts_with("caddr(0x") && light.len() == 73, "{light}");
    let house = prints(&server, &["put", "-"], b"house");
    let house = house.trim_end();
    let joined = prints(
        &server,
        &["recipe", "concat/v1", light, house, "--param", "separator= "],
        b"",
    );
    let joined = joined.trim_end();

    assert_eq!(prints(&server, &["get", joined], b""), "light house");
    let out = dir.path().join("out");
    assert_eq!(
        prints(&server, &["get", joined, "--output", out.to_str().unwrap()], b""),
        ""
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), "light house");

    assert_eq!(
        prints(&server, &["resolve", joined], b""),
        format!(
            "recipe concat/v1 at depth 1\n  input {light}\n  input {house}\n  param separator= \ncached: yes\n"
        )
    );
    assert_eq!(
        prints(&server, &["resolve", light], b""),
        format!("leaf of 5 bytes\ncached: no\n")
    );
    assert_eq!(
        prints(&server, &["invalidate", light, "--cascade"], b""),
        "1 results forgotten\n"
    );
    let status = prints(&server, &["status"], b"");
    assert!(
        status.contains("2 blobs of 10 bytes, 1 recipes\ncache: 0 results of 0 bytes, 1 hits, 3 misses"),
        "{status}"
    );
}

#[test]
fn a_failure_names_the_reason_the_code_and_the_request() {
    let server = Server::start();
    let said = fails(&server.url(), &["--request-id", "order-17", "get", "0x12"]);
    assert_eq!(
        said,
        "deriva: \"0x12\" is not an address; expected caddr(0x…) with 64 hex digits (InvalidArgument, request order-17)\n"
    );
    let said = fails(&server.url(), &["recipe", "hash/v1", "--param", "op"]);
    assert_eq!(said, "deriva: parameter \"op\" is not NAME=VALUE\n");
    let said = fails(&server.url(), &["put", "/nonexistent"]);
    assert!(
        said.starts_with("deriva: reading /nonexistent: No such file"),
        "{said}"
    );
    let said = fails(&server.url(), &["--request-id", "a\nb", "status"]);
    assert!(said.contains("cannot be a request id"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let said = fails("http://127.0.0.1:1", &["status"]);
    assert!(
        said.starts_with("deriva: cannot reach http://127.0.0.1:1; is deriva-server running?"),
        "{said}"
    );
    let said = fails("not a url", &["status"]);
    assert!(
        said.starts_with("deriva: \"not a url\" is not a URL; expected http://host:port"),
        "{said}"
    );
}
