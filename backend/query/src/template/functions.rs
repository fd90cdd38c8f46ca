//! The functions that Go's templates have by themselves.

use std::cmp::Ordering;

use super::{Function, Value, function, printf};

const MANY: usize = usize::MAX;

/// Go's own functions.
pub(crate) static COMMON: &[Function] = &[
    function("printf", (1, MANY), |a, _| {
        Ok(printf(a[0].text()?, &a[1..]).into())
    }),
    function("print", (0, MANY), |a, _| Ok(print(a).into())),
    function("println", (0, MANY), |a, _| {
        let words: Vec<String> = a.iter().map(Value::to_string).collect();
        Ok((words.join(" ") + "\n").into())
    }),
    function("eq", (2, MANY), |a, _| {
        let mut equal = false;
        for other in &a[1..] {
            equal |= a[0].compare(other)? == Some(Ordering::Equal);
        }
        Ok(Value::Bool(equal))
    }),
    function("ne", (2, 2), |a, _| {
        Ok(Value::Bool(a[0].compare(&a[1])? != Some(Ordering::Equal)))
    }),
    function("lt", (2, 2), |a, _| holds(a, Ordering::is_lt)),
    function("le", (2, 2), |a, _| holds(a, Ordering::is_le)),
    function("gt", (2, 2), |a, _| holds(a, Ordering::is_gt)),
    function("ge", (2, 2), |a, _| holds(a, Ordering::is_ge)),
    function("and", (1, MANY), |a, _| {
        Ok(a.iter().find(|v| !v.is_true()).unwrap_or(&a[a.len() - 1]).clone())
    }),
    function("or", (1, MANY), |a, _| {
        Ok(a.iter().find(|v| v.is_true()).unwrap_or(&a[a.len() - 1]).clone())
    }),
    function("not", (1, 1), |a, _| Ok(Value::Bool(!a[0].is_true()))),
    function("len", (1, 1), |a, context| {
        let n = match &a[0] {
            Value::Text(text) => text.len(),
            Value::List(items) => items.len(),
            Value::Map(entries) => entries.len(),
            Value::Root => context.fields().len(),
            other => return Err(format!("{other} has no length")),
        };
        Ok(Value::Int(n as i64))
    }),
    function("index", (2, MANY), |a, context| {
        a[1..].iter().try_fold(a[0].clone(), |of, key| match of {
            Value::Root => Ok(context.field(key.text()?)),
            Value::Map(entries) => {
                let name = key.text()?;
                let found = entries.into_iter().find(|(key, _)| key == name);
                Ok(found.map_or(Value::Nil, |(_, value)| value))
            }
            Value::List(items) => {
                let i = key.int()?;
                let found = usize::try_from(i).ok().and_then(|i| items.get(i).cloned());
                found.ok_or_else(|| format!("index {i} is out of range"))
            }
            other => Err(format!("{other} cannot be indexed")),
        })
    }),
];

fn holds(args: &[Value], test: fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(Value::Bool(args[0].compare(&args[1])?.is_some_and(test)))
}

/// Values one after the other, with a space between two that are not text.
fn print(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in args.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if i > 0 && !is_text(value) && !is_text(&args[i - 1]) {
            out.push(' ');
        }
        out.push_str(&value.to_string());
    }
    out
}
