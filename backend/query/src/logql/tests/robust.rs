//! Whatever comes, there is a query or an error, a result or an error; and counting is the same however it is done.

use proptest::prelude::*;
use watchroom_model::LogLine;

use super::{LogOptions, bare, parse};
use crate::logql::{Query, evaluate, format_query, instant, range};
use crate::promql::Value;

fn lines() -> Vec<LogLine> {
    let bodies = [
        r#"{"a":1,"b":{"c":"x"},"l":[1]}"#,
        r#"a=1 b="two words" c= d"#,
        "1.2.3.4 - - \"GET /x\" 200",
        "\u{1b}[31mred\u{1b}[0m",
        "",
        r#"{"_entry":"x","p":"q"}"#,
        "ü <a> {{.b}}",
    ];
    let line = |(i, body)| bare(i as u64 * 1_000_000_000, &[("a", "b")], body);
    bodies.into_iter().enumerate().map(line).collect()
}

/// Runs whatever a text is.
fn run(text: &str) {
    let lines = lines();
    let options = LogOptions::default();
    match parse(text) {
        Err(error) => assert!(error.position() <= text.len()),
        Ok(query) => {
            let shown = format_query(text).expect("it is a query");
            assert_eq!(format_query(&shown).as_deref(), Ok(shown.as_str()), "{text}");
            match query {
                Query::Logs(query) => drop(evaluate(&query, lines.as_slice(), 0, 1 << 40, &options)),
                Query::Metric(query) => {
                    let _ = instant(&query, lines.as_slice(), 5_000, &options);
                    let _ = range(&query, lines.as_slice(), 0, 9_000, 700, &options);
                }
            }
        }
    }
}

/// Parts of which most of a query can be made.
const PARTS: &str = "{a=\"b\"};|=;!=;|~;!~;|>;\"x\";`a`;| json;| logfmt;| unpack;| decolorize;| pattern \"<x> <_>\";\
    | regexp \"(?P<y>.)\";| line_format \"{{.a}} {{ __line__ | len }}\";| label_format z=a;| drop a;| keep b;| a=\"1\";| a > 1;\
    and;or;,;(;);[1m];[5s];offset 2s;| unwrap a;| __error__=\"\";rate;count_over_time;sum_over_time;sum;by (a);without (a);\
    topk(1,;vector(1);+;/;> bool;1;on (a);unless;ip(\"1.2.3.4\");ip;--strict";

fn parts() -> impl Strategy<Value = Vec<&'static str>> {
    let one = prop::sample::select(PARTS.split(';').collect::<Vec<_>>());
    prop::collection::vec(one, 0..10)
}

proptest! {
    #[test]
    fn reading_never_panics(text in r#"[{}a-c="'`~!|<>=, ()0-9\\#\[\]éor]{0,60}"#) {
        run(&text);
    }

    #[test]
    fn reading_anything_after_a_selector_never_panics(text in "\\PC{0,60}") {
        run(&format!("{{a=\"b\"}} {text}"));
    }

    #[test]
    fn parts_in_any_order_make_a_query_or_an_error(parts in parts()) {
        let parts = parts.join(" ");
        run(&parts);
        run(&format!("{{a=\"b\"}} {parts}"));
        run(&format!("sum(rate({{a=\"b\"}} {parts} [5s]))"));
    }

    #[test]
    fn a_template_never_panics(text in r"[{}. $|a-d()0-9:=\-\x22]{0,40}") {
        run(&format!("{{a=\"b\"}} | logfmt | line_format `{{{{ {text} }}}}`"));
        run(&format!("{{a=\"b\"}} | logfmt | line_format `{text}`"));
    }

    #[test]
    fn any_text_goes_through_every_parser(any in "\\PC{0,80}", jsonish in r#"[{}\[\]",:a-c0-9\\u ]{0,60}"#) {
        for body in [any, jsonish] {
            for stages in [
                "| json a=\"b[0].c\"",
                "| logfmt --strict --keep-empty",
                "| unpack",
                "| decolorize",
                "| pattern \"<a> <_>=<b>\"",
                "|= ip(\"1.2.3.4/8\")",
                "|> \"<_>a<_>\"",
            ] {
                let _ = super::run(stages, &body);
            }
            // What another reader takes for an object, this one does too.
            let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&body);
            let marked = super::run("| json", &body).is_some_and(|found| found.contains("__error__=JSONParserErr"));
            prop_assert!(object.is_err() || !marked, "{body}");
        }
    }

    #[test]
    fn counts_are_those_of_each_window_by_itself(
        times in prop::collection::vec(0_u64..100_000, 0..80),
        start in 0_i64..50_000,
        step in 1_i64..20_000,
        range_ms in 1_i64..40_000,
    ) {
        let lines: Vec<LogLine> = times.iter().map(|ms| bare(ms * 1_000_000, &[("a", "b")], "xy")).collect();
        let text = format!("count_over_time({{a=\"b\"}}[{range_ms}ms])");
        let Ok(Query::Metric(query)) = parse(&text) else {
            panic!("{text}");
        };
        let end = start + 7 * step;
        let output = range(&query, lines.as_slice(), start, end, step, &LogOptions::default()).unwrap();
        let Value::Matrix(matrix) = output.value else {
            panic!("not a matrix");
        };
        let samples = matrix.iter().flat_map(|series| &series.samples);
        let found: Vec<(i64, f64)> = samples.map(|s| (s.t_ms, s.value)).collect();
        let in_window = |t: i64| times.iter().filter(|ms| (t - range_ms + 1..=t).contains(&(**ms as i64))).count();
        let expect: Vec<(i64, f64)> = (0..8)
            .map(|i| start + i * step)
            .map(|t| (t, in_window(t) as f64))
            .filter(|(_, n)| *n > 0.0)
            .collect();
        prop_assert_eq!(found, expect);
    }
}
