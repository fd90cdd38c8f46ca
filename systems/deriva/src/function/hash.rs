//! `hash/v1`.

use ::bytes::Bytes;

use super::bytes::only;
use super::{ComputeError, Params};

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only("hash/v1", params, &[])?;
    let mut hasher = blake3::Hasher::new();
    for input in inputs {
        hasher.update(input);
    }
    Ok(hasher.finalize().to_hex().to_string().into())
}
