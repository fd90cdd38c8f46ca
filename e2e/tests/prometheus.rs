//! Debian's Prometheus and this backend scrape the same Deriva; both are asked what dashboard and alerts ask.
//!
//! The two scrape once a second, but not at the same instant. So what they answer is held together like this:
//! - after the traffic has ended and both have scraped its last counts, every sample of Deriva is equal, to the last digit;
//! - rates, increases, shares and quantiles over a window that begins and ends while nothing moves agree within 5 %: first and last
//!   count are the same on both sides, only the extrapolation to the window's ends differs;
//! - over a window that slides through the traffic, a value agrees if it lies within 15 % of the span of what the other side has in
//!   the step before, in the same and in the next: what one sees in a step, the other may see a step later. 97 of 100 values agree
//!   so, and 8 of 10 of each series that is no quantile: one of few observations jumps. What is in flight at the instant of a scrape
//!   is left out.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use watchroom_e2e::http::{encode, get, send};
use watchroom_e2e::process::free_port;
use watchroom_e2e::{Backend, Deriva, Process, eventually, eventually_within, peer};

const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");
const TRAFFIC_LASTS: Duration = Duration::from_secs(30);
/// Share by which answers over all of the traffic may differ.
const WHOLE: f64 = 0.05;
/// Share by which values in a range may differ.
const SLIDING: f64 = 0.15;

/// Whom to ask.
#[derive(Clone, Copy)]
struct Side(SocketAddr);

type Labels = BTreeMap<String, String>;
type Steps = BTreeMap<i64, f64>;

