//! A child process: where it listens, its time on the processor, its memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child as Process, ChildStderr, Command, Stdio};
use std::time::Duration;

/// Ticks of a second in `/proc`, the same on every Linux.
const TICKS: u64 = 100;

pub(crate) struct Child {
    process: Process,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Child {
    /// This program in another role; it is ready when this returns.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut address = None;
        let mut line = String::new();
        while address.is_none() {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{args:?} ended: {line}");
            address = line
                .trim()
                .strip_prefix("listens on ")
                .map(|a| a.parse().unwrap());
        }
        Self {
            process,
            stderr,
            address: address.unwrap(),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Time on the processor, in user and kernel, of all its threads, ended ones too.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // The name, which comes second, may have spaces in it.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|n| n.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * (1_000 / TICKS))
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1_024
    }

    /// Ends it; how much it says to have dropped, and of how much.
    pub(crate) fn end(mut self) -> (u64, u64) {
        drop(self.process.stdin.take());
        let mut dropped = (0, 0);
        for line in self.stderr.by_ref().lines() {
            if let Some((n, all)) = line
                .unwrap()
                .strip_prefix("dropped ")
                .and_then(|rest| rest.split_once(" of "))
            {
                dropped = (n.parse().unwrap(), all.parse().unwrap());
            }
        }
        assert!(self.process.wait().unwrap().success());
        dropped
    }
}
