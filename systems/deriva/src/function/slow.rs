//! `slow/v1`: takes its time, for tests and demonstrations.

use std::time::Duration;

use ::bytes::Bytes;

use super::bytes::{one, only};
use super::{ComputeError, Params};

const NAME: &str = "slow/v1";
const MAX_MS: u64 = 60_000;

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only(NAME, params, &["ms"])?;
    let input = one(NAME, inputs)?;
    let ms = match params.get("ms") {
        None => 1_000,
        Some(text) => text
            .parse()
            .ok()
            .filter(|ms| *ms <= MAX_MS)
            .ok_or_else(|| ComputeError::Param {
                function: NAME,
                name: "ms".to_owned(),
                problem: format!("is not a number of milliseconds from 0 to {MAX_MS}"),
            })?,
    };
    // Runs on a thread for blocking work; sleeping is this function's whole purpose.
    std::thread::sleep(Duration::from_millis(ms));
    Ok(input.clone())
}
