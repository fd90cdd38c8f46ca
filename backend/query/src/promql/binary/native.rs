//! Operators with a native histogram on a side.

use super::Operator;
use crate::promql::EvalError;
use crate::promql::ast::Binary;
use crate::promql::engine::Engine;
use crate::promql::functions::same_histogram;

/// The result's cell; nothing, and a remark, if the operator has no meaning for these.
pub(super) fn combine(engine: &Engine<'_>, node: &Binary, l: f64, r: f64) -> Result<Option<f64>, EvalError> {
    let result = match (node.op, engine.histogram(l), engine.histogram(r)) {
        (Operator::Add, Some(a), Some(b)) => a.add(&b),
        (Operator::Sub, Some(a), Some(b)) => a.sub(&b),
        (Operator::Mul, Some(a), None) => Ok(a.scale(r)),
        (Operator::Mul, None, Some(b)) => Ok(b.scale(l)),
        (Operator::Div, Some(a), None) => Ok(a.divide(r)),
        (op @ (Operator::Equal | Operator::NotEqual), Some(a), Some(b)) => {
            let holds = same_histogram(&a, &b) == (op == Operator::Equal);
            return Ok(match node.as_bool {
                true => Some(f64::from(u8::from(holds))),
                false => holds.then_some(l),
            });
        }
        (op, a, b) => {
            let kind = |is_histogram: bool| if is_histogram { "histogram" } else { "float" };
            let (a, b) = (kind(a.is_some()), kind(b.is_some()));
            let message = format!("incompatible sample types encountered for binary operator {op}");
            let symbol = op.to_string();
            engine.info(
                node.at,
                format!("{message}: {a} {} {b}", symbol.trim_matches('"')),
            );
            return Ok(None);
        }
    };
    match result {
        Ok(histogram) => engine.hold(histogram.compact()).map(Some),
        Err(_) => {
            let message = "vector contains a mix of histograms with exponential and custom buckets schemas";
            engine.warn(node.at, message.into());
            Ok(None)
        }
    }
}