impl Side {
    #[track_caller]
    fn data(self, path: &str) -> Value {
        let answer = get(self.0, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()["data"].take()
    }

    fn now(self) -> f64 {
        let answer = self.data("/api/v1/query?query=time()");
        answer["result"][1].as_str().unwrap().parse().unwrap()
    }

    #[track_caller]
    fn instant(self, query: &str, at: f64) -> BTreeMap<Labels, f64> {
        let data = self.data(&format!("/api/v1/query?time={at}&query={}", encode(query)));
        let series = data["result"].as_array().unwrap().iter();
        series
            .map(|series| (labels(series), number(&series["value"])))
            .collect()
    }

    /// Values by second.
    #[track_caller]
    fn range(self, query: &str, from: f64, to: f64) -> BTreeMap<Labels, Steps> {
        let path = format!(
            "/api/v1/query_range?start={from}&end={to}&step=1&query={}",
            encode(query)
        );
        let data = self.data(&path);
        let step = |sample: &Value| (sample[0].as_f64().unwrap().round() as i64, number(sample));
        let values = |series: &Value| series["values"].as_array().unwrap().iter().map(step).collect();
        let series = data["result"].as_array().unwrap().iter();
        series.map(|series| (labels(series), values(series))).collect()
    }
}

/// Labels of a series. `le` is a number, which OpenMetrics and the older text format spell differently.
fn labels(series: &Value) -> Labels {
    let labels = series["metric"].as_object().unwrap().iter();
    let canonical = |name: &str, value: &str| match (name, value.parse::<f64>()) {
        ("le", Ok(bound)) => bound.to_string(),
        _ => value.to_owned(),
    };
    labels
        .map(|(name, value)| (name.clone(), canonical(name, value.as_str().unwrap())))
        .collect()
}

fn number(sample: &Value) -> f64 {
    sample[1].as_str().unwrap().parse().unwrap()
}

fn agree(a: f64, b: f64, share: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= share * a.abs().max(b.abs())
}

/// What differs between two answers, as lines for people.
fn differences<V>(
    query: &str,
    theirs: &BTreeMap<Labels, V>,
    ours: &BTreeMap<Labels, V>,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<String>
where
    V: std::fmt::Debug,
{
    let mut found = Vec::new();
    for labels in theirs
        .keys()
        .chain(ours.keys().filter(|labels| !theirs.contains_key(*labels)))
    {
        match (theirs.get(labels), ours.get(labels)) {
            (Some(a), Some(b)) if same(a, b) => {}
            (a, b) => found.push(format!(
                "{query}\n  {labels:?}\n  prometheus {a:?}\n  watchroom  {b:?}"
            )),
        }
    }
    found
}

/// How many values of `ours` lie near what `theirs` has at the time, and how many there are. The ends of the range are left out, where
/// the other side's neighbours are not known.
fn near(theirs: &Steps, ours: &Steps) -> (usize, usize) {
    let inner = ours.iter().skip(1).take(ours.len().saturating_sub(2));
    let verdicts: Vec<bool> = inner
        .map(|(at, value)| {
            let around: Vec<f64> = (at - 1..=at + 1)
                .filter_map(|at| theirs.get(&at).copied())
                .collect();
            if value.is_nan() {
                return around.is_empty() || around.iter().any(|value| value.is_nan());
            }
            let low = around.iter().copied().fold(f64::INFINITY, f64::min);
            let high = around.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low * (1.0 - SLIDING)..=high * (1.0 + SLIDING)).contains(value)
        })
        .collect();
    (verdicts.iter().filter(|agrees| **agrees).count(), verdicts.len())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The dashboard's queries, for all jobs and instances.
fn dashboard(window: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("systems/deriva/monitoring/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .map(|query| query.replace("$__rate_interval", window))
        .map(|query| query.replace("$job", ".*").replace("$instance", ".*"))
        .collect();
    assert!(queries.len() > 30, "{} queries", queries.len());
    queries
}

/// The alerts' queries, and each without its last comparison.
fn alerts(side: Side) -> Vec<String> {
    let rules = side.data("/api/v1/rules");
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().iter());
    let whole: Vec<String> = rules
        .map(|rule| rule["query"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(whole.len(), 8, "{whole:?}");
    let left = |query: &String| {
        query
            .rsplit_once([' '])
            .unwrap()
            .0
            .trim_end_matches([' ', '<', '>'])
            .to_owned()
    };
    whole.iter().map(left).chain(whole.clone()).collect()
}

struct Scene {
    deriva: Deriva,
    backend: Backend,
    prometheus: Process,
    theirs: Side,
    ours: Side,
    _dir: tempfile::TempDir,
}

fn scene(prometheus: &Path) -> Scene {
    let deriva = Deriva::start(
        EXE,
        &["--verify", "always", "--demo-functions", "--cache-bytes", "65536"],
        &[("RUST_LOG", "warn")],
    );
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let rules = |path: &str| root().join(path).canonicalize().unwrap().display().to_string();
    let text = format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n\
         scrape_configs:\n  - job_name: deriva\n    static_configs:\n      - targets: ['{}']\n\
         rule_files:\n  - {}\n  - {}\n",
        deriva.admin,
        rules("systems/deriva/monitoring/alerts.yml"),
        rules("systems/fleet/rules/demo.yml"),
    );
    std::fs::write(&config, text).unwrap();
    let backend = Backend::start(EXE, &["--config", config.to_str().unwrap()]);
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new(prometheus);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            dir.path().join("tsdb").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=warn");
    let mut process = Process::start(&mut command, dir.path().join("log"));
    eventually("prometheus is ready", || {
        assert!(process.is_running(), "prometheus ended: {}", process.log());
        let answer = send(address, "GET", "/-/ready", &[], b"");
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    });
    Scene {
        theirs: Side(address),
        ours: Side(backend.http),
        deriva,
        backend,
        prometheus: process,
        _dir: dir,
    }
}

impl Scene {
    /// Sends traffic for a while and ends it.
    fn traffic(&self, lasts: Duration) {
        let mut command = Command::new(EXE);
        command
            .args([
                "system",
                "deriva-traffic",
                "--rate",
                "60",
                "--violation-every",
                "4",
            ])
            .args(["--server", &format!("http://{}", self.deriva.grpc)]);
        let mut traffic = Process::start(&mut command, self.backend.dir().join("traffic"));
        std::thread::sleep(lasts);
        assert!(traffic.is_running(), "{}", traffic.log());
        traffic.signal("TERM");
        traffic.ended();
    }

    /// Waits until nothing moves any more and both sides know it. Returns a moment at which that was so.
    fn settled(&self) -> f64 {
        eventually_within(
            Duration::from_secs(60),
            "both have scraped the last counts",
            || {
                let at = self.theirs.now();
                let counts = "{__name__=~\"deriva_.*(_total|_count|_active)\"}";
                let theirs = self.theirs.instant(counts, at);
                let in_flight = theirs
                    .iter()
                    .filter(|(labels, _)| labels["__name__"].ends_with("_active"));
                let quiet = in_flight.map(|(_, value)| value).sum::<f64>() == 0.0;
                let direct = get(self.deriva.admin, "/metrics").text();
                let total: f64 = direct
                    .lines()
                    .filter(|line| line.starts_with("deriva_rpc_total{"))
                    .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
                    .sum();
                let scraped: f64 = theirs
                    .iter()
                    .filter(|(labels, _)| labels["__name__"] == "deriva_rpc_total")
                    .map(|(_, value)| value)
                    .sum();
                (quiet && total > 0.0 && scraped == total && theirs == self.ours.instant(counts, at))
                    .then_some(at)
            },
        )
    }
}

#[test]
fn prometheus_and_watchroom_agree_on_what_dashboard_and_alerts_ask() {
    let Some(prometheus) = peer::find("prometheus") else {
        return;
    };
    let mut scene = scene(&prometheus);
    for side in [scene.theirs, scene.ours] {
        eventually("the first scrape", || {
            let up = side.instant("deriva_dag_recipes", side.now());
            (up.len() == 1).then_some(())
        });
    }
    // Every function has run once: from here on no series is new to either side.
    scene.traffic(Duration::from_secs(3));
    let began = scene.settled();
    for side in [scene.theirs, scene.ours] {
        // The window below begins within the second after `began`; the sample that is first in it must be of the quiet.
        eventually("scrapes in the quiet", || {
            let scraped = side.instant("timestamp(deriva_dag_recipes)", side.now());
            scraped.into_values().all(|at| at > began + 2.0).then_some(())
        });
    }
    scene.traffic(TRAFFIC_LASTS);
    let at = scene.settled();
    let (theirs, ours) = (scene.theirs, scene.ours);
    let mut found = Vec::new();

    let all = "{__name__=~\"deriva_.*|rpc_server_.*|up\"}";
    let samples = theirs.instant(all, at);
    assert!(samples.len() > 300, "{} samples", samples.len());
    found.extend(differences(all, &samples, &ours.instant(all, at), |a, b| a == b));

    let mut n_values = 0;
    let window = format!("{}s", (at - began).floor());
    for query in dashboard(&window).into_iter().chain(alerts(theirs)) {
        let answer = theirs.instant(&query, at);
        n_values += answer.len();
        let same = |a: &f64, b: &f64| agree(*a, *b, WHOLE);
        found.extend(differences(&query, &answer, &ours.instant(&query, at), same));
    }
    assert!(n_values > 80, "{n_values} values");

    let (from, to) = (began + 12.0, began + TRAFFIC_LASTS.as_secs_f64());
    let (mut n_near, mut n_values) = (0, 0);
    let sliding = dashboard("10s");
    for query in sliding.into_iter().filter(|query| !query.contains("_active{")) {
        let (answer, other) = (theirs.range(&query, from, to), ours.range(&query, from, to));
        let least = if query.starts_with("histogram_quantile") {
            0
        } else {
            8
        };
        found.extend(differences(&query, &answer, &other, |a, b| {
            let (near, of) = near(a, b);
            near * 10 >= of * least
        }));
        for (labels, steps) in &answer {
            let (near, of) = other
                .get(labels)
                .map_or((0, steps.len()), |other| near(steps, other));
            n_near += near;
            n_values += of;
        }
    }
    assert!(n_values > 1_000, "{n_values} values");
    assert!(n_near * 100 >= n_values * 97, "{n_near} of {n_values} agree");
    assert!(
        found.is_empty(),
        "{} differences\n{}",
        found.len(),
        found.join("\n")
    );

    // The same rules, the same verdict: the window of 40 s still holds the violations.
    for side in [theirs, ours] {
        let alerts = side.data("/api/v1/alerts");
        let alerts = alerts["alerts"].as_array().unwrap();
        let firing = alerts.iter().filter(|alert| {
            alert["state"] == "firing" && alert["labels"]["alertname"] == "DeterminismViolation"
        });
        assert_eq!(firing.count(), 2, "{alerts:#?}");
    }
    assert!(scene.prometheus.is_running() && scene.backend.process.is_running());
}
