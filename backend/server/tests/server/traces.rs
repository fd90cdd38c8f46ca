//! Questions about many spans: search, histogram, RED, comparison, graph, path and exemplars, from the head and from blocks.

use serde_json::{Value, json};

use crate::support::{Server, encode, now_ns};

/// A hundred traces of `web`, a second apart, of which each tenth is slow, failed, and of host 7.
async fn filled() -> (Server, u64) {
    let server = Server::start().await;
    let at = now_ns() - 200_000_000_000;
    let text = |key: &str, value: String| json!({"key": key, "value": {"stringValue": value}});
    let (mut web, mut shop) = (Vec::new(), Vec::new());
    for i in 0..100_u64 {
        let slow = i % 10 == 0;
        let start = at + i * 1_000_000_000;
        let trace = format!("{:032x}", i + 1);
        let ms = if slow { 900 } else { 20 };
        let mut root = json!({
            "traceId": trace, "spanId": format!("{:016x}", 1), "name": "home", "kind": 3,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + ms * 1_000_000).to_string(),
            "attributes": [text("route", format!("/{}", i % 4)), text("host", if slow { "7".into() } else { (i % 3).to_string() })]
        });
        if slow {
            root["status"] = json!({"code": 2, "message": "late"});
        }
        web.push(root);
        shop.push(json!({
            "traceId": trace, "spanId": format!("{:016x}", 2), "parentSpanId": format!("{:016x}", 1), "name": "serve", "kind": 2,
            "startTimeUnixNano": (start + 1_000_000).to_string(),
            "endTimeUnixNano": (start + (ms - 5) * 1_000_000).to_string(),
            "attributes": [{"key": "http.response.status_code", "value": {"intValue": if slow { "503" } else { "200" }}}]
        }));
    }
    let of = |service: &str, spans: Vec<Value>| {
        json!({"resource": {"attributes": [text("service.name", service.into())]},
            "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]})
    };
    let body = json!({"resourceSpans": [of("web", web), of("shop", shop)]});
    assert_eq!(server.send("traces", &body).await.text(), "{}");
    (server, at)
}

fn ask(what: &str, params: &[(&str, &str)]) -> String {
    let params: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    format!("/api/watchroom/traces/{what}?{}", params.join("&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_by_expression() {
    let (server, at) = filled().await;
    let found = async |q: &str| -> Vec<u64> {
        let answer = server.json(&ask("search", &[("q", q), ("limit", "200")])).await;
        answer["traces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|trace| u64::from_str_radix(trace["trace_id"].as_str().unwrap(), 16).unwrap() - 1)
            .collect()
    };
    let slow: Vec<u64> = (0..10).rev().map(|i| i * 10).collect();
    for q in [
        "{ duration > 100ms && resource.service.name = \"web\" }",
        "{ status = error }",
        "{ span.host = \"7\" }",
        "{ span.http.response.status_code >= 500 }",
        "{ name = \"home\" && span.host = \"7\" } > { span.http.response.status_code = 503 }",
        "{ status = error } && { resource.service.name = \"shop\" }",
        "{ .host = \"7\" || statusMessage = \"late\" }",
    ] {
        assert_eq!(found(q).await, slow, "{q}");
    }
    assert_eq!(found("").await.len(), 100);
    assert_eq!(found("{ span.host = \"nowhere\" }").await, [] as [u64; 0]);

    let newest = server
        .json(&ask(
            "search",
            &[("q", "{ span.route = \"/3\" }"), ("limit", "1")],
        ))
        .await;
    let trace = &newest["traces"][0];
    assert_eq!(trace["trace_id"], format!("{:032x}", 100));
    assert_eq!(
        (
            &trace["service"],
            &trace["name"],
            &trace["spans"],
            &trace["errors"]
        ),
        (&json!("web"), &json!("home"), &json!(2), &json!(0))
    );
    assert_eq!(trace["duration_ns"], 20_000_000);
    assert_eq!(
        trace["start_ms"].as_f64().unwrap() as u64,
        (at + 99_000_000_000) / 1_000_000
    );
    assert_eq!(trace["matched"], 1);
    assert_eq!(trace["matched_spans"][0]["span_id"], format!("{:016x}", 1));

    // A window narrows it.
    let start = (at + 15_000_000_000).to_string();
    let end = (at + 25_000_000_000).to_string();
    let window = server
        .json(&ask(
            "search",
            &[("q", "{ status = error }"), ("start", &start), ("end", &end)],
        ))
        .await;
    assert_eq!(window["traces"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_what_matched_by_time_duration_and_group() {
    let (server, at) = filled().await;
    let (start, end) = (at.to_string(), (at + 99_999_999_999).to_string());
    let window = [("start", start.as_str()), ("end", end.as_str()), ("step", "10s")];
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> {
        window.iter().chain(more).copied().collect()
    };

    let histogram = server
        .json(&ask(
            "histogram",
            &with(&[("q", "{ resource.service.name = \"web\" }")]),
        ))
        .await;
    assert_eq!(histogram["step_ms"], 10_000.0);
    let counts = histogram["counts"].as_array().unwrap();
    assert_eq!(counts.len(), 10);
    let bounds = histogram["bounds_ns"].as_array().unwrap();
    assert_eq!(
        (bounds.first().unwrap(), bounds.last().unwrap()),
        (&json!(20_000_000), &json!(1_000_000_000))
    );
    assert!(
        counts
            .iter()
            .all(|step| step[0] == 9 && step.as_array().unwrap().last().unwrap() == 1)
    );
    assert_eq!(histogram["errors"], json!([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
    assert_eq!(histogram["coverage"]["matched"], 100);

    let red = server
        .json(&ask(
            "red",
            &with(&[("q", "{ name = \"home\" }"), ("by", "span.host"), ("groups", "3")]),
        ))
        .await;
    assert_eq!(
        (&red["by"], &red["steps"], &red["other_groups"]),
        (&json!(["span.host"]), &json!(10), &json!(1))
    );
    let groups = red["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    assert_eq!(red["other"]["total"]["count"], 10);
    assert_eq!(
        (&red["other"]["total"]["errors"], &red["total"]["count"]),
        (&json!(10), &json!(100))
    );
    let p99 = red["other"]["total"]["p99_ns"].as_f64().unwrap();
    assert!((850e6..960e6).contains(&p99), "{p99}");
    let by_two = server
        .json(&ask(
            "red",
            &with(&[("q", ""), ("by", "resource.service.name"), ("by", "status")]),
        ))
        .await;
    let values: Vec<&Value> = by_two["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["values"])
        .collect();
    assert_eq!(
        values,
        [
            &json!(["shop", "unset"]),
            &json!(["web", "unset"]),
            &json!(["web", "error"])
        ]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_sets_a_selection_apart() {
    let (server, _) = filled().await;
    let found = server
        .json(&ask(
            "compare",
            &[
                ("q", "{ resource.service.name = \"web\" }"),
                ("selection", "{ duration > 100ms }"),
            ],
        ))
        .await;
    assert_eq!((&found["selected"], &found["rest"]), (&json!(10), &json!(90)));
    let fields: Vec<&str> = found["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["distance"].as_f64().unwrap() > 0.0)
        .map(|key| key["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields.len(), 3, "{found}");
    for field in ["span.host", "status", "statusMessage"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    let host = found["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["field"] == "span.host")
        .unwrap();
    assert_eq!(
        (
            &host["values"][0]["condition"],
            &host["values"][0]["difference"],
            &host["values"][0]["significant"]
        ),
        (&json!("span.host = \"7\""), &json!(1.0), &json!(true))
    );

    let all = server.json(&ask("attributes", &[("q", "")])).await;
    let fields = all["fields"].as_array().unwrap();
    let code = fields
        .iter()
        .find(|field| field["field"] == "span.http.response.status_code")
        .unwrap();
    assert_eq!(
        code["values"],
        json!([
            {"value": "200", "condition": "span.http.response.status_code = 200", "spans": 90},
            {"value": "503", "condition": "span.http.response.status_code = 503", "spans": 10}
        ])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_who_calls_whom_and_what_a_trace_waited_for() {
    let (server, at) = filled().await;
    let graph = server.json(&ask("graph", &[])).await;
    let edge = &graph["edges"][0];
    assert_eq!(
        (&edge["client"], &edge["server"]),
        (&json!("web"), &json!("shop"))
    );
    assert_eq!(
        (&edge["stats"]["count"], &edge["stats"]["errors"]),
        (&json!(100), &json!(10))
    );
    let p50 = edge["stats"]["p50_ns"].as_f64().unwrap();
    assert!((13e6..16e6).contains(&p50), "{p50}");
    let names: Vec<&Value> = graph["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["name"])
        .collect();
    assert_eq!(names, ["shop", "web"]);
    // Of a stretch before there is nothing, neither here nor for Jaeger.
    let end = (at - 1).to_string();
    let before = server.json(&ask("graph", &[("end", &end)])).await;
    assert_eq!(before["edges"], json!([]));

    let path = server
        .json(&format!("/api/watchroom/traces/{:032x}/path", 2))
        .await;
    assert_eq!(path["total_ns"], 20_000_000);
    let parts: Vec<(&str, u64)> = path["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            (
                &part["span_id"].as_str().unwrap()[15..],
                part["duration_ns"].as_u64().unwrap() / 1_000_000,
            )
        })
        .collect();
    assert_eq!(parts, [("1", 1), ("2", 14), ("1", 5)]);
    assert_eq!(path["spans"][0]["name"], "serve");
    assert_eq!(path["spans"][1]["self_ns"], 6_000_000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_from_a_trace_to_the_metrics_that_name_it() {
    let server = Server::start().await;
    let at = now_ns();
    let body = json!({"resourceMetrics": [{"resource": {"attributes": []}, "scopeMetrics": [{"scope": {}, "metrics": [{
        "name": "hits", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
            "startTimeUnixNano": at.to_string(), "timeUnixNano": at.to_string(), "asInt": "3",
            "exemplars": [{"timeUnixNano": at.to_string(), "asDouble": 1.5, "traceId": "0c".repeat(16), "spanId": "0d".repeat(8)}]
        }]}
    }]}]}]});
    assert_eq!(server.send("metrics", &body).await.text(), "{}");
    let found = server
        .json(&format!("/api/watchroom/traces/{}/exemplars", "0c".repeat(16)))
        .await;
    let exemplar = &found["exemplars"][0];
    assert_eq!(exemplar["series"]["__name__"], "hits_total");
    assert_eq!(
        (&exemplar["value"], &exemplar["labels"]["span_id"]),
        (&json!(1.5), &json!("0d".repeat(8)))
    );
    let none = server
        .json(&format!("/api/watchroom/traces/{}/exemplars", "0e".repeat(16)))
        .await;
    assert_eq!(none["exemplars"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_cannot_be_read() {
    let (server, _) = filled().await;
    for (path, status, reason, position) in [
        (
            ask("search", &[("q", "{ foo = 1 }")]),
            400,
            "parameter 'q': 1:3: parse error: unknown field \"foo\"",
            json!(2),
        ),
        (
            ask("search", &[("limit", "0")]),
            400,
            "parameter 'limit': expected a whole number",
            Value::Null,
        ),
        (
            ask("search", &[("start", "x")]),
            400,
            "parameter 'start': \"x\" is no moment",
            Value::Null,
        ),
        (
            ask("search", &[("start", "20"), ("end", "10")]),
            400,
            "parameter 'end': it is before start",
            Value::Null,
        ),
        (
            ask("red", &[("by", "foo")]),
            400,
            "parameter 'by': 1:1: parse error",
            json!(0),
        ),
        (
            ask("red", &[("step", "0s")]),
            400,
            "parameter 'step': expected a duration",
            Value::Null,
        ),
        (
            ask("red", &[("step", "x")]),
            400,
            "parameter 'step': invalid duration",
            Value::Null,
        ),
        (
            ask("compare", &[("selection", "{ } > { }")]),
            400,
            "parameter 'selection': expected conditions on one span",
            Value::Null,
        ),
        (
            ask("graph", &[("q", "{ } > { }")]),
            400,
            "parameter 'q': expected conditions on one span",
            Value::Null,
        ),
        (
            "/api/watchroom/traces/xyz/path".into(),
            400,
            "invalid trace id",
            Value::Null,
        ),
        (
            "/api/watchroom/traces/abcdef/path".into(),
            404,
            "trace not found",
            Value::Null,
        ),
    ] {
        let answer = server.get(&path).await;
        let json = answer.json();
        assert_eq!(
            (answer.status, &json["position"]),
            (status, &position),
            "{path}: {json}"
        );
        assert!(
            json["error"].as_str().unwrap().starts_with(reason),
            "{path}: {json}"
        );
    }
    server.stop().await;
}
