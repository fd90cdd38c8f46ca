//! Queries that are wrong, or ask for more than a query may have.

use serde_json::Value;
use watchroom_e2e::http::{Answer, encode, get, post};

use crate::scene::{backend, backend_is_well};

const FORM: &str = "application/x-www-form-urlencoded";

fn ask(backend: &watchroom_e2e::Backend, path: &str, params: &[(&str, &str)]) -> Answer {
    let form: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    post(backend.http, path, FORM, form.join("&").as_bytes())
}

#[test]
fn hostile_promql_is_refused_with_the_place_and_the_reason() {
    let mut backend = backend();
    let nested = |open: &str, inner: &str, n| format!("{}{inner}{}", open.repeat(n), ")".repeat(n));
    let subqueries = format!("max_over_time({}[11d:1s])", "max_over_time(vector(1)[11d:1s])");
    let cases: [(&str, &str, &str); 22] = [
        (
            &nested("(", "1", 20_000),
            "bad_data",
            "1:101: parse error: expression is nested deeper than 100 levels",
        ),
        (
            &nested("sum(", "up", 20_000),
            "bad_data",
            "expression is nested deeper than 100 levels",
        ),
        (
            &format!("{}1", "-".repeat(20_000)),
            "bad_data",
            "expression has more than 200 operators",
        ),
        (
            &format!("1{}", "+1".repeat(20_000)),
            "bad_data",
            "expression is deeper than 200 levels",
        ),
        (
            &format!("{}up", "up or ".repeat(5_000)),
            "bad_data",
            "expression is deeper than 200 levels",
        ),
        (
            &format!("up{}", "[5m]".repeat(1_000)),
            "bad_data",
            "a range is only allowed after a selector",
        ),
        (
            &format!("up{{a=\"{}\"}}", "x".repeat(2_000_000)),
            "bad_data",
            "query is longer than 262144 bytes",
        ),
        (
            "up{a=~\"(a{1000}){1000}\"}",
            "bad_data",
            "1:7: parse error: invalid regular expression",
        ),
        (
            "{a=~\".*\"}",
            "bad_data",
            "vector selector must contain at least one non-empty matcher",
        ),
        (
            "{}",
            "bad_data",
            "vector selector must contain at least one non-empty matcher",
        ),
        (
            "max_over_time(up[30d:1s])",
            "bad_data",
            "subquery has 2592000 points per series, at most 1000000 are allowed",
        ),
        (
            "up[30d:1ms]",
            "bad_data",
            "subquery has 2592000000 points per series, at most 1000000 are allowed",
        ),
        (
            "up[100y:1ms]",
            "bad_data",
            "points per series, at most 1000000 are allowed",
        ),
        (
            &subqueries,
            "bad_data",
            "points per series, at most 1000000 are allowed",
        ),
        (
            "count_over_time((1)[5m:1s])",
            "bad_data",
            "subquery is only allowed on",
        ),
        (
            "1 +",
            "bad_data",
            "1:4: parse error: unexpected end of input, expected an expression",
        ),
        ("up[", "bad_data", "1:3: parse error: unclosed bracket"),
        ("sum(", "bad_data", "parse error"),
        ("\u{0}", "bad_data", "1:1: parse error: unexpected character"),
        ("", "bad_data", "invalid parameter \"query\""),
        (
            "label_replace(up,\"a\",\"$1\",\"b\",\"(\")",
            "execution",
            "unclosed group",
        ),
        ("nonesuch(up)", "bad_data", "nonesuch"),
    ];
    for (query, kind, words) in cases {
        let now = "1700000000";
        let range = [("query", query), ("start", now), ("end", now), ("step", "1")];
        for (path, params) in [
            ("/api/v1/query", &range[..1]),
            ("/api/v1/query_range", &range[..]),
        ] {
            let answer = ask(&backend, path, params);
            let start: String = query.chars().take(40).collect();
            let status = if kind == "execution" { 422 } else { 400 };
            assert_eq!(answer.status, status, "{path} {start}: {}", answer.text());
            let answer = answer.json();
            assert_eq!(answer["errorType"], kind, "{start}");
            let error = answer["error"].as_str().unwrap();
            let of_range = path.ends_with("range") && error.contains("invalid expression type");
            assert!(error.contains(words) || of_range, "{start}: {error}");
            assert!(error.len() < 1_000, "{start}: {} bytes of error", error.len());
        }
    }
    backend_is_well(&mut backend);
}

