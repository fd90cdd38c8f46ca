//! `identity/v1`.

use ::bytes::Bytes;

use super::bytes::{one, only};
use super::{ComputeError, Params};

const NAME: &str = "identity/v1";

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only(NAME, params, &[])?;
    one(NAME, inputs).cloned()
}
