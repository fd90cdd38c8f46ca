//! `xtask codegen`: protobuf code that is checked in, so that users need no compiler for it.
//!
//! Not here: OTLP, which the SDK encodes by hand and the server takes from `opentelemetry-proto`.

use std::path::Path;

/// Regenerates, or compares with `check`.
#[cfg(feature = "codegen")]
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<String> {
    use anyhow::Context as _;

    let folder = root.join("systems/deriva");
    let target = folder.join("src/gen");
    let fresh = root.join("target/codegen");
    std::fs::create_dir_all(&fresh).context("making the folder for fresh code")?;

    let descriptors = protox::compile(["deriva/v1/deriva.proto"], [folder.join("proto")])
        .context("compiling deriva.proto")?;
    let descriptor_path = fresh.join("deriva.v1.bin");
    tonic_prost_build::configure()
        .build_transport(true)
        .out_dir(&fresh)
        .file_descriptor_set_path(&descriptor_path)
        .compile_fds(descriptors.clone())
        .context("generating Rust for deriva.proto")?;
    std::fs::write(&descriptor_path, encode(&descriptors)).context("writing the descriptor set")?;

    for name in ["deriva.v1.rs", "deriva.v1.bin"] {
        let new = std::fs::read(fresh.join(name)).with_context(|| format!("reading fresh {name}"))?;
        crate::fresh::settle(&target.join(name), &new, check, "just codegen")?;
    }
    Ok("codegen: up to date".to_owned())
}

#[cfg(feature = "codegen")]
fn encode(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}

/// Says how to run it: the feature is off.
#[cfg(not(feature = "codegen"))]
pub(crate) fn run(_root: &Path, _check: bool) -> anyhow::Result<String> {
    anyhow::bail!(
        "this xtask was built without its feature: run `cargo run -p xtask --features codegen -- codegen`"
    )
}
