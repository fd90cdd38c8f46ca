//! A file system that fills up under the server: it refuses and says why, still answers, and goes on once there is room.
//!
//! The file system is one in memory, for which this has to be allowed to mount; otherwise the test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use watchroom_e2e::http::send;
use watchroom_e2e::{Answer, Backend, eventually};

const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");

/// A file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256m", "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    /// Takes all room but so much.
    fn fill(&self, n_mib: usize) {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        for _ in 0..256 - n_mib {
            // What does not fit is not needed.
            if ballast.write_all(&vec![7; 1 << 20]).is_err() {
                return;
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn sample(at: SocketAddr, n: u64, now_ns: u64) -> Answer {
    let t = (now_ns + n * 1_000_000).to_string();
    let body = json!({"resourceMetrics": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "writer"}}]}, "scopeMetrics": [{"metrics": [
        {"name": "written", "gauge": {"dataPoints": [{"asInt": n.to_string(), "timeUnixNano": t}]}}]}]}]});
    let headers = [("content-type", "application/json")];
    send(at, "POST", "/v1/metrics", &headers, body.to_string().as_bytes()).unwrap()
}

fn n_written(backend: &Backend) -> u64 {
    let found = backend.query("count_over_time(written[2h])");
    found
        .first()
        .map_or(0, |found| found["value"][1].as_str().unwrap().parse().unwrap())
}

#[test]
fn a_full_disk_is_told_and_over_once_there_is_room() {
    let mut disk = None;
    let backend = Backend::start_over(EXE, &[], |dir| disk = SmallDisk::mount(dir));
    let Some(disk) = disk else {
        eprintln!("skipped: mounting a tmpfs is not allowed here");
        return;
    };
    let answer = backend.json("/api/v1/query?query=time()");
    let seconds: f64 = answer["data"]["result"][1].as_str().unwrap().parse().unwrap();
    let now_ns = (seconds * 1e9) as u64 - 3_600_000_000_000;
    let mut n = 0;
    for _ in 0..10 {
        assert_eq!(sample(backend.http, n, now_ns).status, 200);
        n += 1;
    }
    disk.fill(32);
    let refused = eventually("a sample is refused", || {
        let answer = sample(backend.http, n, now_ns);
        if answer.status == 200 {
            n += 1;
            return None;
        }
        Some(answer)
    });
    assert!(
        matches!(refused.status, 429 | 503),
        "told to come again: {}",
        refused.status
    );
    assert!(refused.text().contains("free"), "{}", refused.text());
    assert_eq!(n_written(&backend), n, "what is there is served");
    // Killed with the disk full, it starts again with all of it.
    let backend = backend.restart(EXE, "KILL", &[]);
    assert_eq!(n_written(&backend), n);
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    eventually("samples are taken again", || {
        (sample(backend.http, n, now_ns).status == 200).then_some(())
    });
    assert_eq!(n_written(&backend), n + 1);
}
