//! Allowed arrows between the crates of the house, held against `cargo metadata`.
//!
//! Invariant 10 of ARCHITECTURE.md. Development dependencies may point anywhere: a test may hold the peer at its other end.

use std::path::Path;

use serde_json::Value;

use super::Finding;

/// Each crate with the crates of the house that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    // sdk/
    ("watchroom-core", &[]),
    ("watchroom-redact", &["watchroom-core"]),
    ("watchroom-macros", &[]),
    (
        "watchroom-metrics",
        &["watchroom-core", "watchroom-redact", "watchroom-macros"],
    ),
    ("watchroom-capture", &["watchroom-core", "watchroom-redact"]),
    (
        "watchroom-log",
        &["watchroom-core", "watchroom-redact", "watchroom-capture"],
    ),
    (
        "watchroom-spanmetrics",
        &["watchroom-core", "watchroom-capture", "watchroom-metrics"],
    ),
    (
        "watchroom-otlp",
        &["watchroom-core", "watchroom-capture", "watchroom-metrics"],
    ),
    ("watchroom-health", &["watchroom-core"]),
    (
        "watchroom-admin",
        &[
            "watchroom-core",
            "watchroom-capture",
            "watchroom-metrics",
            "watchroom-health",
        ],
    ),
    (
        "watchroom",
        &[
            "watchroom-core",
            "watchroom-redact",
            "watchroom-metrics",
            "watchroom-capture",
            "watchroom-log",
            "watchroom-spanmetrics",
            "watchroom-otlp",
            "watchroom-health",
            "watchroom-admin",
        ],
    ),
    // integrations/
    ("watchroom-http", &["watchroom"]),
    (
        "watchroom-opentelemetry",
        &["watchroom-core", "watchroom-capture"],
    ),
    ("watchroom-sql", &["watchroom"]),
    // backend/
    ("watchroom-model", &[]),
    ("watchroom-store", &["watchroom-model"]),
    ("watchroom-query", &["watchroom-model"]),
    ("watchroom-rules", &["watchroom-model", "watchroom-query"]),
    (
        "watchroom-server",
        &[
            "watchroom-model",
            "watchroom-store",
            "watchroom-query",
            "watchroom-rules",
        ],
    ),
    // systems/
    ("deriva", &["watchroom", "watchroom-http"]),
    ("watchroom-fleet", &["watchroom", "watchroom-http", "deriva"]),
    // tools/ and the rest
    (
        "watchroom-cli",
        // `check` and `test` work on rules without a server.
        &[
            "watchroom-server",
            "watchroom-fleet",
            "watchroom-model",
            "watchroom-rules",
            "deriva",
        ],
    ),
    ("watchroom-bench", &["watchroom", "watchroom-http"]),
    ("watchroom-e2e", &["watchroom-cli", "watchroom", "watchroom-http"]),
    ("xtask", &[]),
];

pub(super) fn n_crates() -> usize {
    ALLOWED.len()
}

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let metadata = super::metadata(root)?;
    Ok(breaches(&metadata))
}

fn breaches(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let members: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let Some(name) = package["name"].as_str() else {
            continue;
        };
        let Some((_, allowed)) = ALLOWED.iter().find(|(n, _)| *n == name) else {
            findings.push(Finding::new(
                name,
                "is not in the list of crates: add it, with its arrows, to xtask/src/tidy/edges.rs",
            ));
            continue;
        };
        for dependency in package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        {
            let target = dependency["name"].as_str().unwrap_or_default();
            let of_house = members.contains(&target);
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if of_house && !for_tests && !allowed.contains(&target) {
                findings.push(Finding::new(
                    name,
                    format!("may not depend on {target}: arrows point down (see ARCHITECTURE.md)"),
                ));
            }
        }
    }
    for (name, _) in ALLOWED.iter().filter(|(n, _)| !members.contains(n)) {
        findings.push(Finding::new(
            *name,
            "is in the list of crates but not in the workspace: remove it from xtask/src/tidy/edges.rs",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_an_arrow_that_points_up_but_lets_tests_look_anywhere() {
        let metadata = json!({"packages": [
            {"name": "watchroom-core", "dependencies": [
                {"name": "watchroom-capture", "kind": null},
                {"name": "watchroom-redact", "kind": "dev"},
                {"name": "serde", "kind": null},
            ]},
            {"name": "watchroom-capture", "dependencies": [{"name": "watchroom-core", "kind": null}]},
            {"name": "watchroom-redact", "dependencies": []},
            {"name": "stranger", "dependencies": []},
        ]});
        let found: Vec<String> = breaches(&metadata)
            .into_iter()
            .filter(|f| !f.what.contains("not in the workspace"))
            .map(|f| format!("{} {}", f.place, f.what.split(':').next().unwrap_or_default()))
            .collect();
        assert_eq!(
            found,
            [
                "watchroom-core may not depend on watchroom-capture",
                "stranger is not in the list of crates"
            ]
        );
    }
}
