//! Tests of reading queries: messages, positions, spellings, limits.

use super::*;

#[track_caller]
fn refuses(text: &str, expect: &str) {
    let error = parse(text).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), expect, "{text}");
}

#[test]
fn says_what_is_wrong_and_where() {
    refuses("", "1:1: parse error: no expression found in input");
    refuses(
        "  # only a comment",
        "1:1: parse error: no expression found in input",
    );
    refuses(
        "1 +",
        "1:4: parse error: unexpected end of input, expected an expression",
    );
    refuses(
        "foo bar",
        "1:5: parse error: unexpected \"bar\", expected an operator or the end of the expression",
    );
    refuses("sum(foo", "1:4: parse error: unclosed parenthesis \"(\"");
    refuses(
        "sum(foo))",
        "1:9: parse error: unexpected \")\", no parenthesis is open",
    );
    refuses(
        "sum(foo) by",
        "1:12: parse error: unexpected end of input, expected \"(\" and label names",
    );
    refuses(
        "sum by (x (foo)",
        "1:11: parse error: unexpected \"(\", expected \",\" or \")\"",
    );
    refuses(
        "sum()",
        "1:5: parse error: unexpected \")\", expected an expression",
    );
    refuses(
        "foo,",
        "1:4: parse error: unexpected \",\", expected an operator or the end of the expression",
    );
    refuses(
        "max_over_time(foo[5m],)",
        "1:23: parse error: unexpected \")\", expected an expression",
    );
    refuses(
        "foo = 1",
        "1:5: parse error: unexpected \"=\", expected an operator; equality is \"==\"",
    );
    refuses("foo & bar", "1:5: parse error: unexpected character '&'");
    refuses("foo\n+ \"a", "2:3: parse error: unterminated quoted string");
    refuses(
        "foo + \"a\\q\"",
        "1:9: parse error: unknown escape sequence \"\\q\"",
    );
    // A keyword may be the name of a metric.
    refuses(
        "a and and b",
        "1:11: parse error: unexpected \"b\", expected an operator or the end of the expression",
    );
}

#[test]
fn says_what_is_wrong_with_a_selector() {
    refuses("foo{", "1:4: parse error: unclosed brace \"{\"");
    refuses("foo{a=\"b\"", "1:4: parse error: unclosed brace \"{\"");
    refuses(
        "foo{a=b}",
        "1:7: parse error: unexpected \"b\", expected a quoted string",
    );
    refuses(
        "foo{a}",
        "1:6: parse error: unexpected \"}\", expected one of = != =~ !~",
    );
    refuses(
        "foo{a==\"b\"}",
        "1:6: parse error: unexpected \"==\", expected one of = != =~ !~",
    );
    refuses(
        "foo{a=\"b\" c=\"d\"}",
        "1:11: parse error: unexpected \"c\", expected \",\" or \"}\"",
    );
    refuses(
        "foo{a=~\"(\"}",
        "1:8: parse error: invalid regular expression \"(\": unclosed group",
    );
    refuses(
        "{}",
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    );
    refuses(
        "foo{a=\"1\" or}",
        "1:13: parse error: unexpected \"}\", expected a label name",
    );
    refuses(
        "foo{__name__=\"bar\"}",
        "1:5: parse error: metric name must not be set twice: \"foo\" and \"bar\"",
    );
    refuses(
        "{\"foo\", \"bar\"}",
        "1:9: parse error: metric name must not be set twice: \"foo\" and \"bar\"",
    );
}

