//! What sets a selection apart from the rest: the shares that attribute values have in both.
//!
//! The statistic is the difference of shares: how much of the selection has the value, less how much of the rest has it. A value is held
//! to be significant if the z of the pooled two-proportion test is 4 or more, which chance alone exceeds once in 16 000 times, and so seldom
//! even among the hundred values that are looked at together. A key is ranked by half the sum of the significant differences: 0 where the
//! selection is like the rest, 1 where it has nothing in common with it.

use std::collections::HashMap;

use watchroom_model::{AttrValue, Attributes, Span};

use super::expr::{Comparison as Compared, Field, Intrinsic, Level, Literal, Op, values};
use super::walk::each_selected;
use super::{Coverage, SpanSource, TraceError, TraceExpr, Window};

/// Keys counted.
const MAX_KEYS: usize = 256;
/// Values counted of one key.
const MAX_VALUES: usize = 1_000;
/// Values of all keys.
const MAX_ALL_VALUES: usize = 50_000;
/// Longest value; a longer one is not counted.
const MAX_VALUE_BYTES: usize = 256;
/// z from which a difference is significant.
const SIGNIFICANT_Z: f64 = 4.0;
/// Values shown of a key.
const SHOWN_VALUES: usize = 10;

/// A selection beside the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Spans of the selection.
    pub n_selected: u64,
    /// Spans of the rest.
    pub n_rest: u64,
    /// Those that differ most first.
    pub keys: Vec<KeyContrast>,
    /// Keys that were not counted since there were too many.
    pub keys_left_out: bool,
    /// What was looked at.
    pub coverage: Coverage,
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyContrast {
    /// The field as an expression has it.
    pub field: Field,
    /// Half the sum of the significant differences, 0 to 1.
    pub distance: f64,
    /// Values counted.
    pub n_values: usize,
    /// Spans whose value was not counted since there were too many: of the selection and of the rest.
    pub left_out: (u64, u64),
    /// Those that differ most first.
    pub values: Vec<Contrast>,
}

/// How a value differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The value as it is shown.
    pub value: String,
    /// The condition that selects it.
    pub condition: String,
    /// Spans of the selection that have it.
    pub n_selected: u64,
    /// Spans of the rest that have it.
    pub n_rest: u64,
    /// Share of the selection less share of the rest, −1 to 1.
    pub difference: f64,
    /// z of the two-proportion test.
    pub z: f64,
    /// Whether chance is not likely to make that difference.
    pub significant: bool,
}

#[derive(Debug, Default)]
struct Counts {
    by_value: HashMap<String, (Literal, u64, u64)>,
    left_out: (u64, u64),
}

#[derive(Debug, Default)]
struct Tally {
    keys: HashMap<Field, Counts>,
    n_values: usize,
    keys_left_out: bool,
}

/// Compares the spans of `base` that satisfy `selection` with those that do not. Both are judged span by span.
///
/// # Errors
/// [`TraceError`] if it ran out of time, was cancelled, or the store failed.
pub fn compare(
    source: &(impl SpanSource + ?Sized),
    base: &TraceExpr,
    selection: &TraceExpr,
    max_keys: usize,
    window: &Window<'_>,
) -> Result<Comparison, TraceError> {
    let mut tally = Tally::default();
    let (mut n_selected, mut n_rest) = (0, 0);
    let mut seen = Vec::new();
    let coverage = each_selected(source, base, &[], true, window, &mut |span| {
        let selected = selection.matches(span);
        match selected {
            true => n_selected += 1,
            false => n_rest += 1,
        }
        seen.clear();
        tally.add(span, selected, &mut seen);
    })?;
    let mut keys: Vec<KeyContrast> = tally
        .keys
        .into_iter()
        .map(|(field, counts)| contrast(field, counts, n_selected, n_rest))
        .collect();
    keys.sort_by(|a, b| {
        let top = |key: &KeyContrast| key.values.first().map_or(0.0, |value| value.difference.abs());
        b.distance
            .total_cmp(&a.distance)
            .then_with(|| top(b).total_cmp(&top(a)))
            .then_with(|| a.field.cmp(&b.field))
    });
    keys.truncate(max_keys);
    Ok(Comparison {
        n_selected,
        n_rest,
        keys,
        keys_left_out: tally.keys_left_out,
        coverage,
    })
}

fn contrast(field: Field, counts: Counts, n_selected: u64, n_rest: u64) -> KeyContrast {
    let (all_selected, all_rest) = ((n_selected as f64).max(1.0), (n_rest as f64).max(1.0));
    let n_values = counts.by_value.len();
    let mut contrasts: Vec<Contrast> = counts
        .by_value
        .into_iter()
        .map(|(value, (literal, selected, rest))| {
            let (a, b) = (selected as f64, rest as f64);
            let difference = a / all_selected - b / all_rest;
            let pooled = (a + b) / (all_selected + all_rest);
            let error = (pooled * (1.0 - pooled) * (1.0 / all_selected + 1.0 / all_rest)).sqrt();
            let z = if error > 0.0 { difference / error } else { 0.0 };
            let compared = Compared {
                field: field.clone(),
                op: Op::Equal,
                value: literal,
                regex: None,
            };
            Contrast {
                value,
                condition: compared.to_string(),
                n_selected: selected,
                n_rest: rest,
                difference,
                z,
                significant: n_selected > 0 && n_rest > 0 && z.abs() >= SIGNIFICANT_Z,
            }
        })
        .collect();
    let significant = contrasts.iter().filter(|value| value.significant);
    let distance = significant.map(|value| value.difference.abs()).sum::<f64>() / 2.0;
    contrasts.sort_by(|a, b| {
        b.significant
            .cmp(&a.significant)
            .then_with(|| b.difference.abs().total_cmp(&a.difference.abs()))
            .then_with(|| a.value.cmp(&b.value))
    });
    contrasts.truncate(SHOWN_VALUES);
    KeyContrast {
        field,
        distance: distance.min(1.0),
        n_values,
        left_out: counts.left_out,
        values: contrasts,
    }
}

