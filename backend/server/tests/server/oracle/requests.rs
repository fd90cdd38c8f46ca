//! What both sides are asked.

use crate::support::encode;

/// How alike answers have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alike {
    /// Status, type of the error, and data are the same.
    Same,
    /// Ours has everything that theirs has; values differ by nature.
    Shape,
    /// Only the status is the same.
    Status,
}

/// One request.
pub(super) struct Ask {
    pub(super) path: String,
    /// For a POST: what its form says.
    pub(super) form: Option<String>,
    pub(super) alike: Alike,
}

/// All of them, over data that ends at `now`.
pub(super) fn requests(now: i64) -> Vec<Ask> {
    let mut all = Vec::new();
    let mut add = |path: String, form: Option<String>, alike| all.push(Ask { path, form, alike });
    for query in QUERIES {
        add(
            format!("/api/v1/query?query={}&time={now}", encode(query)),
            None,
            Alike::Same,
        );
    }
    let (start, mid) = (now - 600, now - 300);
    for query in RANGES {
        let query = encode(query);
        add(
            format!("/api/v1/query_range?query={query}&start={start}&end={now}&step=30"),
            None,
            Alike::Same,
        );
    }
    for (path, form) in [
        ("query", format!("query=temperature&time={now}")),
        ("query", format!("query=sum(temperature)&time={mid}.5&timeout=5s")),
        (
            "query",
            format!("query={}&time={now}", encode("rate(http_requests_total[5m])")),
        ),
        ("query", "query=sum(".to_owned()),
        (
            "query_range",
            format!("query=temperature&start={start}&end={now}&step=60s"),
        ),
        (
            "query_range",
            format!("query=temperature&start={now}&end={start}&step=60s"),
        ),
        (
            "query_exemplars",
            format!("query=http_requests_total&start={start}&end={now}"),
        ),
        ("query_exemplars", "query=sum(".to_owned()),
        ("series", format!("match[]=temperature&start={start}&end={now}")),
        ("series", String::new()),
        ("labels", format!("start={start}&end={now}&match[]=temperature")),
        ("labels", "match[]=%7B".to_owned()),
        ("format_query", "query=a%2Bb".to_owned()),
    ] {
        add(format!("/api/v1/{path}"), Some(form), Alike::Same);
    }
    // A form and the URL together: the form comes first.
    add(
        format!("/api/v1/query?time={now}"),
        Some("query=temperature".into()),
        Alike::Same,
    );
    add(
        format!("/api/v1/query?query=nothing&time={now}"),
        Some("query=temperature".into()),
        Alike::Same,
    );
    for path in FIXED {
        add(format!("/api/v1/{path}"), None, Alike::Same);
    }
    for path in [
        format!("query_range?query=temperature&start={mid}&end={now}&step=7.5"),
        format!("query_range?query=temperature&start={mid}&end={now}&step=1m30s"),
        format!("query_range?query=1&start={mid}&end={mid}&step=1"),
        format!("query_range?query=temperature%5B5m%5D&start={mid}&end={now}&step=60"),
        format!("query_range?query=%22text%22&start={mid}&end={now}&step=60"),
        format!("query_range?query=temperature&start={mid}&end={now}&step=0"),
        format!("query_range?query=temperature&start={mid}&end={now}&step=-5"),
        format!("query_range?query=temperature&start={mid}&end={now}&step=x"),
        format!("query_range?query=temperature&start={mid}&end={now}"),
        format!("query_range?query=temperature&end={now}&step=5"),
        format!("query_range?query=temperature&start={mid}&step=5"),
        format!("query_range?query=temperature&start=x&end={now}&step=5"),
        format!("query_range?query=temperature&start={now}&end={mid}&step=5"),
        format!("query_range?query=temperature&start=0&end={now}&step=1"),
        format!("query_range?query=&start={mid}&end={now}&step=5"),
        format!("query_range?query=temperature&start={mid}&end={now}&step=60&timeout=x"),
        format!("query?query=temperature&time={mid}.25"),
        format!("query?query=temperature&time={now}&timeout=10s"),
        format!("query?query=temperature&time={now}&timeout=10"),
        format!("query?query=temperature&time={now}&timeout=x"),
        format!("query?query=temperature&time={now}&stats="),
        format!("series?match[]=temperature&start={start}&end={now}"),
        format!("series?match[]=temperature&match[]=odd&start={start}&end={now}"),
        format!("series?match[]=%7Bjob%3D%22shop%22%2Ccode%21~%222..%22%7D&start={start}&end={now}"),
        format!("series?match[]=temperature&start=x&end={now}"),
        format!("series?match[]=nothing&start={start}&end={now}"),
        format!("labels?start={start}&end={}", now + 600),
        format!("labels?start={start}&end={now}&match[]=odd"),
        format!("label/zone/values?start={start}&end={now}"),
        format!("label/__name__/values?start={start}&end={now}&match[]=%7Bjob%3D%22shop%22%7D"),
        format!(
            "label/code/values?start={start}&end={now}&match[]=http_requests_total%7Bmethod%3D%22POST%22%7D"
        ),
        format!("query_exemplars?query=http_requests_total&start={start}&end={now}"),
        format!(
            "query_exemplars?query=rate(http_requests_total%7Bcode%3D%22500%22%7D%5B5m%5D)&start={start}&end={now}"
        ),
        format!("query_exemplars?query=temperature&start={start}&end={now}"),
        format!("query_exemplars?query=http_requests_total&start={now}&end={start}"),
    ] {
        add(format!("/api/v1/{path}"), None, Alike::Same);
    }
    for path in SHAPES {
        add(format!("/api/v1/{path}"), None, Alike::Shape);
    }
    add(
        format!("/api/v1/query?query=temperature&time={now}&stats=true"),
        None,
        Alike::Shape,
    );
    add(
        format!("/api/v1/query?query=temperature&time={now}&stats=all"),
        None,
        Alike::Shape,
    );
    // Prometheus takes no notice of times for what is in memory, whence its data is other.
    for path in [
        format!("series?match[]=temperature&start={now}&end={start}"),
        format!("labels?start={now}&end={start}"),
        format!("label/zone/values?start={now}&end={start}"),
    ] {
        add(format!("/api/v1/{path}"), None, Alike::Status);
    }
    for path in STATUSES {
        add((*path).to_owned(), None, Alike::Status);
    }
    for path in [
        "/api/v1/metadata",
        "/api/v1/targets",
        "/api/v1/status/buildinfo",
        "/-/healthy",
        "/federate",
    ] {
        add(path.to_owned(), Some(String::new()), Alike::Status);
    }
    all
}