#[test]
fn says_what_is_wrong_with_times() {
    refuses("foo[5m", "1:4: parse error: unclosed bracket \"[\"");
    refuses(
        "foo[]",
        "1:5: parse error: unexpected \"]\", expected a duration such as 5m",
    );
    refuses(
        "foo[5x]",
        "1:5: parse error: invalid duration \"5x\", expected a form such as 5m, 1h30m or 500ms",
    );
    refuses(
        "foo[1m1h]",
        "1:5: parse error: invalid duration \"1m1h\", expected a form such as 5m, 1h30m or 500ms",
    );
    refuses("foo[0s]", "1:5: parse error: duration must be greater than 0");
    refuses("foo[5m:0s]", "1:8: parse error: duration must be greater than 0");
    refuses(
        "foo[NaN]",
        "1:5: parse error: unexpected \"NaN\", expected a duration such as 5m",
    );
    refuses(
        "foo offset 1e30",
        "1:12: parse error: duration \"1e30\" is too long",
    );
    refuses(
        "foo offset bar",
        "1:12: parse error: unexpected \"bar\", expected a duration such as 5m",
    );
    refuses(
        "foo @ x",
        "1:7: parse error: unexpected \"x\", expected a number of seconds, start() or end()",
    );
    refuses("foo @ 1e30", "1:7: parse error: time is out of range");
    refuses("1 + 5x", "1:5: parse error: invalid number or duration \"5x\"");
    refuses("0xzz", "1:1: parse error: invalid number \"0xzz\"");
}

#[test]
fn points_at_the_argument_that_is_wrong() {
    refuses(
        "1 + ratte(x[5m])",
        "1:5: parse error: unknown function \"ratte\", did you mean \"rate\"?",
    );
    refuses(
        "frobnicate(x)",
        "1:1: parse error: unknown function \"frobnicate\"",
    );
    refuses(
        "sum(x) / sum(rate(y))",
        "1:19: parse error: expected type range vector in call to function \"rate\", got instant vector; write a range \
         such as [5m] after it",
    );
    refuses(
        "rate(sum(y))",
        "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector; write a range \
         with a step such as [5m:] after it",
    );
    refuses(
        "1 + round()",
        "1:5: parse error: expected 1 to 2 arguments in call to \"round\", got 0",
    );
    refuses(
        "abs(exp(NaN))",
        "1:9: parse error: expected type instant vector in call to function \"exp\", got scalar; vector(…) makes one \
         of it",
    );
    refuses(
        "1 + topk(foo, bar)",
        "1:10: parse error: expected type scalar in aggregation \"topk\", got instant vector; scalar(…) makes one of it",
    );
    refuses(
        "1 + topk(foo)",
        "1:5: parse error: expected 2 argument(s) in aggregation \"topk\", got 1",
    );
    refuses(
        "x + (1 > 2)",
        "1:8: parse error: comparison \">\" between scalars must use the bool modifier",
    );
    refuses(
        "x and 1",
        "1:3: parse error: set operator \"and\" needs instant vectors on both sides, got a scalar",
    );
    refuses(
        "x + on(a) group_left(b, a) y",
        "1:25: parse error: label \"a\" must not occur in on and group_left at once",
    );
    refuses(
        "x + group_left(a) y",
        "1:5: parse error: unexpected \"group_left\", expected \"on\" or \"ignoring\" before it",
    );
    refuses(
        "x and on(a) group_left(b) y",
        "1:13: parse error: no grouping allowed for set operator \"and\"",
    );
    refuses(
        "x + bool y",
        "1:5: parse error: bool modifier can only be used on comparison operators",
    );
    refuses(
        "1 + on(a) x",
        "1:3: parse error: on and ignoring are only allowed between instant vectors",
    );
    refuses(
        "-x[5m]",
        "1:1: parse error: unary \"-\" needs a scalar or instant vector, got range vector",
    );
    refuses(
        "1 + \"a\"",
        "1:5: parse error: binary operator \"+\" needs scalars or instant vectors, got string",
    );
}

#[test]
fn points_at_a_range_or_shift_that_does_not_belong() {
    refuses(
        "sum(x)[5m]",
        "1:7: parse error: a range is only allowed after a selector; a step makes a subquery: [5m:]",
    );
    refuses(
        "x offset 5m [5m]",
        "1:13: parse error: a range stands before offset and @, not after them",
    );
    refuses(
        "1[5m:]",
        "1:1: parse error: a subquery is only allowed on an instant vector, got scalar",
    );
    refuses(
        "sum(x) offset 5m",
        "1:8: parse error: offset is only allowed after a selector or subquery",
    );
    refuses(
        "x offset 5m offset 6m",
        "1:13: parse error: offset may not be set more than once",
    );
    refuses("x @ 1 @ 2", "1:7: parse error: @ may not be set more than once");
    refuses(
        "(x) @ 1",
        "1:5: parse error: @ is only allowed after a selector or subquery",
    );
}

