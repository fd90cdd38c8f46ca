//! From groups of addresses to targets, as Prometheus works them out: labels with two underscores say where a target is and go once they
//! have been used.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use watchroom_model::Labels;
use watchroom_query::promql::{format_duration, parse_duration};

use super::target::Dropped;
use super::{Target, TargetSpec, relabel};
use crate::prometheus_yml::{Job, StaticGroup};

/// What groups of addresses come down to.
#[derive(Debug, Default)]
pub(crate) struct WorkedOut {
    pub(crate) targets: Vec<Target>,
    pub(crate) dropped: Dropped,
    /// What is wrong with addresses that are no targets.
    pub(crate) wrong: Vec<String>,
}

/// Works out the targets of a job.
pub(crate) fn work_out(job: &Job, groups: &[StaticGroup]) -> WorkedOut {
    let mut out = WorkedOut::default();
    for group in groups {
        for address in &group.targets {
            let discovered = discovered(job, address, &group.labels);
            match target(job, &discovered) {
                Ok(Some(target)) if out.targets.iter().any(|known| known.is_same(&target)) => {}
                Ok(Some(target)) => out.targets.push(target),
                Ok(None) => {
                    out.dropped.count += 1;
                    if job.keep_dropped == 0 || out.dropped.kept.len() < job.keep_dropped {
                        out.dropped.kept.push(discovered);
                    }
                }
                Err(reason) => out.wrong.push(reason),
            }
        }
    }
    let n = out.targets.len();
    if job.target_limit > 0 && n > job.target_limit {
        let limit = job.target_limit;
        for target in &mut out.targets {
            target.spec.refused = Some(format!(
                "target_limit exceeded (number of targets: {n}, limit: {limit})"
            ));
        }
    }
    out
}

/// What is known of a target before relabelling.
fn discovered(job: &Job, address: &str, labels: &[(String, String)]) -> Labels {
    let mut discovered = Labels::builder();
    discovered.set("job", &job.name);
    discovered.set("__scheme__", &job.scheme);
    discovered.set("__metrics_path__", &job.metrics_path);
    discovered.set("__scrape_interval__", &format_duration(job.interval));
    discovered.set("__scrape_timeout__", &format_duration(job.timeout));
    for (name, value) in labels {
        discovered.set(name, value);
    }
    for (name, values) in &job.params {
        if let Some(value) = values.first() {
            discovered.set(&format!("__param_{name}"), value);
        }
    }
    discovered.set("__address__", address);
    discovered.build()
}

fn target(job: &Job, discovered: &Labels) -> Result<Option<Target>, String> {
    let Some(found) = relabel(discovered, &job.relabel) else {
        return Ok(None);
    };
    let wrong = |reason: String| format!("job {:?}: {reason}", job.name);
    fn get<'a>(labels: &'a Labels, name: &str) -> &'a str {
        labels.get(name).unwrap_or("")
    }
    let scheme = get(&found, "__scheme__");
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        other => {
            return Err(wrong(format!(
                "{other:?} is not a scheme; there are http and https"
            )));
        }
    };
    let address = get(&found, "__address__");
    let address = match address.parse::<Authority>() {
        Ok(authority) if !authority.host().is_empty() && !address.contains('@') => {
            let port = authority.port_u16().unwrap_or(default_port);
            format!("{}:{port}", authority.host())
        }
        _ => return Err(wrong(format!("{address:?} is not an address (host:port)"))),
    };
    let path = match get(&found, "__metrics_path__") {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    let url = format!("{scheme}://{address}{path}{}", query(job, &found, &path));
    let url: Uri = url
        .parse()
        .map_err(|_| wrong(format!("{url:?} is not a URL that can be asked")))?;
    let duration = |name: &str| match parse_duration(get(&found, name)) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong(format!(
            "{name} is {:?}, which is no duration",
            get(&found, name)
        ))),
    };
    let (interval, timeout) = (duration("__scrape_interval__")?, duration("__scrape_timeout__")?);
    if timeout > interval {
        return Err(wrong("the timeout is longer than the interval".into()));
    }
    let mut labels = Labels::builder();
    labels.set("instance", &address);
    for (name, value) in found.iter().filter(|(name, _)| !name.starts_with("__")) {
        labels.set(name, value);
    }
    let spec = TargetSpec {
        job: job.name.clone(),
        discovered: discovered.clone(),
        url,
        interval: interval.max(Duration::from_millis(100)),
        timeout,
        refused: None,
        how: Arc::clone(&job.how),
    };
    Ok(Some(Target::new(labels.build(), spec)))
}

/// Parameters: the first value of each is a label and may have been changed, the others are as the job has them.
fn query(job: &Job, found: &Labels, path: &str) -> String {
    let mut pairs: Vec<(String, &str)> = Vec::new();
    for (name, value) in found.iter() {
        if let Some(name) = name.strip_prefix("__param_") {
            pairs.push((name.to_owned(), value));
            let others = job.params.iter().filter(|(known, _)| known == name);
            for value in others.flat_map(|(_, values)| values.iter().skip(1)) {
                pairs.push((name.to_owned(), value));
            }
        }
    }
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() && !path.contains('?') {
            '?'
        } else {
            '&'
        });
        text.push_str(&format!("{}={}", encode(&name), encode(value)));
    }
    text
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
