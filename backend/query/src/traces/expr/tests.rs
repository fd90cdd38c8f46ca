//! Reading, showing and evaluating expressions.

use proptest::prelude::*;

use super::super::fixture::span;
use super::*;

#[track_caller]
fn holds(text: &str, expect: bool) {
    let mut span = span(1, 2, 0);
    span.attributes.push(("http.status_code".into(), 503.into()));
    span.attributes.push(("code".into(), "503".into()));
    span.attributes.push((
        "tags".into(),
        watchroom_model::AttrValue::Array(vec!["a".into(), "b".into()]),
    ));
    span.attributes.push(("cached".into(), true.into()));
    span.attributes.push(("a b".into(), 0.5.into()));
    let expr = TraceExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(expr.matches(&span), expect, "{text}");
    assert_eq!(expr.select(&[span]).len(), usize::from(expect), "{text}");
}

#[test]
fn looks_at_every_place_of_a_span() {
    for text in [
        "",
        "{}",
        "{ name = \"get\" }",
        "{ name =~ \"g.t\" }",
        "{ duration > 1ms && duration <= 5ms }",
        "{ status = error && statusMessage = \"boom\" }",
        "{ kind = server }",
        "{ trace:id = \"00000000000000000000000000000001\" && span:id = \"0000000000000002\" }",
        "{ span:parentID = nil }",
        "{ resource.service.name = \"shop\" }",
        "{ .service.name = \"shop\" }",
        "{ event.exception.type = \"Timeout\" && event:name = \"exception\" }",
        "{ .exception.type = \"Timeout\" }",
        "{ instrumentation:name = \"lib\" && instrumentation:version = \"2\" && scope.k = true }",
        "{ span.http.status_code >= 500 && span.http.status_code = \"503\" }",
        "{ span.code >= 500 && span.code < 503.5 }",
        "{ span.tags = \"b\" && span.tags != \"b\" }",
        "{ span.cached = true && span.cached != nil }",
        "{ span.\"a b\" = 5e-1 }",
        "{ span.missing = nil }",
        "{ !(span.missing = 1) && !(name = \"put\" || name = \"list\") }",
        "{ span.http.status_code != \"200\" && name !~ \"p.*\" }",
    ] {
        holds(text, true);
    }
    for text in [
        "{ name =~ \"g\" }",
        "{ duration > 5ms }",
        "{ status = ok }",
        "{ kind = client }",
        "{ span.service.name = \"shop\" }",
        "{ resource.http.status_code = 503 }",
        // What is not there is neither equal nor unequal, as in TraceQL.
        "{ span.missing != 1 }",
        "{ span.cached = false }",
        "{ span:parentID != nil }",
        "{ name = \"get\" && status = unset || kind = client }",
    ] {
        holds(text, false);
    }
}

