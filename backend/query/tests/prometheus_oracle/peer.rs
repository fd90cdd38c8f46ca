//! A Prometheus of our own, with our samples, on a port of 127.0.0.1.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use watchroom_model::{Labels, SeriesData};
use watchroom_query::promql::{format_value, parse_value};

use crate::Answer;

pub(crate) struct Peer {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Peer {
    /// Starts it with these samples; `None`, said aloud, if there is none to start.
    pub(crate) fn start(series: &[SeriesData]) -> Option<Self> {
        is_there(&["prometheus", "promtool"]).then(|| Self::with_samples(series))
    }

    /// Starts it without samples, ready for native histograms and remote write; `None`, said aloud, if there is none to start.
    pub(crate) fn start_for_histograms() -> Option<Self> {
        let args = [
            "--enable-feature=native-histograms",
            "--web.enable-remote-write-receiver",
        ];
        is_there(&["prometheus"]).then(|| Self::spawn(folder("native"), &args))
    }

    fn with_samples(series: &[SeriesData]) -> Self {
        let folder = folder("floats");
        let (samples, data) = (folder.join("samples"), folder.join("data"));
        std::fs::write(&samples, openmetrics(series)).unwrap();
        let import = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&samples, &data])
            .output()
            .unwrap();
        assert!(
            import.status.success(),
            "promtool: {}",
            String::from_utf8_lossy(&import.stderr)
        );
        Self::spawn(folder, &[])
    }

    fn spawn(folder: PathBuf, args: &[&str]) -> Self {
        let (data, config) = (folder.join("data"), folder.join("prometheus.yml"));
        std::fs::write(&config, "global: {}\n").unwrap();
        // A port that was free a moment ago: Prometheus does not tell which one it got.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Server is ready") {
            line.clear();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "prometheus ended before it was ready"
            );
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            process,
            port,
            folder,
        }
    }

    /// Writes samples by remote write; the body is what the protocol wants.
    pub(crate) fn write(&self, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "POST /api/v1/write HTTP/1.0\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n\
             X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.contains(" 204 "), "{response}");
    }

    /// The series of its answer to a range query.
    pub(crate) fn range_json(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Vec<serde_json::Value>, String> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let mut encoded = String::new();
        query.bytes().for_each(|b| write!(encoded, "%{b:02X}").unwrap());
        let (start, end, step) = (seconds(start_ms), seconds(end_ms), seconds(step_ms));
        let path = format!("/api/v1/query_range?query={encoded}&start={start}&end={end}&step={step}");
        let body: serde_json::Value = serde_json::from_str(&self.get(&path)).unwrap();
        if body["status"] != "success" {
            return Err(body["error"].as_str().unwrap().to_owned());
        }
        Ok(body["data"]["result"].as_array().unwrap().clone())
    }

    /// Its answer to a range query.
    pub(crate) fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Answer, String> {
        let series = self.range_json(query, start_ms, end_ms, step_ms)?;
        Ok(series
            .iter()
            .map(|one| {
                let labels = labels_of(one);
                let point = |point: &serde_json::Value| {
                    let t_ms = (point[0].as_f64().unwrap() * 1000.0).round() as i64;
                    (t_ms, parse_value(point[1].as_str().unwrap()).unwrap())
                };
                (
                    labels.to_string(),
                    one["values"].as_array().unwrap().iter().map(point).collect(),
                )
            })
            .collect())
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether all programs can be run; said aloud if not.
fn is_there(programs: &[&str]) -> bool {
    for program in programs {
        if let Err(error) = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
        {
            assert!(
                std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                "{program} is required: {error}"
            );
            println!("not compared with Prometheus: {program}: {error}");
            return false;
        }
    }
    true
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("watchroom-oracle-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Labels of a series of an answer.
pub(crate) fn labels_of(one: &serde_json::Value) -> Labels {
    let pairs = one["metric"].as_object().unwrap().iter();
    Labels::from_pairs(pairs.map(|(name, value)| (name, value.as_str().unwrap())))
}

/// The samples in the text form that `promtool` imports; families of unknown type, so that names stay as they are.
fn openmetrics(series: &[SeriesData]) -> String {
    let mut sorted: Vec<&SeriesData> = series.iter().collect();
    sorted.sort_by(|a, b| a.labels.cmp(&b.labels));
    sorted.sort_by_key(|one| one.labels.metric_name().to_owned());
    let mut text = String::new();
    let mut family = "";
    for one in sorted {
        let name = one.labels.metric_name();
        if name != family {
            writeln!(text, "# TYPE {name} unknown").unwrap();
            family = name;
        }
        let pairs: Vec<String> = one
            .labels
            .iter()
            .skip(1)
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        for sample in &one.samples {
            let seconds = format!("{}.{:03}", sample.t_ms / 1000, sample.t_ms % 1000);
            writeln!(
                text,
                "{name}{{{}}} {} {seconds}",
                pairs.join(","),
                format_value(sample.value)
            )
            .unwrap();
        }
    }
    text + "# EOF\n"
}
