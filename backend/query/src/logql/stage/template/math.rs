//! Functions of numbers. Those of whole numbers wrap around at 64 bits, as Go's do.

use crate::template::{Function, Value, function};

const MANY: usize = usize::MAX;

type Result1 = Result<Value, String>;

pub(super) static FUNCTIONS: &[Function] = &[
    function("int", (1, 1), |a, _| Ok(Value::Int(a[0].int().unwrap_or(0)))),
    function("float64", (1, 1), |a, _| {
        Ok(Value::Float(a[0].float().unwrap_or(0.0)))
    }),
    function("add", (1, MANY), |a, _| whole(a, |x, y| Ok(x.wrapping_add(y)))),
    function("sub", (2, 2), |a, _| whole(a, |x, y| Ok(x.wrapping_sub(y)))),
    function("mul", (1, MANY), |a, _| whole(a, |x, y| Ok(x.wrapping_mul(y)))),
    function("div", (2, 2), |a, _| {
        whole(a, |x, y| nonzero(y).map(|y| x.wrapping_div(y)))
    }),
    function("mod", (2, 2), |a, _| {
        whole(a, |x, y| nonzero(y).map(|y| x.wrapping_rem(y)))
    }),
    function("max", (1, MANY), |a, _| whole(a, |x, y| Ok(x.max(y)))),
    function("min", (1, MANY), |a, _| whole(a, |x, y| Ok(x.min(y)))),
    function("addf", (1, MANY), |a, _| real(a, |x, y| x + y)),
    function("subf", (1, MANY), |a, _| real(a, |x, y| x - y)),
    function("mulf", (1, MANY), |a, _| real(a, |x, y| x * y)),
    function("divf", (1, MANY), |a, _| real(a, |x, y| x / y)),
    function("maxf", (1, MANY), |a, _| real(a, f64::max)),
    function("minf", (1, MANY), |a, _| real(a, f64::min)),
    function("ceil", (1, 1), |a, _| Ok(Value::Float(a[0].float()?.ceil()))),
    function("floor", (1, 1), |a, _| Ok(Value::Float(a[0].float()?.floor()))),
    function("round", (2, 3), |a, _| {
        let half = a.get(2).map_or(Ok(0.5), Value::float)?;
        let scale = 10_f64.powi(i32::try_from(a[1].int()?.clamp(-300, 300)).unwrap_or(0));
        let scaled = a[0].float()? * scale;
        let cut = scaled.trunc();
        let away = (scaled - cut).abs() >= half;
        Ok(Value::Float(
            (if away { cut + scaled.signum() } else { cut }) / scale,
        ))
    }),
    function("bytes", (1, 1), |a, _| {
        let text = a[0].text()?;
        let bytes = crate::logql::label_filter::bytes(text);
        bytes
            .map(Value::Float)
            .ok_or_else(|| format!("{text:?} is not a size such as 20KB"))
    }),
];

/// Whole numbers, read from text if need be.
fn whole(args: &[Value], f: fn(i64, i64) -> Result<i64, String>) -> Result1 {
    let first = args[0].int()?;
    args[1..]
        .iter()
        .try_fold(first, |so_far, next| f(so_far, next.int()?))
        .map(Value::Int)
}

fn real(args: &[Value], f: fn(f64, f64) -> f64) -> Result1 {
    let first = args[0].float()?;
    let folded = args[1..]
        .iter()
        .try_fold(first, |so_far, next| Ok::<f64, String>(f(so_far, next.float()?)))?;
    Ok(Value::Float(folded))
}

fn nonzero(number: i64) -> Result<i64, String> {
    match number {
        0 => Err("division by zero".into()),
        number => Ok(number),
    }
}
