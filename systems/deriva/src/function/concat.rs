//! `concat/v1`.

use ::bytes::Bytes;

use super::bytes::only;
use super::{ComputeError, MAX_OUTPUT_BYTES, Params};

const NAME: &str = "concat/v1";

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only(NAME, params, &["separator"])?;
    let separator = params.get("separator").map_or(&[][..], |text| text.as_bytes());
    let len = inputs.iter().map(Bytes::len).sum::<usize>() + separator.len() * inputs.len().saturating_sub(1);
    if len > MAX_OUTPUT_BYTES {
        return Err(ComputeError::TooLarge(len));
    }
    let mut out = Vec::with_capacity(len);
    for (i, input) in inputs.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(input);
    }
    Ok(out.into())
}
