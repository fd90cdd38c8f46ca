//! The two doors of rules when metrics have a remote store: expressions become instant queries, results go by remote write.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use watchroom_model::{Labels, Point, Sample};
use watchroom_query::promql::{Query, Value};
use watchroom_rules::{Batch, Evaluate, EvaluateError, Sink, SinkError};

use super::encode;
use super::send::Form;
use super::stores::{Remote, Stores};
use crate::state::stopped;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;
/// Time for which a rule waits until its results are where the next one can see them.
const SETTLE: Duration = Duration::from_secs(10);

/// Asks the remote store; to be used on a thread that may block.
#[derive(Debug)]
pub(crate) struct RemoteEvaluate {
    pub(crate) remote: Arc<Remote>,
    pub(crate) timeout: Duration,
    /// Becomes true when the server stops, which ends every wait.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Writes to the remote store and waits, for a while, until it has taken it.
#[derive(Debug)]
pub(crate) struct RemoteSink<'a> {
    pub(crate) remote: Arc<Remote>,
    pub(crate) stores: &'a Stores,
    /// Becomes true when the server stops, which ends every wait.
    pub(crate) stop: watch::Receiver<bool>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

#[derive(Deserialize)]
struct Envelope {
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Item>),
    Scalar((f64, String)),
    String((f64, String)),
    Matrix(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Item {
    metric: std::collections::BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

impl Evaluate for RemoteEvaluate {
    fn instant(&self, query: &Query, t_ms: i64) -> Result<Value, EvaluateError> {
        let mut stop = self.stop.clone();
        let asked = Handle::current().block_on(async {
            tokio::select! {
                asked = self.ask(query.text(), t_ms) => asked,
                () = stopped(&mut stop) => Err("the server stops".to_owned()),
            }
        });
        asked.map_err(|reason| EvaluateError::Failed {
            asked: self.remote.queries.url.to_string(),
            source: Box::new(Said(reason)),
        })
    }
}

impl RemoteEvaluate {
    async fn ask(&self, query: &str, t_ms: i64) -> Result<Value, String> {
        let client = &self.remote.queries;
        let form = format!("query={}&time={}", encode_form(query), t_ms as f64 / 1e3);
        let text = |error: &dyn std::error::Error| crate::error::chain(error);
        let request = Request::post(client.uri("/api/v1/query").map_err(|error| text(&error))?)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .map_err(|error| text(&error))?;
        let exchange = async {
            let response = client
                .send(request, self.timeout)
                .await
                .map_err(|error| text(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(self.timeout, exchange)
            .await
            .map_err(|_| format!("no answer within {} s", self.timeout.as_secs()))??;
        let envelope: Envelope = serde_json::from_slice(&body)
            .map_err(|error| format!("it answers {status}, and not as Prometheus does: {error}"))?;
        match (envelope.data, envelope.error) {
            (Some(data), _) if status.is_success() => value(data, t_ms),
            (_, error) => Err(error.unwrap_or_else(|| format!("it answers {status}"))),
        }
    }
}

fn value(data: Data, t_ms: i64) -> Result<Value, String> {
    match data {
        Data::Scalar((_, text)) => Ok(Value::Scalar(Sample {
            t_ms,
            value: number(&text)?,
        })),
        Data::String((_, text)) => Ok(Value::String { t_ms, text }),
        Data::Matrix(_) => Err("the result is a range vector".to_owned()),
        Data::Vector(items) => {
            let points = items.into_iter().map(|item| {
                let Some((_, text)) = item.value else {
                    return Err(
                        "the result has native histograms, which its JSON does not give exactly".to_owned(),
                    );
                };
                let value = number(&text)?;
                Ok((
                    Labels::from_pairs(item.metric),
                    Point::Float(Sample { t_ms, value }),
                ))
            });
            Ok(Value::Vector(points.collect::<Result<_, _>>()?))
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

fn encode_form(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

impl Sink for RemoteSink<'_> {
    fn append(&self, batch: &Batch) -> Result<(), SinkError> {
        let mut last = None;
        if !batch.samples.is_empty() {
            let request = self.stores.samples(&self.remote, &batch.samples);
            last = Some(
                self.remote
                    .offer(request, batch.samples.len())
                    .map_err(SinkError::new)?,
            );
        }
        if !batch.histograms.is_empty() {
            // Version 2.0 writes them as samples are written there, which the stores know.
            match self.remote.writer.form {
                Form::RemoteWrite2 => {
                    self.stores
                        .append_histograms(&batch.histograms)
                        .map_err(SinkError::new)?;
                }
                _ => {
                    let request = encode::histograms(&batch.histograms);
                    last = Some(
                        self.remote
                            .offer(request, batch.histograms.len())
                            .map_err(SinkError::new)?,
                    );
                }
            }
        }
        let Some(number) = last else { return Ok(()) };
        let mut left = self.remote.queue.left();
        let mut stop = self.stop.clone();
        // If it takes longer, it is held all the same, and the next rule may not see it.
        Handle::current().block_on(async {
            tokio::select! {
                _ = tokio::time::timeout(SETTLE, left.wait_for(|left| *left >= number)) => {}
                () = stopped(&mut stop) => {}
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: &str) {
        let data: Data = serde_json::from_str(json).unwrap();
        let shown = match value(data, 5) {
            Ok(Value::Vector(points)) => points
                .iter()
                .map(|(labels, point)| format!("{labels} {:?} at {}", point.float().unwrap(), point.t_ms()))
                .collect::<Vec<_>>()
                .join("; "),
            Ok(Value::Scalar(sample)) => format!("{:?}", sample.value),
            Ok(other) => format!("{other:?}"),
            Err(error) => error,
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn answers_of_prometheus_become_values() {
        check(
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1.5,"1"]},{"metric":{},"value":[1.5,"NaN"]}]}"#,
            r#"up{job="a"} 1.0 at 5; {} NaN at 5"#,
        );
        check(r#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#, "inf");
        check(
            r#"{"resultType":"matrix","result":[]}"#,
            "the result is a range vector",
        );
        check(
            r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}"#,
            "the result has native histograms, which its JSON does not give exactly",
        );
        check(
            r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}"#,
            "\"x\" is not a number",
        );
    }

    #[test]
    fn a_query_survives_in_a_form() {
        assert_eq!(encode_form("a{b=\"c d\"}+1"), "a%7Bb%3D%22c%20d%22%7D%2B1");
    }
}
