//! Log lines as Loki's JSON has them.

use std::collections::{BTreeMap, HashMap};

use watchroom_model::LogLine;
use watchroom_query::logql::sanitize_name;

use crate::api::json;

/// Appends a list of streams. Lines with the same labels and metadata stand together, in the order in which they come; streams stand in the order of
/// their first lines.
pub(super) fn write(out: &mut String, lines: &[LogLine]) {
    let mut order: Vec<(BTreeMap<String, String>, Vec<&LogLine>)> = Vec::new();
    let mut index: HashMap<BTreeMap<String, String>, usize> = HashMap::new();
    for line in lines {
        let fields = fields(line);
        let at = *index.entry(fields).or_insert_with_key(|fields| {
            order.push((fields.clone(), Vec::new()));
            order.len() - 1
        });
        order[at].1.push(line);
    }
    json::list(out, order, |out, (fields, lines)| {
        out.push_str(r#"{"stream":"#);
        json::map(out, &fields);
        out.push_str(r#","values":"#);
        json::list(out, lines, |out, line| {
            out.push_str("[\"");
            out.push_str(&line.time_ns.to_string());
            out.push_str("\",");
            json::text(out, &line.body);
            out.push(']');
        });
        out.push('}');
    });
}

/// Labels of the stream together with all that is known of the line: its attributes, its trace, its sender. Names are those that a query
/// uses, with `_` for what is neither letter nor digit; of two alike the first wins, in that order.
fn fields(line: &LogLine) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = line
        .stream
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.entry(name.to_owned()).or_insert(value);
        }
    };
    if let Some(trace) = line.trace_id {
        add("trace_id", trace.to_string());
    }
    if let Some(span) = line.span_id {
        add("span_id", span.to_string());
    }
    for (key, value) in line.attributes.iter().chain(&line.resource.attributes) {
        add(&sanitize_name(key), value.to_string());
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchroom_model::{Labels, Resource, Severity, TraceId};

    use super::*;

    #[test]
    fn puts_lines_of_one_label_set_together_and_times_in_text() {
        let line = |time_ns, body: &str, trace: Option<u128>| LogLine {
            time_ns,
            stream: Labels::from_pairs([("service_name", "s")]),
            severity: Severity::Info,
            body: body.into(),
            attributes: vec![
                ("http.route".into(), "/a".into()),
                ("service_name".into(), "liar".into()),
            ],
            trace_id: trace.map(TraceId),
            span_id: None,
            resource: Arc::new(Resource::new(vec![("host.name".into(), "h".into())])),
        };
        let mut out = String::new();
        write(
            &mut out,
            &[line(3, "c", None), line(2, "b\"", Some(1)), line(1, "a", None)],
        );
        let expect = r#"[{"stream":{"host_name":"h","http_route":"/a","service_name":"s"},"values":[["3","c"],["1","a"]]},{"stream":{"host_name":"h","http_route":"/a","service_name":"s","trace_id":"00000000000000000000000000000001"},"values":[["2","b\""]]}]"#;
        assert_eq!(out, expect);
    }
}
