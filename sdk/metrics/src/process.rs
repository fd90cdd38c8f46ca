//! Metrics of the process, read from `/proc` when they are collected. On other systems than Linux there are none.
//!
//! Invariant: a file that cannot be read or understood leaves its metrics out; it never gives a wrong number.
//! Source: the names that Prometheus client libraries share.

use std::path::{Path, PathBuf};

use crate::declaration::Kind;
use crate::registry::Collector;
use crate::snapshot::{Family, Value};

/// Ticks of a second, where the kernel does not tell: it is 100 on every system in use.
const DEFAULT_TICKS: u64 = 100;
/// Key of the ticks of a second in the auxiliary vector (`AT_CLKTCK`).
const AT_CLKTCK: usize = 17;

/// Collects CPU, memory, threads, file descriptors and start time of this process.
#[derive(Debug)]
pub struct ProcessCollector {
    root: PathBuf,
    ticks: u64,
}

impl Default for ProcessCollector {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessCollector {
    /// A collector for this process.
    #[must_use]
    pub fn new() -> Self {
        Self::with_root(Path::new("/proc"))
    }

    fn with_root(root: &Path) -> Self {
        let ticks = std::fs::read(root.join("self/auxv"))
            .ok()
            .and_then(|auxv| ticks(&auxv));
        Self {
            root: root.to_owned(),
            ticks: ticks.unwrap_or(DEFAULT_TICKS),
        }
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }

    fn read_stat(&self, out: &mut Vec<Family>) -> Option<()> {
        let stat = self.read("self/stat")?;
        // The name of the program stands in parentheses and can hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| Value::F64(ticks as f64 / self.ticks as f64);
        let cpu = seconds(field(14)? + field(15)?);
        push(
            out,
            "process_cpu_seconds_total",
            Kind::Counter,
            "User and system CPU time spent.",
            Some("seconds"),
            cpu,
        );
        push(
            out,
            "process_threads",
            Kind::Gauge,
            "Threads of the process.",
            None,
            Value::U64(field(20)?),
        );
        let virtual_bytes = Value::U64(field(23)?);
        push(
            out,
            "process_virtual_memory_bytes",
            Kind::Gauge,
            "Virtual memory size.",
            Some("bytes"),
            virtual_bytes,
        );
        let boot = self.read("stat")?;
        let boot = boot
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse::<f64>()
            .ok()?;
        let start = Value::F64(boot + field(22)? as f64 / self.ticks as f64);
        push(
            out,
            "process_start_time_seconds",
            Kind::Gauge,
            "Start time of the process, since the epoch.",
            Some("seconds"),
            start,
        );
        Some(())
    }

    fn read_status(&self, out: &mut Vec<Family>) -> Option<()> {
        let status = self.read("self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        push(
            out,
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory size.",
            Some("bytes"),
            Value::U64(kib * 1024),
        );
        Some(())
    }

    fn read_fds(&self, out: &mut Vec<Family>) -> Option<()> {
        // One of them is the directory that is being read.
        let n_open = std::fs::read_dir(self.root.join("self/fd"))
            .ok()?
            .count()
            .saturating_sub(1);
        push(
            out,
            "process_open_fds",
            Kind::Gauge,
            "Open file descriptors.",
            None,
            Value::U64(n_open as u64),
        );
        Some(())
    }

    fn read_limits(&self, out: &mut Vec<Family>) -> Option<()> {
        let limits = self.read("self/limits")?;
        let soft = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
            match line.split_ascii_whitespace().next()? {
                "unlimited" => Some(Value::F64(f64::INFINITY)),
                soft => soft.parse().ok().map(Value::U64),
            }
        };
        push(
            out,
            "process_max_fds",
            Kind::Gauge,
            "Most file descriptors that may be open.",
            None,
            soft("Max open files")?,
        );
        push(
            out,
            "process_virtual_memory_max_bytes",
            Kind::Gauge,
            "Most virtual memory that may be taken.",
            Some("bytes"),
            soft("Max address space")?,
        );
        Some(())
    }
}

fn push(
    out: &mut Vec<Family>,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    unit: Option<&'static str>,
    value: Value,
) {
    let family = Family::new(name, kind, help).with(&[], value);
    out.push(match unit {
        Some(unit) => family.with_unit(unit),
        None => family,
    });
}

/// Ticks of a second, from the auxiliary vector: pairs of a key and a value, each a machine word.
fn ticks(auxv: &[u8]) -> Option<u64> {
    let (words, _) = auxv.as_chunks::<{ size_of::<usize>() }>();
    let words: Vec<usize> = words.iter().map(|word| usize::from_ne_bytes(*word)).collect();
    let (pairs, _) = words.as_chunks::<2>();
    let [_, value] = pairs.iter().find(|[key, _]| *key == AT_CLKTCK)?;
    u64::try_from(*value).ok().filter(|ticks| *ticks > 0)
}

impl Collector for ProcessCollector {
    fn collect(&self, out: &mut Vec<Family>) {
        // Each part that fails leaves out only what it would have given.
        let _ = self.read_stat(out);
        let _ = self.read_status(out);
        let _ = self.read_fds(out);
        let _ = self.read_limits(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_ticks_out_of_the_auxiliary_vector() {
        let words: Vec<u8> = [6_usize, 4096, AT_CLKTCK, 250, 0, 0]
            .iter()
            .flat_map(|w| w.to_ne_bytes())
            .collect();
        assert_eq!(ticks(&words), Some(250));
        assert_eq!(ticks(&words[..7]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_threads_and_a_start() {
        let mut out = Vec::new();
        ProcessCollector::new().collect(&mut out);
        let value = |name: &str| {
            let family = out
                .iter()
                .find(|family| family.name == name)
                .unwrap_or_else(|| panic!("no {name}"));
            family.get(&[]).unwrap().value().as_f64()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_threads") >= 1.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_virtual_memory_max_bytes") >= value("process_virtual_memory_bytes"));
        assert!(value("process_start_time_seconds") > 1_500_000_000.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }

    #[test]
    fn without_proc_there_are_no_metrics() {
        let mut out = Vec::new();
        ProcessCollector::with_root(Path::new("/nonexistent")).collect(&mut out);
        assert!(out.is_empty());
    }
}
