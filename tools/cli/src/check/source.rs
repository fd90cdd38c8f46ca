//! Text from a file, from standard input or from a URL.

use std::io::Read as _;

use anyhow::{Context as _, anyhow};

use crate::command::Failure;

/// Largest text that is looked at.
const MAX_BYTES: usize = 256 << 20;

/// Reads `-`, `http://…`, `https://…` or a file.
pub(super) fn read(from: &str) -> Result<String, Failure> {
    if from.starts_with("http://") || from.starts_with("https://") {
        return fetch(from, "text/plain;version=0.0.4;q=1,*/*;q=0.1");
    }
    let mut text = String::new();
    let read = match from {
        "-" => std::io::stdin()
            .lock()
            .take(MAX_BYTES as u64)
            .read_to_string(&mut text),
        file => {
            std::fs::File::open(file).and_then(|file| file.take(MAX_BYTES as u64).read_to_string(&mut text))
        }
    };
    read.with_context(|| format!("cannot read {}", shown(from)))
        .map_err(Failure::start)?;
    if text.len() == MAX_BYTES {
        return Err(Failure::start(anyhow!(
            "{} is longer than {MAX_BYTES} bytes",
            shown(from)
        )));
    }
    Ok(text)
}

/// What findings call it.
pub(super) fn shown(from: &str) -> &str {
    match from {
        "-" => "standard input",
        from => from,
    }
}

/// The text of an answer.
pub(super) fn fetch(url: &str, accept: &str) -> Result<String, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::start)?;
    let patience = std::time::Duration::from_secs(60);
    let fetched = runtime.block_on(async {
        match tokio::time::timeout(patience, watchroom_server::fetch(url, accept, MAX_BYTES)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
        }
    });
    fetched.map_err(|reason| Failure::start(anyhow!("cannot ask {url}: {reason}")))
}