impl Tally {
    fn add(&mut self, span: &Span, selected: bool, seen: &mut Vec<(Field, String)>) {
        for intrinsic in [
            Intrinsic::Name,
            Intrinsic::Status,
            Intrinsic::StatusMessage,
            Intrinsic::Kind,
            Intrinsic::ScopeName,
            Intrinsic::ScopeVersion,
        ] {
            let field = Field::Intrinsic(intrinsic);
            let mut found = None;
            values(&field, span, &mut |value| {
                found = Some(value.clone());
                true
            });
            if let Some(value) = found {
                self.count(field, &value, selected);
            }
        }
        self.attributes(Level::Resource, &span.resource.attributes, selected);
        self.attributes(Level::Scope, &span.scope.attributes, selected);
        self.attributes(Level::Span, &span.attributes, selected);
        // A span counts once for what several of its events have.
        for event in &span.events {
            let name = (Intrinsic::EventName, AttrValue::Str(event.name.clone()));
            let attributes = event
                .attributes
                .iter()
                .map(|(key, value)| (Field::Attribute(Level::Event, key.clone()), value.clone()));
            for (field, value) in std::iter::once((Field::Intrinsic(name.0), name.1)).chain(attributes) {
                let known = (field, value.to_string());
                if !seen.contains(&known) && seen.len() < 64 {
                    self.count(known.0.clone(), &value, selected);
                    seen.push(known);
                }
            }
        }
    }

    fn attributes(&mut self, level: Level, attributes: &Attributes, selected: bool) {
        for (key, value) in attributes {
            self.count(Field::Attribute(level, key.clone()), value, selected);
        }
    }

    fn count(&mut self, field: Field, value: &AttrValue, selected: bool) {
        let one = |counts: &mut (u64, u64)| match selected {
            true => counts.0 += 1,
            false => counts.1 += 1,
        };
        if self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&field) {
            self.keys_left_out = true;
            return;
        }
        let counts = self.keys.entry(field).or_default();
        let (text, literal) = match value {
            AttrValue::Str(text) => (text.to_string(), Literal::Text(text.clone())),
            AttrValue::Int(number) => (number.to_string(), Literal::Int(*number)),
            AttrValue::Bool(truth) => (truth.to_string(), Literal::Bool(*truth)),
            AttrValue::Double(number) if number.is_finite() => (number.to_string(), Literal::Float(*number)),
            // Of lists and maps there is no condition that selects just this one.
            _ => return one(&mut counts.left_out),
        };
        let room = counts.by_value.len() < MAX_VALUES && self.n_values < MAX_ALL_VALUES;
        match counts.by_value.get_mut(&text) {
            Some((_, a, b)) => match selected {
                true => *a += 1,
                false => *b += 1,
            },
            None if room && text.len() <= MAX_VALUE_BYTES => {
                self.n_values += 1;
                let (a, b) = (u64::from(selected), u64::from(!selected));
                counts.by_value.insert(text, (literal, a, b));
            }
            None => one(&mut counts.left_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{resource, span};
    use super::*;
    use crate::Never;

    /// Slow spans are mostly of one host; users are spread at random over all of them.
    fn spans() -> Vec<Span> {
        (0..2_000_u64)
            .map(|i| {
                let slow = i % 10 == 0;
                let mut span = span(u128::from(i) + 1, 1, i);
                span.duration_ns = if slow { 900_000_000 } else { 1_000_000 };
                span.resource = resource("shop");
                let host = if slow && i % 100 != 0 { 7 } else { i as i64 % 5 };
                span.attributes = vec![
                    ("host".into(), host.into()),
                    ("user".into(), format!("u{i}").into()),
                    ("colour".into(), ["red", "blue"][(i / 10 % 2) as usize].into()),
                ];
                span
            })
            .collect()
    }

    #[test]
    fn ranks_what_differs_and_passes_over_what_chance_does() {
        let selection = TraceExpr::parse("{ duration > 100ms }").unwrap();
        let window = Window::new(0, u64::MAX, &Never);
        let found = compare(&*spans(), &TraceExpr::any(), &selection, 50, &window).unwrap();
        assert_eq!((found.n_selected, found.n_rest), (200, 1_800));
        let first = &found.keys[0];
        assert_eq!(first.field.to_string(), "span.host");
        let value = &first.values[0];
        assert_eq!(
            (value.value.as_str(), value.condition.as_str()),
            ("7", "span.host = 7")
        );
        assert_eq!(
            (value.n_selected, value.n_rest, value.significant),
            (180, 0, true)
        );
        assert!((value.difference - 0.9).abs() < 1e-9 && value.z > 30.0);
        assert!((0.8..=1.0).contains(&first.distance), "{}", first.distance);
        for key in &found.keys[1..] {
            assert_eq!(key.distance, 0.0, "{key:?}");
        }
        let user = found
            .keys
            .iter()
            .find(|key| key.field.to_string() == "span.user")
            .unwrap();
        assert_eq!((user.n_values, user.left_out.0 + user.left_out.1), (1_000, 1_000));
        assert_eq!(user.values.len(), SHOWN_VALUES);
    }

    #[test]
    fn nothing_differs_from_nothing() {
        let window = Window::new(0, u64::MAX, &Never);
        let found = compare(&*spans(), &TraceExpr::any(), &TraceExpr::any(), 5, &window).unwrap();
        assert_eq!((found.n_rest, found.keys.len()), (0, 5));
        assert!(found.keys.iter().all(|key| key.distance == 0.0));
    }
}
