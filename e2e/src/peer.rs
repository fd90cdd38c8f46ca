//! Peers that may not be installed: a test that needs one says that it is skipped, and in CI it fails.

use std::path::PathBuf;

/// Finds a program on the path. `None` means: skip; the reason has been told.
///
/// # Panics
/// If it is missing while `WATCHROOM_REQUIRE_PEERS` is set.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    found(
        program,
        std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|file| file.is_file()),
    )
}

/// Python with the OpenTelemetry SDK: the virtual environment that `.ci/install` makes.
///
/// # Panics
/// If it is missing while `WATCHROOM_REQUIRE_PEERS` is set.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    found(
        "python with opentelemetry-sdk (.ci/install makes it)",
        python.is_file().then_some(python),
    )
}

fn found(name: &str, file: Option<PathBuf>) -> Option<PathBuf> {
    if file.is_none() {
        let required = std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "{name} is not installed, and WATCHROOM_REQUIRE_PEERS=1 forbids to skip"
        );
        skipped(name);
    }
    file
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(name: &str) {
    eprintln!("skipped: needs {name}, which is not installed");
}
