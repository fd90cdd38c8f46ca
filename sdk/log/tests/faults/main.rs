//! The log at its real ends: a pipe that nobody reads, a burst of a million lines, a disk that is full and has room again.
//!
//! Each test starts this very binary again to play a scene, since limits, standard output and the subscriber belong to a process.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking; its scenes end their process"
)]

mod scenes;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

/// Plays a scene; `shell` is run by the process before it becomes the scene.
struct Scene {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What standard error said besides counts.
    said: Vec<String>,
}

/// What the scene's ledger holds.
#[derive(Debug, serde::Deserialize)]
struct Counts {
    accepted: u64,
    delivered: u64,
    queued: u64,
    dropped: BTreeMap<String, u64>,
    security_lost: u64,
    /// Whole lines in the log's folder.
    in_files: u64,
}

impl Counts {
    #[track_caller]
    fn check(&self) {
        let dropped: u64 = self.dropped.values().sum();
        assert_eq!(self.accepted, self.delivered + dropped + self.queued, "{self:?}");
    }
}

impl Scene {
    fn start(name: &str, wrapper: &[&str], env: &[(&str, &str)]) -> Self {
        let exe = std::env::current_exe().unwrap();
        let mut words = wrapper.iter().map(std::ffi::OsStr::new).chain([exe.as_os_str()]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["--exact", "scenes::play", "--nocapture", "--test-threads=1"])
            .env(scenes::VARIABLE, name)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            said: Vec::new(),
        }
    }

    /// The next counts; none if the process ended without.
    fn counts(&mut self) -> Option<Counts> {
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match serde_json::from_str(&line) {
                Ok(counts) => return Some(counts),
                Err(_) => self.said.push(line.trim_end().to_owned()),
            }
        }
    }

    fn tell(&mut self, command: &str) -> Counts {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.counts()
            .unwrap_or_else(|| panic!("the scene ended: {:?}", self.said))
    }

    /// Lines of JSON on standard output, to its end.
    fn lines(&mut self) -> u64 {
        let mut n = 0;
        for line in BufReader::new(self.child.stdout.take().unwrap()).split(b'\n') {
            let line = line.unwrap();
            // The test harness writes to the same pipe before the first line.
            let Some(at) = line.windows(12).position(|bytes| bytes == b"{\"timestamp\"") else {
                continue;
            };
            if n % 1_000 == 0 {
                serde_json::from_slice::<Value>(&line[at..]).unwrap();
            }
            assert!(line.ends_with(b"}"), "{}", String::from_utf8_lossy(&line));
            n += 1;
        }
        n
    }
}

#[test]
fn a_pipe_that_nobody_reads_stops_nobody_and_holds_exactly_what_was_delivered() {
    let mut scene = Scene::start(
        "burst",
        &[],
        &[("N", "50000"), ("THREADS", "2"), ("TIMEOUT_MS", "100")],
    );
    let counts = scene.counts().unwrap();
    assert!(scene.child.wait().unwrap().success());
    counts.check();
    assert_eq!(counts.queued, 0);
    assert!(counts.accepted >= 50_000, "{counts:?}");
    assert!(counts.dropped["sink_blocked"] > 0, "{counts:?}");
    assert!(counts.dropped["shutdown_timeout"] > 0, "{counts:?}");
    // None of them went before ordinary lines did, and none without being counted: the reserve held them until the end.
    assert_eq!(counts.security_lost, 10, "{counts:?}");
    assert_eq!(scene.lines(), counts.delivered);
}

#[test]
fn of_a_million_lines_in_a_burst_each_is_read_or_counted() {
    let mut scene = Scene::start(
        "burst",
        &[],
        &[("N", "1000000"), ("THREADS", "4"), ("TIMEOUT_MS", "60000")],
    );
    let n_read = scene.lines();
    let counts = scene.counts().unwrap();
    assert!(scene.child.wait().unwrap().success());
    counts.check();
    assert_eq!(counts.queued, 0);
    assert!(counts.accepted >= 1_000_000, "{counts:?}");
    assert_eq!(counts.security_lost, 0, "{counts:?}");
    assert_eq!(n_read, counts.delivered);
}

/// A disk that takes no more, and does again after `relieve`.
fn full_disk(mut scene: Scene, relieve: impl FnOnce(&mut Scene)) {
    let first = scene.counts().unwrap();
    assert_eq!((first.accepted, first.in_files), (0, 0));
    let full = scene.tell("log 2000");
    full.check();
    assert!(full.dropped["sink_failed"] > 0, "{full:?}");
    assert!(full.in_files > 0, "{full:?}");
    let still = scene.tell("log 10");
    still.check();
    assert_eq!(still.in_files, full.in_files);
    assert_eq!(
        still.queued, 2,
        "the security events of both rounds are held: {still:?}"
    );
    relieve(&mut scene);
    let well = scene.tell("log 10");
    well.check();
    assert_eq!(well.queued, 0);
    assert_eq!(well.security_lost, 0);
    assert_eq!(well.in_files, well.delivered);
    // Ten lines, three security events, and what is said of the recovery.
    assert!(well.in_files >= still.in_files + 13, "{well:?}");
    drop(scene.child.stdin.take());
    scene.stderr.read_to_string(&mut String::new()).unwrap();
    assert!(scene.child.wait().unwrap().success());
    let failures = scene
        .said
        .iter()
        .filter(|line| line.contains("log output file fails"))
        .count();
    assert_eq!(failures, 1, "{:?}", scene.said);
}

#[test]
fn a_file_at_the_systems_limit_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let limit = r#"trap "" XFSZ; ulimit -S -f 32; exec "$@""#;
    let scene = Scene::start("file", &["sh", "-c", limit, "sh"], &[("DIR", dir)]);
    full_disk(scene, |scene| {
        let pid = scene.child.id().to_string();
        let raised = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited"])
            .status();
        assert!(raised.unwrap().success());
    });
}

#[test]
fn a_full_disk_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    // Who may not mount has the test above; this one then says why it shows nothing.
    let mount =
        r#"mount -t tmpfs -o size=64k none "$DIR" && head -c 40000 /dev/zero > "$DIR/filler" && exec "$@""#;
    let unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"];
    let may_mount = Command::new("unshare")
        .args(&unshare[1..])
        .arg("true")
        .env("DIR", dir)
        .output();
    match may_mount {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("skipped, since no file system can be mounted here: {other:?}");
            return;
        }
    }
    let scene = Scene::start("file", &unshare, &[("DIR", dir)]);
    full_disk(scene, |scene| {
        scene.tell("free");
    });
}