#[test]
fn ranges_beyond_measure_are_refused() {
    let mut backend = backend();
    let cases = [
        (
            ["0", "1700000000", "1"],
            "exceeded maximum resolution of 11,000 points per timeseries",
        ),
        (
            ["1700000000", "0", "1"],
            "end timestamp must not be before start time",
        ),
        (
            ["0", "1", "0"],
            "zero or negative query resolution step widths are not accepted",
        ),
        (["0", "1", "-5"], "step"),
        (["soon", "1", "1"], "cannot parse \"soon\" to a valid timestamp"),
        (["-1e300", "1e300", "1e300"], "to a valid timestamp"),
        (["NaN", "NaN", "NaN"], "to a valid timestamp"),
    ];
    for ([start, end, step], words) in cases {
        let params = [("query", "up"), ("start", start), ("end", end), ("step", step)];
        let answer = ask(&backend, "/api/v1/query_range", &params);
        assert_eq!(answer.status, 400, "{start} {end} {step}: {}", answer.text());
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(words), "{error}");
    }
    backend_is_well(&mut backend);
}

#[test]
fn a_query_that_would_run_for_hours_ends_at_its_deadline_beside_others() {
    let mut backend = backend();
    let long = [
        ("/api/v1/query_range", "max_over_time(vector(1)[11d:1s])"),
        (
            "/api/v1/query_range",
            "quantile_over_time(0.5, vector(1)[11d:1s])",
        ),
        (
            "/api/v1/query",
            "count_over_time(sum_over_time(vector(1)[5d:1s])[5d:1s])",
        ),
    ];
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let backend = &backend;
        let ask = |(path, query): (&'static str, &'static str)| {
            let params = [
                ("query", query),
                ("start", "1700000000"),
                ("end", "1700010000"),
                ("step", "1"),
                ("timeout", "2s"),
            ];
            scope.spawn(move || ask(backend, path, &params))
        };
        let asked: Vec<_> = long.into_iter().map(ask).collect();
        assert_eq!(backend.json("/api/v1/query?query=1")["data"]["result"][1], "1");
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(
            (&answer.json()["errorType"], &answer.json()["error"]),
            (&"timeout".into(), &"query timed out".into())
        );
    }
    backend_is_well(&mut backend);
}

#[test]
fn hostile_questions_for_logs_traces_and_labels_are_refused() {
    let mut backend = backend();
    let loki = [
        ("(".repeat(20_000), "expression is nested deeper than 50 levels"),
        (
            "{a=\"b\"} |~ \"(a{1000}){1000}\"".to_owned(),
            "1:12: parse error: invalid regular expression",
        ),
        (
            format!("{{a=\"b\"}}{}", " |= \"x\"".repeat(10_000)),
            "query has more than 200 stages",
        ),
        ("{a=".to_owned(), "parse error"),
    ];
    for (query, words) in loki {
        let answer = ask(&backend, "/loki/api/v1/query_range", &[("query", &query)]);
        assert!(
            answer.status == 400 && answer.text().contains(words),
            "{} {}",
            answer.status,
            answer.text()
        );
    }
    let answer = ask(
        &backend,
        "/loki/api/v1/query_range",
        &[("query", "{a=\"b\"}"), ("limit", "99999999999")],
    );
    assert!(
        answer.status == 400 && answer.text().contains("limit"),
        "{}",
        answer.text()
    );
    let paths = [
        ("/api/traces/zz".to_owned(), 400, "invalid trace id"),
        (
            format!("/api/traces/{}", "a".repeat(20_000)),
            400,
            "invalid trace id",
        ),
        (
            "/api/traces?service=x&minDuration=nope".to_owned(),
            400,
            "unable to parse parameter 'minDuration'",
        ),
        (
            format!("/api/traces?service=x&tags={}", encode(&"{\"a\":".repeat(1_000))),
            400,
            "tags",
        ),
        (format!("/api/v1/query?query={}", "a".repeat(100_000)), 431, ""),
        ("/api/v1/series?match[]={".to_owned(), 400, "unclosed brace"),
        ("/api/v1/query?query=%zz".to_owned(), 400, "parse error"),
        ("/assets/..%2f..%2f..%2fetc%2fpasswd".to_owned(), 404, ""),
    ];
    for (path, status, words) in paths {
        let answer = get(backend.http, &path);
        let start: String = path.chars().take(60).collect();
        assert!(
            answer.status == status && answer.text().contains(words),
            "{start}: {} {}",
            answer.status,
            answer.text()
        );
        assert!(!answer.text().contains("root:"), "{start}");
    }
    let answer: Value = backend.json("/api/traces?service=x&limit=99999999999");
    assert_eq!(answer["data"], Value::Array(Vec::new()));
    backend_is_well(&mut backend);
}