#[test]
fn names_what_is_not_supported_yet() {
    refuses(
        "a + fill(0) b",
        "1:5: parse error: modifier \"fill\" is not supported yet",
    );
}

/// The range, step and offset in milliseconds of a range selector or subquery.
fn lengths(text: &str) -> (i64, Option<i64>, Option<i64>) {
    match parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).expr {
        Expr::Range(range) => {
            let step = match range.of {
                RangeOf::Subquery(_, step) => step,
                RangeOf::Selector(_) => None,
            };
            (range.range_ms, step, range.shift.offset_ms)
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn durations_may_be_computed() {
    for (text, expect) in [
        ("x[5m * 2]", (600_000, None, None)),
        ("x[(1h + 30m) / 3 - 10m]", (1_200_000, None, None)),
        ("x[2 ^ 3]", (8_000, None, None)),
        ("x[-1m + 2m:2m % 50s]", (60_000, Some(20_000), None)),
        ("x[max(1m, 90s):min_of(1m, 5)]", (90_000, Some(5_000), None)),
        ("x[1_000] offset -(5m - 1m)", (1_000_000, None, Some(-240_000))),
        ("x[0x10] offset +1m", (16_000, None, Some(60_000))),
    ] {
        assert_eq!(lengths(text), expect, "{text}");
    }
    refuses("x[5m - 5m]", "1:3: parse error: duration must be greater than 0");
    refuses("x[5m / 0]", "1:6: parse error: division by zero in a duration");
    refuses("x[900y * 2]", "1:3: parse error: duration is too long");
    refuses(
        "x[rate()]",
        "1:3: parse error: unexpected \"rate\", expected a duration such as 5m",
    );
    // Depends on the evaluation.
    parse("rate(x[step() * 4]) + x offset range()").unwrap();
}

#[test]
fn operators_bind_as_in_prometheus() {
    fn shown(expr: &Expr) -> String {
        match expr {
            Expr::Number(n) => n.to_string(),
            Expr::Negate(inner) => format!("(-{})", shown(inner)),
            Expr::Binary(b) => {
                format!(
                    "({}{}{})",
                    shown(&b.lhs),
                    b.op.to_string().trim_matches('"'),
                    shown(&b.rhs)
                )
            }
            Expr::Selector(s) => s.matchers.any[0][0].value.clone(),
            other => format!("{other:?}"),
        }
    }
    for (text, expect) in [
        ("1 + 2 * 3 ^ 4 ^ 5", "(1+(2*(3^(4^5))))"),
        ("1 - 2 - 3", "((1-2)-3)"),
        ("-1 ^ 2", "(-(1^2))"),
        ("2 ^ -1 * 3", "((2^-1)*3)"),
        ("-a * b", "((-a)*b)"),
        ("a or b and c unless d", "(aor((bandc)unlessd))"),
        ("a > b + c % d", "(a>(b+(c%d)))"),
        ("a + b > bool c == d", "(((a+b)>c)==d)"),
        ("a atan2 b * c", "((aatan2b)*c)"),
    ] {
        assert_eq!(shown(&parse(text).unwrap().expr), expect, "{text}");
    }
}

#[test]
fn takes_every_spelling() {
    for text in [
        "1_000 + 0x1F + .5 + 2. + 1e3 + 1E-3 + Inf - NaN",
        "5m * 2 + 0s",
        "SUM BY (job) (foo) / on(job) GROUP_LEFT(x, y,) Bar",
        "sum(foo) without (a, \"b.c\")",
        "{__name__=~\"a|b\", 'x.y'!~`z\\d`}",
        "{\"foo.bar\", a='b',}",
        "foo offset -5m @ 12.5 + foo @ start() offset 0s",
        "foo[5m:] offset 1h",
        "rate(foo[5m])[1h:30s] @ end()",
        "foo[300] # comment",
        "-foo ^ -2 atan2 bar unless bar or baz",
        "time() - foo:bar:baz",
        "sum + by + on_call",
        "a == bool on() group_left b",
        "foo{on=\"a\", by='b', sum=\"c\"}",
        "holt_winters(foo[5m], 0.5, 0.5)",
        "label_replace(foo, \"a\", \"$1\", \"b\", \"(.*){x}\")",
        "foo{a=\"ü\\u00fc\\n\"}",
        "foo{a=\"1\", b=\"2\" or c=\"3\"}",
        "sum by (\"service.name\") ({\"http.requests\", \"a.b\"!~\"c\"})",
        "info(x)",
        "info(x, {k8s=~\".*\"})",
        "histogram_fraction(0, 1, x)",
        "histogram_quantiles(x, \"q\", 0.5, 0.9)",
        "limit_ratio(-0.5, x)",
        "sort_by_label(x, \"a\", \"b\")",
        "start() + end() + step() + range() + max_of(1, 2)",
        "foo @ 1_000.5 offset 1h30m",
    ] {
        if let Err(error) = parse(text) {
            panic!("{text}: {error}");
        }
    }
}

#[test]
fn strings_mean_the_same_in_every_quote() {
    for text in [
        r#"x{a=~"\\d\"ü\n"}"#,
        "x{a=~`\\d\"ü\n`}",
        r#"x{a=~'\\d"\u00fc\n'}"#,
        r#"x{a=~"\\d\"\xc3\xbc\n"}"#,
    ] {
        assert_eq!(parse_selector(text).unwrap()[1].value, "\\d\"ü\n", "{text}");
    }
}

#[test]
fn lists_the_selectors_of_a_query() {
    let query = parse("sum(rate(a{x=\"1\"}[5m])) / topk(scalar(b), max_over_time(c[1h:1m]))").unwrap();
    let names: Vec<&str> = query
        .selectors()
        .iter()
        .map(|matchers| matchers[0].value.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn reads_lone_selectors() {
    assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
    for bad in ["up[5m]", "up offset 5m", "up @ 3", "sum(up)", "1", "up{"] {
        assert!(parse_selector(bad).is_err(), "{bad}");
    }
}

#[test]
fn deep_and_long_queries_are_refused() {
    let nested = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    refuses(
        &nested,
        "1:101: parse error: expression is nested deeper than 100 levels",
    );
    let calls = format!("{}x{}", "abs(".repeat(20_000), ")".repeat(20_000));
    assert!(parse(&calls).unwrap_err().message().contains("nested deeper"));
    let chain = format!("1{}", "+1".repeat(20_000));
    assert!(
        parse(&chain)
            .unwrap_err()
            .message()
            .contains("deeper than 200 levels")
    );
    let signs = format!("{}1", "-".repeat(20_000));
    assert!(
        parse(&signs)
            .unwrap_err()
            .message()
            .contains("more than 200 operators")
    );
    let long = format!("x{{a=\"{}\"}}", "b".repeat(1 << 19));
    assert!(parse(&long).unwrap_err().message().contains("longer than"));
    let open = "(".repeat(20_000);
    assert!(parse(&open).unwrap_err().message().contains("nested deeper"));
}

#[test]
fn queries_at_the_limits_are_read() {
    let nested = format!("{}x{}", "abs(".repeat(99), ")".repeat(99));
    parse(&nested).unwrap();
    let chain = format!("x{}", " or x".repeat(198));
    parse(&chain).unwrap();
}

#[test]
fn an_expensive_pattern_is_refused() {
    assert!(parse("x{a=~\"(.{1000}){1000}\"}").is_err());
}

mod robustness {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn reading_never_panics(text in "\\PC{0,60}") {
            let _ = super::parse(&text);
        }

        #[test]
        fn reading_what_looks_like_a_query_never_panics(
            words in proptest::collection::vec(prop::sample::select(vec![
                "sum", "rate", "foo", "by", "on", "(", ")", "[", "]", "{", "}", "5m", "1e30", "NaN", "-", "+", "@", "offset",
                "start()", "end", "\"a\"", "'b\\x'", "=", "=~", "!=", "==", ",", ":", "bool", "group_left", "or", "0x", "é", "#",
                "count_values", "label_replace", "0", "holt_winters", "1_0", "fill", "topk", "\n",
            ]), 0..14),
            space in prop::sample::select(vec!["", " "]),
        ) {
            let _ = super::parse(&words.join(space));
        }
    }
}
