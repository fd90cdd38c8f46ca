//! The HTTP API beside that of Debian's Prometheus: the same data by remote write, the same target scraped, the same requests, and answers
//! that are to be alike.

mod requests;
mod wire;

use serde_json::Value;

use crate::peer::Peer;
use crate::scrape::Target;
use crate::support::{Answer, Server, eventually, now_ns};
use requests::{Alike, Ask, requests};

/// What one side answers.
struct Side {
    status: u16,
    json: Value,
}

impl Side {
    fn of(answer: &Answer) -> Self {
        Self {
            status: answer.status,
            json: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_prometheus() {
    let target =
        Target::start("# HELP m A gauge.\n# TYPE m gauge\nm{a=\"1\"} 1\n# TYPE n_total counter\nn_total 2\n")
            .await;
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: app\n  static_configs: [{{targets: ['{0}', 'dropped:1']}}]\n  \
         relabel_configs: [{{source_labels: [__address__], regex: 'dropped.*', action: drop}}]\n  \
         metric_relabel_configs: [{{regex: instance, action: labeldrop}}]\n",
        target.addr
    );
    let ours = config.clone();
    let server = Server::with(move |settings, dir| {
        let path = dir.path().join("prometheus.yml");
        std::fs::write(&path, ours).unwrap();
        settings.config = Some(path);
        // Prometheus 2, which the peer is, has closed windows.
        settings.query_windows = watchroom_server::WindowBounds::Closed;
    })
    .await;
    let args = ["--web.enable-remote-write-receiver", "--web.enable-lifecycle"];
    let Some(peer) = Peer::start_with(&args, |_| config).await else {
        server.stop().await;
        return;
    };
    let now = i64::try_from(now_ns() / 1_000_000_000).unwrap();
    for addr in [server.addrs.http, peer.addr] {
        for body in wire::data(now) {
            let headers = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\nx-prometheus-remote-write-version: 0.1.0\r\n";
            let answer = server.post(addr, "/api/v1/write", headers, &body).await;
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        eventually("a target that was scraped", async || {
            let answer = server.ask(addr, "/api/v1/query?query=m", None).await;
            let up = !answer.json()["data"]["result"].as_array()?.is_empty();
            up.then_some(())
        })
        .await;
    }
    let mut differ = Vec::new();
    let requests = requests(now);
    assert!(requests.len() >= 150, "{} requests are too few", requests.len());
    for ask in &requests {
        let (path, form) = (&*ask.path, ask.form.as_deref());
        let ours = Side::of(&server.ask(server.addrs.http, path, form).await);
        let theirs = Side::of(&server.ask(peer.addr, path, form).await);
        if let Err(why) = compare(ask, &ours, &theirs) {
            let shown = format!(
                "{path} {form:?}: {why}\n   ours {} {}\n theirs {} {}",
                ours.status,
                cut(&ours.json),
                theirs.status,
                cut(&theirs.json)
            );
            differ.push(shown);
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {} requests are answered otherwise:\n{}",
        differ.len(),
        requests.len(),
        differ.join("\n")
    );
    peer.stop();
    server.stop().await;
}

fn cut(json: &Value) -> String {
    json.to_string().chars().take(600).collect()
}

fn compare(ask: &Ask, ours: &Side, theirs: &Side) -> Result<(), String> {
    if ours.status != theirs.status {
        return Err("another status".into());
    }
    let field = |side: &Side, name: &str| side.json[name].clone();
    if ask.alike == Alike::Status {
        return Ok(());
    }
    for name in ["status", "errorType"] {
        if field(ours, name) != field(theirs, name) {
            return Err(format!("another {name}"));
        }
    }
    let (ours, theirs) = (field(ours, "data"), field(theirs, "data"));
    match ask.alike {
        Alike::Same if !same(&in_order(ask, ours.clone()), &in_order(ask, theirs.clone())) => {
            Err("other data".into())
        }
        Alike::Shape => shape(&ours, &theirs, "data"),
        _ => Ok(()),
    }
}

/// The result with its series sorted, unless the query sorts.
fn in_order(ask: &Ask, mut data: Value) -> Value {
    if !ask.path.contains("sort")
        && let Some(Value::Array(result)) = data.get_mut("result")
    {
        result.sort_by_key(|series| series["metric"].to_string());
    }
    if ask.path.contains("metadata")
        && let Value::Array(entries) = &mut data
    {
        entries.sort_by_key(Value::to_string);
    }
    data
}

/// Whether both are equal, numbers but for their last digits: the order of additions is not the same.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, ours)| theirs.get(key).is_some_and(|theirs| same(ours, theirs)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::String(a), Value::String(b)) if a.contains('.') && b.contains('.') => {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
            let numbers = a.parse::<f64>().ok().zip(b.parse::<f64>().ok());
            a == b || numbers.is_some_and(|(a, b)| near(a, b))
        }
        _ => ours == theirs,
    }
}

/// Whether ours has everything that theirs has, of the same types.
fn shape(ours: &Value, theirs: &Value, at: &str) -> Result<(), String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => theirs.iter().try_for_each(|(key, theirs)| {
            let ours = ours.get(key).ok_or_else(|| format!("{at}.{key} is missing"))?;
            shape(ours, theirs, &format!("{at}.{key}"))
        }),
        (Value::Array(ours), Value::Array(theirs)) => match (ours.first(), theirs.first()) {
            (Some(ours), Some(theirs)) => shape(ours, theirs, &format!("{at}[0]")),
            (None, Some(_)) => Err(format!("{at} is empty")),
            _ => Ok(()),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, Value::Null) => Ok(()),
        _ => Err(format!("{at} is of another type")),
    }
}
