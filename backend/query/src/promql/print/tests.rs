//! What queries are printed as.

use crate::promql::parse;

#[track_caller]
fn check(text: &str, expect: &str) {
    let shown = parse(text).unwrap().pretty();
    assert_eq!(shown, expect, "{text}");
    // What is printed is read as the same again, and is in its last form.
    let again = parse(&shown).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(again.pretty(), expect, "{text} again");
    assert_eq!(again.tree(), parse(text).unwrap().tree(), "{text}");
}

#[test]
fn short_queries_stay_on_one_line() {
    check("sum(temperature)by(zone)", "sum by (zone) (temperature)");
    check("sum without() (a)", "sum without () (a)");
    check("a+b  *  c", "a + b * c");
    check("(a+b)*c", "(a + b) * c");
    check("a-(b-c)", "a - (b - c)");
    check("(a-b)-c", "a - b - c");
    check("2^3^2", "2 ^ 3 ^ 2");
    check("(2^3)^2", "(2 ^ 3) ^ 2");
    check("-2^2", "-2 ^ 2");
    check("-(a+b)", "-(a + b)");
    check("a==bool 1", "a == bool 1");
    check("a/on(x,y)group_left(z)b", "a / on (x, y) group_left (z) b");
    check("a and ignoring(x) b", "a and ignoring (x) b");
    check(
        "rate(a{b='c',d=~\"e\\\\d\"}[300s])",
        "rate(a{b=\"c\",d=~\"e\\\\d\"}[5m])",
    );
    check("a offset -90s", "a offset -1m30s");
    check("a @ 1.5 offset 1m", "a @ 1.500 offset 1m");
    check("a[5m:30s] @ end()", "a[5m:30s] @ end()");
    check("(a+b)[5m:]", "(a + b)[5m:]");
    check("topk(3,a)", "topk(3, a)");
    check("{'a.b','c.d'=\"e\"}", "{\"a.b\",\"c.d\"=\"e\"}");
    check(
        "label_replace(a,'x','$1','y','(.*)')",
        "label_replace(a, \"x\", \"$1\", \"y\", \"(.*)\")",
    );
    check("1e3 + Inf", "1000 + +Inf");
}

#[test]
fn long_queries_are_spread() {
    let long = "a_metric_with_a_rather_long_name{label=\"value\"}";
    check(
        &format!("sum by (x) (rate({long}[5m])) / on (x) group_left () sum(increase({long}[5m])) > 5"),
        &format!(
            "    sum by (x) (rate({long}[5m]))\n  / on (x) group_left ()\n    sum(increase({long}[5m]))\n>\n  5"
        ),
    );
    check(
        &format!("clamp_max({long}, scalar({long}) + scalar({long}))"),
        &format!("clamp_max(\n  {long},\n    scalar({long})\n  +\n    scalar({long})\n)"),
    );
}

#[test]
fn durations_that_depend_on_the_evaluation_stay_as_written() {
    let text = "rate(a[step() * 2])";
    assert_eq!(parse(text).unwrap().pretty(), text);
}

#[test]
fn a_tree_has_types_and_members_of_prometheus() {
    let tree = parse("sum by (x) (rate(a{b!~\"c\"}[5m] offset 1m)) > bool 2")
        .unwrap()
        .tree();
    assert_eq!(
        tree,
        r#"{"type":"binaryExpr","op":">","lhs":{"type":"aggregation","op":"sum","expr":{"type":"call","func":{"name":"rate","returnType":"vector"},"args":[{"type":"matrixSelector","name":"a","matchers":[{"type":"=","name":"__name__","value":"a"},{"type":"!~","name":"b","value":"c"}],"range":300000,"offset":60000,"timestamp":null,"startOrEnd":null}]},"param":null,"grouping":["x"],"without":false},"rhs":{"type":"numberLiteral","val":"2"},"matching":null,"bool":true}"#
    );
}
