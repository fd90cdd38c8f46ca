//! What functions share: checks of inputs and parameters.

use ::bytes::Bytes;

use super::{ComputeError, Params};

/// The one input.
pub(super) fn one<'a>(function: &'static str, inputs: &'a [Bytes]) -> Result<&'a Bytes, ComputeError> {
    match inputs {
        [input] => Ok(input),
        _ => Err(ComputeError::Inputs {
            function,
            takes: "one input",
            got: inputs.len(),
        }),
    }
}

/// Refuses parameters that the function does not have: a misspelt one must not be ignored.
pub(super) fn only(function: &'static str, params: &Params, known: &[&str]) -> Result<(), ComputeError> {
    match params.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ComputeError::Param {
            function,
            name: name.clone(),
            problem: if known.is_empty() {
                "is unknown; the function takes none".to_owned()
            } else {
                format!("is unknown; known: {}", known.join(", "))
            },
        }),
    }
}
