//! `watchroom snapshot` and `watchroom restore`.
//!
//! Not here: TLS; a server that has it is asked by another client, such as `curl`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use crate::args::{RestoreArgs, SnapshotArgs};
use crate::command::Failure;

/// Path of the server's answer.
const PATH: &str = "/api/v1/admin/tsdb/snapshot";
/// Time for a server to copy its data.
const TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Longest answer; a good one has a hundred bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// Asks a server for a snapshot and prints its name.
pub(crate) fn snapshot(args: &SnapshotArgs) -> Result<(), Failure> {
    let token = args.token_file.as_ref().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("--token-file: cannot read {}", path.display()))
    });
    let token = token.transpose().map_err(Failure::start)?;
    let name = ask(&args.url, token.as_deref().map(str::trim), args.skip_head).map_err(Failure::run)?;
    print(&format!("snapshots/{name}"))
}

/// Makes a data directory of a snapshot.
pub(crate) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let stats = watchroom_server::restore(&args.snapshot, &args.data_dir).map_err(Failure::run)?;
    if stats.problems > 0 {
        return Err(Failure::run(anyhow!(
            "restored to {}, but {} parts of it cannot be read and were set aside; `watchroom up` tells which",
            args.data_dir.display(),
            stats.problems
        )));
    }
    print(&format!(
        "restored to {}: {} series, {} bytes",
        args.data_dir.display(),
        stats.series,
        stats.disk_bytes
    ))
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}")
        .context("cannot write to standard output")
        .map_err(Failure::run)
}

fn ask(url: &str, token: Option<&str>, skip_head: bool) -> anyhow::Result<String> {
    let (host, base) = host_and_base(url)?;
    let mut stream =
        TcpStream::connect(&*address(host)).with_context(|| format!("cannot connect to {host}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let authorization = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let query = if skip_head { "?skip_head=true" } else { "" };
    write!(
        stream,
        "POST {base}{PATH}{query} HTTP/1.1\r\nhost: {host}\r\n{authorization}connection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .with_context(|| format!("cannot ask {host}"))?;
    let mut answer = String::new();
    stream
        .take(MAX_ANSWER)
        .read_to_string(&mut answer)
        .with_context(|| format!("{host} has not answered"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match member(body, "name") {
        Some(name) if answer.starts_with("HTTP/1.1 200") => Ok(name.to_owned()),
        _ => {
            let status = answer.lines().next().unwrap_or("nothing");
            let reason = member(body, "error").unwrap_or(body.trim());
            bail!("{host} made no snapshot: {status}: {reason}")
        }
    }
}

/// Host with its port, and the path before those of the API.
fn host_and_base(url: &str) -> anyhow::Result<(&str, &str)> {
    let Some(rest) = url.strip_prefix("http://") else {
        bail!("--url {url:?} does not begin with http://; ask a server with TLS by `curl -X POST …{PATH}`");
    };
    let (host, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') {
        bail!("--url {url:?} has no host, or a user; give http://HOST:PORT");
    }
    Ok((host, base.trim_end_matches('/')))
}

/// Host and port; 80 if it is not given.
fn address(host: &str) -> String {
    let after_brackets = host.rsplit(']').next().unwrap_or(host);
    match after_brackets.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:80"),
    }
}

/// A text of an answer that holds no escapes where it matters: names of snapshots are letters, digits and dashes.
fn member<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_host_and_what_comes_before_the_path() {
        #[track_caller]
        fn check(url: &str, expect: Option<(&str, &str)>) {
            assert_eq!(host_and_base(url).ok(), expect, "{url}");
        }
        check("http://127.0.0.1:7200", Some(("127.0.0.1:7200", "")));
        check("http://a/", Some(("a", "")));
        check("http://[::1]:9/base/", Some(("[::1]:9", "/base")));
        check("https://a", None);
        check("http://", None);
        check("http://me@a", None);
        assert_eq!(address("a"), "a:80");
        assert_eq!(address("[::1]"), "[::1]:80");
        assert_eq!(address("[::1]:9"), "[::1]:9");
    }

    #[test]
    fn the_name_is_found_in_the_answer() {
        let body = r#"{"status":"success","data":{"name":"20261120T1-0000"}}"#;
        assert_eq!(member(body, "name"), Some("20261120T1-0000"));
        assert_eq!(member("", "name"), None);
    }
}