#[test]
fn relates_the_spans_of_a_trace() {
    // 1 ─ 2 ─ 3 and 1 ─ 4, besides two that name each other as parents.
    let mut trace: Vec<_> = [
        (1, None),
        (2, Some(1)),
        (3, Some(2)),
        (4, Some(1)),
        (8, Some(9)),
        (9, Some(8)),
    ]
    .into_iter()
    .map(|(id, parent)| {
        let mut span = span(1, id, 0);
        span.parent_id = parent.map(watchroom_model::SpanId);
        span.name = format!("s{id}").into();
        span
    })
    .collect();
    trace.reverse();
    let select = |text: &str| -> Vec<u64> {
        let mut ids: Vec<u64> = TraceExpr::parse(text)
            .unwrap()
            .select(&trace)
            .into_iter()
            .map(|i| trace[i].span_id.0)
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(select(r#"{ name = "s1" } > { }"#), [2, 4]);
    assert_eq!(select(r#"{ name = "s1" } >> { }"#), [2, 3, 4]);
    assert_eq!(select(r#"{ name = "s1" } >> { name = "s3" }"#), [3]);
    assert_eq!(select(r#"{ name = "s1" } > { name = "s3" }"#), [] as [u64; 0]);
    assert_eq!(select(r#"{ name = "s8" } >> { }"#), [8, 9]);
    assert_eq!(select(r#"{ name = "s1" } && { name = "s3" }"#), [1, 3]);
    assert_eq!(select(r#"{ name = "s1" } && { name = "none" }"#), [] as [u64; 0]);
    assert_eq!(select(r#"{ name = "s1" } || { name = "none" }"#), [1]);
    assert_eq!(
        select(r#"{ name = "s1" } > ({ name = "s2" } || { name = "s4" }) > { }"#),
        [3]
    );
}

#[track_caller]
fn fails(text: &str, expect: &str) {
    assert_eq!(TraceExpr::parse(text).unwrap_err().to_string(), expect, "{text}");
}

#[test]
fn says_what_is_wrong_where_and_what_would_be_right() {
    fails(
        "name = 1",
        "1:1: parse error: conditions stand in braces: write { … }",
    );
    fails(
        "{ foo = 1 }",
        "1:3: parse error: unknown field \"foo\": an attribute is written span.foo, resource.foo or .foo; besides there are name, duration, status, statusMessage and kind",
    );
    fails(
        "{ http.status = 1 }",
        "1:3: parse error: unknown scope \"http\": write span.http.status, resource.http.status, event.http.status, instrumentation.http.status or .http.status",
    );
    fails(
        "{ duration > 100 }",
        "1:14: parse error: duration is compared with a number and a unit, such as 100ms or 1.5s",
    );
    fails(
        "{ status = failed }",
        "1:12: parse error: status is compared by = and != with ok, error or unset",
    );
    fails(
        "{ span.a = b }",
        "1:12: parse error: unexpected \"b\": text is written in quotes, \"b\"",
    );
    fails(
        "{ span.a == 1 }",
        "1:10: parse error: unexpected \"==\", write \"=\"",
    );
    fails(
        "{ span.a = 1 & span.b = 2 }",
        "1:14: parse error: unexpected \"&\", write \"&&\"",
    );
    fails(
        "{ span.a }",
        "1:10: parse error: expected an operator (=, !=, =~, !~, >, >=, <, <=) after span.a; span.a != nil asks whether it is there",
    );
    fails(
        "{ span.a = 1",
        "1:13: parse error: unexpected the end, expected &&, || or \"}\"",
    );
    fails("{ span.a = \"x }", "1:12: parse error: the string is not closed");
    fails(
        "{ span.a = 5parsecs }",
        "1:12: parse error: invalid duration \"5parsecs\": expected a number with a unit (ns, us, µs, ms, s, m, h), such as 1.2s or 100ms",
    );
    fails(
        "{ span.a = 5ms }",
        "1:12: parse error: span.a is not a duration: only duration takes a value with a unit",
    );
    fails(
        "{ } { }",
        "1:5: parse error: unexpected \"{\", expected an operator (&&, ||, >, >>) or the end",
    );
    fails(
        "{ span.a =~ \"(\" }",
        "1:13: parse error: invalid pattern: unclosed group",
    );
    fails(
        "{ span.a =~ 1 }",
        "1:13: parse error: a pattern is text in quotes, such as \"GET .*\"",
    );
    fails(
        "{ span.a > nil }",
        "1:12: parse error: nil goes with = and != only",
    );
    fails(
        "{ span. = 1 }",
        "1:3: parse error: expected the key of an attribute after the dot, such as span.http.route",
    );
    fails("{\n # }", "2:2: parse error: unexpected character '#'");
    assert!(TraceExpr::parse(&"(".repeat(20_000)).is_err());
    assert!(TraceExpr::parse(&"{ !".repeat(4_000)).is_err());
    assert!(TraceExpr::parse(&vec!["{ }"; 1_000].join("||")).is_err());
    assert!(TraceExpr::parse(&"{ } || ".repeat(10_000)).is_err());
}

#[test]
fn shows_what_it_read() {
    for (text, expect) in [
        ("", "{ }"),
        ("{.a=1||.b=2&&.c=3}", "{ .a = 1 || .b = 2 && .c = 3 }"),
        ("{(.a=1||.b=2)&&!.c=3}", "{ (.a = 1 || .b = 2) && !(.c = 3) }"),
        ("{}>({}||{})>>{}", "{ } > ({ } || { }) >> { }"),
        (
            "{ duration>90s && scope.x != 1.0 }",
            "{ duration > 90s && instrumentation.x != 1.0 }",
        ),
        (
            "{ span:duration=60s && span:status=\"error\" }",
            "{ duration = 1m && status = error }",
        ),
    ] {
        assert_eq!(TraceExpr::parse(text).unwrap().to_string(), expect);
    }
    assert_eq!(
        parse_field(" resource.\"k k\" ").unwrap().to_string(),
        "resource.\"k k\""
    );
    assert!(parse_field("a").is_err() && parse_field("name = 1").is_err());
}

fn condition() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        "(span|resource|event|instrumentation|scope)?\\.[a-z][a-z0-9._/-]{0,6}",
        "(span|)\\.\"[a-z \\\\n]{1,4}\"".prop_map(|text| text.replace('\\', "\\\\")),
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| format!("{n:?}")),
        ".{0,6}"
            .prop_map(|text| format!("{text:?}"))
            .prop_filter("escapes of Rust alone", |text| !text.contains("\\u")
                && !text.contains("\\0")),
        Just("nil".to_owned()),
        Just("true".to_owned()),
    ];
    let leaf = prop_oneof![
        (field, prop_oneof![Just("="), Just("!=")], value).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        any::<u32>().prop_map(|n| format!("duration>={n}us")),
        Just("status = error".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_shown_reads_back_as_the_same(
        parts in prop::collection::vec((condition(), prop_oneof![Just("&&"), Just("||"), Just(">"), Just(">>")]), 1..5)
    ) {
        let text: Vec<String> = parts.iter().map(|(condition, op)| format!("{{ {condition} }} {op}")).collect();
        let text = format!("{} {{ }}", text.join(" "));
        let expr = TraceExpr::parse(&text).unwrap();
        let shown = expr.to_string();
        prop_assert_eq!(&TraceExpr::parse(&shown).unwrap(), &expr, "{}", shown);
    }

    #[test]
    fn any_text_is_an_expression_or_an_error_inside_it(text in "[{}()&|!=~<>. \"a-z0-9:]{0,40}") {
        match TraceExpr::parse(&text) {
            Ok(expr) => prop_assert_eq!(TraceExpr::parse(&expr.to_string()).unwrap(), expr),
            Err(error) => prop_assert!(error.position() <= text.len()),
        }
    }
}