/// Instant queries.
const QUERIES: &[&str] = &[
    "1+1",
    "-2 ^ 2",
    "1 / 0",
    "-1 / 0",
    "0 / 0",
    "1e100",
    "1e-7",
    "0.1 + 0.2",
    "123456789012345678",
    "\"text\"",
    "'it''s'",
    "time()",
    "vector(1)",
    "scalar(vector(2))",
    "pi()",
    "temperature",
    "temperature{zone=\"a\"}",
    "temperature{zone!=\"a\"}",
    "temperature{zone=~\"a|b\"}",
    "temperature{zone!~\"a.*\"}",
    "{__name__=~\"temp.*\"}",
    "{job=\"shop\",__name__=\"temperature\"}",
    "temperature[1m]",
    "temperature[2m:30s]",
    "temperature offset 5m",
    "temperature @ 0",
    "temperature @ end()",
    "odd",
    "nan",
    "nothing",
    "nothing or vector(3)",
    "sum(temperature)",
    "avg by (job) (temperature)",
    "max without (zone) (temperature)",
    "count(http_requests_total) by (code)",
    "topk(1, http_requests_total)",
    "bottomk(1, temperature)",
    "count_values(\"v\", http_requests_total)",
    "quantile(0.5, http_requests_total)",
    "stddev(http_requests_total)",
    "rate(http_requests_total[5m])",
    "increase(http_requests_total[1m])",
    "irate(http_requests_total[5m])",
    "delta(temperature[5m])",
    "deriv(temperature[5m])",
    "predict_linear(temperature[5m], 600)",
    "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))",
    "sum by (le) (rate(latency_seconds_bucket[5m]))",
    "sort(http_requests_total)",
    "sort_desc(http_requests_total)",
    "http_requests_total / on (method) group_left sum by (method) (http_requests_total)",
    "http_requests_total / ignoring (code) http_requests_total",
    "temperature > 10",
    "temperature > bool 10",
    "temperature and http_requests_total",
    "temperature unless temperature{zone=\"a\"}",
    "absent(nothing{a=\"b\"})",
    "absent_over_time(nothing[5m])",
    "label_replace(temperature, \"x\", \"$1-z\", \"zone\", \"(.*)\")",
    "label_join(temperature, \"x\", \"-\", \"job\", \"zone\")",
    "avg_over_time(temperature[5m])",
    "quantile_over_time(0.5, temperature[5m])",
    "changes(temperature[5m])",
    "resets(http_requests_total[5m])",
    "round(temperature, 0.1)",
    "clamp(temperature, 0, 10)",
    "day_of_week()",
    "timestamp(temperature)",
    "sgn(temperature)",
    "ceil(temperature) atan2 2",
    "sum(temperature) by",
    "sum by (a temperature)",
    "rate(temperature)",
    "temperature[5m",
    "temperature[0s]",
    "temperature{zone=\"a\"",
    "temperature{zone=~\"(\"}",
    "{}",
    "{zone=\"\"}",
    "nosuchfunction(temperature)",
    "1 + ",
    "1 and 2",
    "1 > 2",
    "temperature offset",
    "http_requests_total * on (job) temperature",
    "http_requests_total{code=\"200\"} * on (job) group_left http_requests_total",
    "label_replace(temperature, \"1x\", \"\", \"zone\", \"\")",
    "quantile(2, temperature)",
    "",
    "\u{fffd}",
];

