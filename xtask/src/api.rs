//! `xtask api`: the public API of every crate that a service may link, as text that is checked in.
//!
//! Invariant: a change of the public API shows in the diff of the commit that makes it, and no type of another telemetry stack is in
//! it outside the crate that bridges to that stack.
//! Not here: whether a change is breaking; the reviewer says so in CHANGELOG.md.
//!
//! Source: rustdoc's JSON output, read by the `public-api` crate, whose version goes with the compiler's.

use std::path::Path;

/// Writes `docs/api/<package>.txt`, or compares with `check`.
#[cfg(feature = "api")]
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<String> {
    use anyhow::{Context as _, bail, ensure};

    let packages = linked_packages(root)?;
    ensure!(!packages.is_empty(), "no packages under sdk/ and integrations/");
    for package in &packages {
        let json = document(root, package)?;
        let api = public_api::Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .with_context(|| format!("reading rustdoc's output of {package}"))?;
        if let Some(item) = api
            .items()
            .map(ToString::to_string)
            .find(|item| is_foreign(package, item))
        {
            bail!("{package} has a type of another telemetry stack in its public API: `{item}`");
        }
        let target = root.join("docs/api").join(format!("{package}.txt"));
        crate::fresh::settle(&target, api.to_string().as_bytes(), check, "just api")?;
    }
    Ok(format!("api: {} crates, up to date", packages.len()))
}

/// Says how to run it: the feature is off.
#[cfg(not(feature = "api"))]
pub(crate) fn run(_root: &Path, _check: bool) -> anyhow::Result<String> {
    anyhow::bail!("this xtask was built without its feature: run `cargo run -p xtask --features api -- api`")
}

/// The libraries under `sdk/` and `integrations/`, but for procedural macros, whose API is their documentation.
#[cfg(feature = "api")]
fn linked_packages(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = crate::tidy::metadata(root)?;
    let root = root.to_string_lossy();
    let is_linked = |package: &&serde_json::Value| {
        let path = package["manifest_path"].as_str().unwrap_or_default();
        let folder = path.strip_prefix(&*root).unwrap_or(path);
        let is_library = package["targets"]
            .as_array()
            .is_some_and(|targets| targets.iter().any(|target| target["kind"][0] == "lib"));
        is_library && (folder.starts_with("/sdk/") || folder.starts_with("/integrations/"))
    };
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    Ok(packages
        .iter()
        .filter(is_linked)
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

/// Has rustdoc describe a package as JSON; says where the file is. The format is not stable yet, so the stable compiler has to be told
/// that this is known.
#[cfg(feature = "api")]
fn document(root: &Path, package: &str) -> anyhow::Result<std::path::PathBuf> {
    use anyhow::{Context as _, ensure};

    let target = root.join("target/api");
    let status = std::process::Command::new(env!("CARGO"))
        .args([
            "rustdoc",
            "--quiet",
            "--locked",
            "--lib",
            "--all-features",
            "--package",
            package,
        ])
        .args([
            "--",
            "-Zunstable-options",
            "--output-format",
            "json",
            "--cap-lints",
            "allow",
        ])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(root)
        .status()
        .context("running cargo rustdoc")?;
    ensure!(status.success(), "cargo rustdoc failed for {package}");
    Ok(target
        .join("doc")
        .join(format!("{}.json", package.replace('-', "_"))))
}

/// Whether an item names a type of another telemetry stack. A bridge is named after the stack that it leads to.
#[cfg(feature = "api")]
fn is_foreign(package: &str, item: &str) -> bool {
    const STACKS: [&str; 6] = [
        "opentelemetry",
        "opentelemetry_sdk",
        "opentelemetry_proto",
        "prometheus",
        "prometheus_client",
        "fastrace",
    ];
    let names_crate = |stack: &str| {
        item.match_indices(&format!("{stack}::"))
            .any(|(at, _)| !item[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
    };
    STACKS
        .iter()
        .any(|stack| !package.ends_with(stack) && names_crate(stack))
}
