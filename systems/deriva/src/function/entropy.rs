//! `entropy/v1`: breaks the promise that a function's result depends on its arguments alone, so that verification has something
//! to find. Only servers started with `--demo-functions` know it.

use std::hash::{BuildHasher as _, RandomState};

use ::bytes::Bytes;

use super::bytes::only;
use super::{ComputeError, Params};

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only("entropy/v1", params, &["salt"])?;
    let noise = RandomState::new().hash_one(inputs.len());
    Ok(format!("{noise:016x}").into())
}
