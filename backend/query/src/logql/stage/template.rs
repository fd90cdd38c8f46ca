//! What templates in `line_format` and `label_format` are filled in with, and their functions.
//!
//! Source: Loki, "Template functions".

mod math;
mod text;
mod time;

use crate::logql::row::Row;
use crate::template::{COMMON, Context, Function, Value};

/// Where functions are looked for.
pub(crate) static TABLES: [&[Function]; 4] = [text::FUNCTIONS, math::FUNCTIONS, time::FUNCTIONS, COMMON];

/// A line as a template sees it; a label that is not there is the empty text.
pub(super) struct Source<'r, 'l, 's>(pub &'r Row<'l, 's>);

impl Context for Source<'_, '_, '_> {
    fn field(&self, name: &str) -> Value {
        Value::Text(
            self.0
                .get(name)
                .map_or_else(String::new, std::borrow::Cow::into_owned),
        )
    }

    fn fields(&self) -> Vec<(String, Value)> {
        let mut fields = self.0.fields();
        fields.sort();
        fields
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
    }

    fn ask(&self, what: &str) -> Value {
        match what {
            "line" => self.0.body().into(),
            "timestamp" => Value::Time(self.0.line.time_ns as i64),
            "now" => Value::Time(self.0.now_ns as i64),
            _ => Value::Nil,
        }
    }
}
