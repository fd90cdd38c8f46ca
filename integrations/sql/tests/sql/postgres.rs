//! PostgreSQL: a server of our own, with its own folder, reached over its socket there.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::Executor as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use watchroom::metrics::Registry;
use watchroom_sql::SqlLayer;

use crate::database::{assert_no_secret, walk};
use crate::seen::capture;

/// A server that ends with the test.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// None if PostgreSQL is not installed, which has been told.
    fn start() -> Option<Self> {
        let programs = programs()?;
        // Short, since the path of a socket may not be long.
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        let owner = unprivileged();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = folder.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path()).stdin(Stdio::null());
            if let Some((uid, gid)) = owner {
                command.gid(gid).uid(uid);
            }
            command
        };
        let made = run("initdb")
            .args([
                "--username=tester",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--no-locale",
                "--pgdata",
            ])
            .arg(&data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut child = run("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "log_min_messages=log",
                "-k",
            ])
            .arg(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = String::new();
        loop {
            match log.next() {
                Some(Ok(line)) if line.contains("ready to accept connections") => break,
                Some(Ok(line)) => told.push_str(&line),
                _ => panic!("postgres did not start: {told}"),
            }
        }
        // Read on, or the server would wait for a reader one day.
        std::thread::spawn(move || log.for_each(drop));
        Some(Self { child, folder })
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path())
            .username("tester")
            .database("postgres")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            // An immediate shutdown, which takes its children along.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = self.child.wait();
    }
}

/// The folder of the newest installed version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        let required = std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "postgresql is not installed (.ci/install does it), and WATCHROOM_REQUIRE_PEERS=1 forbids to skip"
        );
        skipped();
    }
    found.pop()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: needs postgresql, which is not installed");
}

/// Root may not run a server; the package has made a user for it.
fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    Some(
        user("postgres")
            .or_else(|| user("nobody"))
            .expect("a user without privileges"),
    )
}

#[tokio::test]
async fn postgresql_is_observed_and_no_literal_is_seen() {
    let Some(server) = Server::start() else {
        return;
    };
    let (_guard, capturing) = capture();
    let registry = Registry::default();
    let layer = SqlLayer::new(&registry).unwrap();
    let pool = layer.wrap(
        "main",
        PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(server.options()),
    );
    walk(&pool, &capturing, &registry, "postgresql").await;

    let row = sqlx::query("SELECT \"people\".\"name\", $$s3cr3t-literal$$ || E'\\x41' FROM \"people\" WHERE \"name\" = ANY($1::text[])")
        .bind(vec!["bob".to_owned(), "s3cr3t-bound".to_owned()])
        .fetch_one(&pool)
        .await
        .unwrap();
    drop(row);
    let span = capturing.spans(1).pop().unwrap();
    assert_eq!(span.name, "SELECT people");
    assert_eq!(
        span.field("db.query.text"),
        "SELECT people.name, ? || ? FROM people WHERE name = ANY($1::text[])"
    );
    assert_eq!(span.field("db.namespace"), "postgres");

    // PostgreSQL's messages quote what was given.
    let error = pool.execute("SELECT 's3cr3t-literal'::int").await.unwrap_err();
    assert!(error.to_string().contains("s3cr3t-literal"));
    let span = capturing.spans(1).pop().unwrap();
    assert_eq!(
        (span.status.as_str(), span.field("db.response.status_code")),
        ("Error", "22P02")
    );
    assert_no_secret(&capturing);
    pool.close().await;
}
