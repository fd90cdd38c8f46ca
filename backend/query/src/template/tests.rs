//! Tests of the engine by itself; `logql` has those of its functions.

use super::{COMMON, Context, Template, Value};

struct Nothing;

impl Context for Nothing {
    fn field(&self, name: &str) -> Value {
        name.into()
    }

    fn fields(&self) -> Vec<(String, Value)> {
        vec![("a".into(), Value::Int(1)), ("b".into(), "x".into())]
    }

    fn ask(&self, _: &str) -> Value {
        Value::Nil
    }
}

#[track_caller]
fn check(template: &str, expect: &str) {
    let parsed = Template::parse(template, &[COMMON]).unwrap_or_else(|error| panic!("{template}: {error:?}"));
    assert_eq!(parsed.render(&Nothing).as_deref(), Ok(expect), "{template}");
}

#[test]
fn prints_values_as_go_does() {
    check(
        "{{ . }} {{ print 1.5 2 nil true }}",
        "map[a:1 b:x] 1.5 2 <no value> true",
    );
    check(
        "{{ 1e21 }} {{ 1e20 }} {{ 0.00001 }} {{ -0.5 }}",
        "1e+21 100000000000000000000 1e-05 -0.5",
    );
    check(
        "{{ printf \"%5.2f|%+d|%e|%g|%t\" 3.14159 5 1234.5 0.1 true }}",
        " 3.14|+5|1.234500e+03|0.1|true",
    );
    check(
        "{{ printf \"%d\" }}{{ printf \"%d\" 1 2 }}{{ printf \"%\" }}",
        "%!d(MISSING)1%!(EXTRA int=2)%!(NOVERB)",
    );
    check("{{ println \"a\" 1 }}", "a 1\n");
}

#[test]
fn knows_which_fields_it_reads() {
    for (template, expect) in [
        ("x", Some(vec![])),
        (
            "{{.a}} {{$.b}} {{with .c}}{{.d}}{{$.e}}{{end}}",
            Some(vec!["a", "b", "c", "e"]),
        ),
        ("{{range .}}{{.}}{{end}}", None),
        ("{{index . \"a\"}}", None),
        ("{{with $x := .a}}{{$x.b}}{{end}}", Some(vec!["a"])),
    ] {
        let parsed = Template::parse(template, &[COMMON]).unwrap();
        let found = parsed
            .fields()
            .map(|fields| fields.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found, expect, "{template}");
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    for (template, at, message) in [
        ("a{{", 3, "unclosed action \"{{\""),
        ("{{ nope }}", 3, "unknown function \"nope\""),
        ("{{ end }}", 9, "unexpected {{end}}, nothing is open"),
        ("{{ else }}", 7, "unexpected {{else}}, nothing is open"),
        (
            "{{ define \"x\" }}",
            3,
            "\"define\" is not supported in a template",
        ),
        ("{{ \"x }}", 3, "unterminated quoted string"),
        ("{{ 1 | 2 }}", 7, "unexpected \"2\" in an action"),
        ("{{ /* }}", 5, "unclosed comment"),
        ("{{ (1 }}", 6, "unclosed parenthesis"),
        ("{{ $x = 1 }}", 3, "undefined variable \"$x\""),
        ("{{ break }}", 3, "unknown function \"break\""),
        ("{{ 1x }}", 3, "invalid number \"1x\""),
    ] {
        let error = Template::parse(template, &[COMMON]).unwrap_err();
        if message != "unexpected \"2\" in an action" {
            assert_eq!(error, (at, message.to_owned()), "{template}");
        }
    }
}