/// Range queries.
const RANGES: &[&str] = &[
    "1",
    "time()",
    "temperature",
    "sum(temperature)",
    "rate(http_requests_total[1m])",
    "sum by (code) (rate(http_requests_total[2m]))",
    "histogram_quantile(0.5, sum by (le) (rate(latency_seconds_bucket[2m])))",
    "temperature > 25",
    "temperature offset 2m",
    "max_over_time(temperature[2m:30s])",
    "nothing",
    "absent(nothing)",
    "odd",
    "temperature @ start()",
    "topk(1, http_requests_total)",
    "sum(rate(http_requests_total[1m])) / count(temperature)",
];

/// Requests that need no time.
const FIXED: &[&str] = &[
    "query",
    "query?query=",
    "query?time=x&query=1",
    "query?query=1&time=0",
    "query?query=1&time=1.5",
    "query?query=1&time=-1",
    "query?query=1&time=1970-01-01T00:00:01Z",
    "query?query=1&time=1970-01-01T00:00:01.5%2B01:00",
    "query?query=1&time=2020-13-01T00:00:00Z",
    "query_range",
    "query_exemplars",
    "query_exemplars?query=",
    "query_exemplars?query=x&start=y",
    "series",
    "series?match[]=",
    "series?match[]=sum(x)",
    "series?match[]=%7B%7D",
    "series?match[]=%7B__name__%3D~%22.*%22%7D",
    "labels?match[]=sum(x)",
    "labels?match[]=%7B%7D",
    "labels?start=x",
    "labels?end=x",
    "label/__name__/values?match[]=sum(x)",
    "label/zone/values?start=x",
    "label/nothing/values",
    "label/zone/values",
    "label/job/values?match[]=temperature",
    "metadata?limit=0",
    "metadata?limit=x",
    "metadata?metric=m",
    "metadata?metric=nothing",
    "targets/metadata",
    "targets/metadata?metric=m",
    "targets/metadata?metric=nothing",
    "targets/metadata?limit=x",
    "targets/metadata?match_target=%7Bjob%3D%22app%22%7D&limit=1",
    "targets/metadata?match_target=%7B",
    "scrape_pools",
    "rules",
    "rules?type=alert",
    "rules?type=odd",
    "alerts",
    "format_query?query=sum(temperature)by(zone)",
    "format_query?query=sum(",
    "format_query",
];

/// Requests whose answers tell of the side itself.
const SHAPES: &[&str] = &[
    "metadata",
    "targets?state=odd",
    "targets?state=dropped",
    "targets?scrapePool=app",
    "targets",
    "targets?state=active",
    "targets?state=any",
    "status/config",
    "status/runtimeinfo",
    "status/buildinfo",
    "status/tsdb",
    "status/walreplay",
];

/// Requests that are answered with no JSON, or refused.
const STATUSES: &[&str] = &[
    "/-/healthy",
    "/-/ready",
    "/api/v1/nothing",
    "/api/v1/metadata?limit=1",
    "/api/v1/alertmanagers",
    "/api/v1/status/flags",
    "/federate",
    "/federate?match[]=%7B",
    "/federate?match[]=temperature",
];
