//! Log lines as Loki's JSON has them.

use std::collections::{BTreeMap, HashMap};

use watchroom_query::logql::Entry;

use crate::api::json;

/// Which labels stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All with the stream.
    Plain,
    /// Those of the stream with the stream; structured metadata and what a pipeline made with each line. Grafana asks for it with the header
    /// `X-Loki-Response-Encoding-Flags: categorize-labels`.
    Categorized,
}

/// Appends a list of streams. Lines with the same labels stand together, in the order in which they come; streams stand in the order of
/// their first lines.
pub(super) fn write(out: &mut String, entries: &[Entry], shape: Shape) {
    let mut order: Vec<(BTreeMap<&str, &str>, Vec<&Entry>)> = Vec::new();
    let mut index: HashMap<BTreeMap<&str, &str>, usize> = HashMap::new();
    for entry in entries {
        let labels = match shape {
            Shape::Plain => entry.labels(),
            Shape::Categorized => entry.stream.iter().collect(),
        };
        let at = *index.entry(labels).or_insert_with_key(|labels| {
            order.push((labels.clone(), Vec::new()));
            order.len() - 1
        });
        order[at].1.push(entry);
    }
    json::list(out, order, |out, (labels, entries)| {
        out.push_str(r#"{"stream":"#);
        json::map(out, &labels);
        out.push_str(r#","values":"#);
        json::list(out, entries, |out, entry| {
            out.push_str("[\"");
            out.push_str(&entry.time_ns.to_string());
            out.push_str("\",");
            json::text(out, &entry.line);
            if shape == Shape::Categorized {
                out.push_str(",{");
                let parts = [("structuredMetadata", &entry.metadata), ("parsed", &entry.parsed)];
                let mut first = true;
                for (name, pairs) in parts.into_iter().filter(|(_, pairs)| !pairs.is_empty()) {
                    if !first {
                        out.push(',');
                    }
                    first = false;
                    json::text(out, name);
                    out.push(':');
                    json::map(out, pairs.iter().map(|(name, value)| (name, value)));
                }
                out.push('}');
            }
            out.push(']');
        });
        out.push('}');
    });
}

#[cfg(test)]
mod tests {
    use watchroom_model::Labels;

    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |time_ns, line: &str, trace: Option<&str>| Entry {
            time_ns,
            line: line.into(),
            stream: Labels::from_pairs([("service_name", "s")]),
            metadata: trace
                .map(|id| ("trace_id".into(), id.into()))
                .into_iter()
                .collect(),
            parsed: vec![("http_route".into(), "/a".into())],
        };
        vec![
            entry(3, "c", None),
            entry(2, "b\"", Some("1")),
            entry(1, "a", None),
        ]
    }

    #[test]
    fn puts_lines_of_one_label_set_together_and_times_in_text() {
        let mut out = String::new();
        write(&mut out, &entries(), Shape::Plain);
        let expect = r#"[{"stream":{"http_route":"/a","service_name":"s"},"values":[["3","c"],["1","a"]]},{"stream":{"http_route":"/a","service_name":"s","trace_id":"1"},"values":[["2","b\""]]}]"#;
        assert_eq!(out, expect);
    }

    #[test]
    fn tells_labels_of_stream_line_and_pipeline_apart_when_asked_to() {
        let mut out = String::new();
        write(&mut out, &entries()[1..], Shape::Categorized);
        let expect = r#"[{"stream":{"service_name":"s"},"values":[["2","b\"",{"structuredMetadata":{"trace_id":"1"},"parsed":{"http_route":"/a"}}],["1","a",{"parsed":{"http_route":"/a"}}]]}]"#;
        assert_eq!(out, expect);
    }
}
