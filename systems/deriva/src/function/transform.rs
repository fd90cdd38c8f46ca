//! `transform/v1`: one input changed by the operation that `op` names. Text operations demand UTF-8.

use ::bytes::Bytes;

use super::bytes::{one, only};
use super::{ComputeError, Params};

const NAME: &str = "transform/v1";
const OPS: &str = "upper, lower, reverse, trim, sort_lines, unique_lines, count_bytes, count_lines, hex";

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only(NAME, params, &["op"])?;
    let input = one(NAME, inputs)?;
    let op = params
        .get("op")
        .map(String::as_str)
        .ok_or_else(|| problem(format!("is missing; expected one of {OPS}")))?;
    Ok(match op {
        "count_bytes" => input.len().to_string().into(),
        "hex" => input
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into(),
        "upper" => text(input)?.to_uppercase().into(),
        "lower" => text(input)?.to_lowercase().into(),
        "reverse" => text(input)?.chars().rev().collect::<String>().into(),
        "trim" => input.slice_ref(text(input)?.trim().as_bytes()),
        "count_lines" => text(input)?.lines().count().to_string().into(),
        "sort_lines" => lines(text(input)?, |lines| lines.sort_unstable()),
        "unique_lines" => lines(text(input)?, |lines| {
            let mut seen = std::collections::HashSet::new();
            lines.retain(|line| seen.insert(*line));
        }),
        other => {
            return Err(problem(format!(
                "is {:?}; expected one of {OPS}",
                other.chars().take(50).collect::<String>()
            )));
        }
    })
}

fn problem(problem: String) -> ComputeError {
    ComputeError::Param {
        function: NAME,
        name: "op".to_owned(),
        problem,
    }
}

fn text(input: &Bytes) -> Result<&str, ComputeError> {
    std::str::from_utf8(input).map_err(|error| ComputeError::Input {
        function: NAME,
        problem: format!("the input is not UTF-8 at byte {}", error.valid_up_to()),
    })
}

fn lines(text: &str, change: impl FnOnce(&mut Vec<&str>)) -> Bytes {
    let mut lines: Vec<&str> = text.lines().collect();
    change(&mut lines);
    lines.join("\n").into()
}
