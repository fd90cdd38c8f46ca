//! From the grammar's tree to the tree that is evaluated.
//!
//! Invariant: everything that evaluation relies on is checked here, whatever the grammar let through.

use std::time::{Duration, SystemTime};

use promql_parser::label::{MatchOp as TheirOp, Matchers};
use promql_parser::parser::{
    AggregateExpr, AtModifier, BinaryExpr, Call as TheirCall, Expr as Theirs, LabelModifier, Offset,
    VectorMatchCardinality, VectorSelector,
};
use watchroom_model::{METRIC_NAME, MatchOp, Matcher};

use super::aggregate::Aggregation;
use super::ast::{
    Aggregate, At, Binary, Call, Expr, Group, Grouping, MAX_DEPTH, Matching, Range, RangeOf, Selector, Shift,
};
use super::binary::Operator;
use super::{ValueType, functions};

/// Turns the grammar's tree into ours; the message of the error is for a person.
pub(crate) fn lower(theirs: &Theirs) -> Result<Expr, String> {
    at_depth(theirs, 0)
}

fn at_depth(theirs: &Theirs, depth: usize) -> Result<Expr, String> {
    if depth == MAX_DEPTH {
        return Err(format!("expression is deeper than {MAX_DEPTH} levels"));
    }
    let below = |theirs: &Theirs| at_depth(theirs, depth + 1);
    match theirs {
        Theirs::NumberLiteral(number) => Ok(Expr::Number(number.val)),
        Theirs::StringLiteral(text) => Ok(Expr::Text(text.val.clone())),
        Theirs::Paren(paren) => below(&paren.expr),
        Theirs::Unary(unary) => {
            let expr = below(&unary.expr)?;
            match expr.value_type() {
                ValueType::Scalar | ValueType::Vector => Ok(Expr::Negate(Box::new(expr))),
                other => Err(format!(
                    "unary \"-\" needs a scalar or instant vector, got {other}"
                )),
            }
        }
        Theirs::VectorSelector(selector) => Ok(Expr::Selector(Selector {
            matchers: matchers(selector)?,
            shift: shift(selector.at.as_ref(), selector.offset.as_ref())?,
        })),
        Theirs::MatrixSelector(matrix) => Ok(Expr::Range(Range {
            of: RangeOf::Selector(matchers(&matrix.vs)?),
            range_ms: millis(matrix.range)?,
            shift: shift(matrix.vs.at.as_ref(), matrix.vs.offset.as_ref())?,
        })),
        Theirs::Subquery(subquery) => Ok(Expr::Range(Range {
            of: RangeOf::Subquery(
                Box::new(below(&subquery.expr)?),
                subquery.step.map(millis).transpose()?,
            ),
            range_ms: millis(subquery.range)?,
            shift: shift(subquery.at.as_ref(), subquery.offset.as_ref())?,
        })),
        Theirs::Binary(theirs) => binary(theirs, below(&theirs.lhs)?, below(&theirs.rhs)?),
        Theirs::Aggregate(theirs) => {
            let param = theirs.param.as_deref().map(below).transpose()?;
            aggregate(theirs, param, below(&theirs.expr)?)
        }
        Theirs::Call(theirs) => {
            let args = theirs
                .args
                .args
                .iter()
                .map(|arg| below(arg))
                .collect::<Result<_, _>>()?;
            call(theirs, args)
        }
        Theirs::Extension(_) => Err("extensions of the language are not supported".into()),
    }
}

fn millis(duration: Duration) -> Result<i64, String> {
    i64::try_from(duration.as_millis()).map_err(|_| "duration is too long".into())
}

fn shift(at: Option<&AtModifier>, offset: Option<&Offset>) -> Result<Shift, String> {
    let at = match at {
        None => At::Step,
        Some(AtModifier::Start) => At::Start,
        Some(AtModifier::End) => At::End,
        Some(AtModifier::At(time)) => At::Time(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after)?,
            Err(before) => -millis(before.duration())?,
        }),
    };
    let offset_ms = match offset {
        None => 0,
        Some(Offset::Pos(by)) => millis(*by)?,
        Some(Offset::Neg(by)) => -millis(*by)?,
    };
    Ok(Shift { at, offset_ms })
}

fn matchers(selector: &VectorSelector) -> Result<Vec<Matcher>, String> {
    let Matchers {
        matchers,
        or_matchers,
    } = &selector.matchers;
    if !or_matchers.is_empty() {
        return Err("\"or\" between matchers is not supported yet".into());
    }
    let mut all = Vec::with_capacity(matchers.len() + 1);
    if let Some(name) = &selector.name {
        all.push(Matcher::equal(METRIC_NAME, name));
    }
    for theirs in matchers {
        let op = match theirs.op {
            TheirOp::Equal => MatchOp::Equal,
            TheirOp::NotEqual => MatchOp::NotEqual,
            TheirOp::Re(_) => MatchOp::Regex,
            TheirOp::NotRe(_) => MatchOp::NotRegex,
        };
        let matcher = Matcher::new(op, &theirs.name, &theirs.value)
            .map_err(|error| format!("{error}: {}", super::parse::last_line(&error.source.to_string())))?;
        all.push(matcher);
    }
    if all.iter().all(Matcher::matches_empty) {
        return Err(
            "vector selector must contain at least one matcher that does not match the empty string".into(),
        );
    }
    Ok(all)
}

fn binary(theirs: &BinaryExpr, lhs: Expr, rhs: Expr) -> Result<Expr, String> {
    let op = Operator::from_symbol(&theirs.op.to_string())
        .ok_or_else(|| format!("binary operator \"{}\" is not supported yet", theirs.op))?;
    let types = (lhs.value_type(), rhs.value_type());
    for side in [types.0, types.1] {
        if !matches!(side, ValueType::Scalar | ValueType::Vector) {
            return Err(format!(
                "binary operator {op} needs scalars or instant vectors, got {side}"
            ));
        }
    }
    let as_bool = theirs.return_bool();
    if types == (ValueType::Scalar, ValueType::Scalar) {
        if op.is_set() {
            return Err(format!("set operator {op} needs instant vectors, got scalars"));
        }
        if op.is_comparison() && !as_bool {
            return Err(format!(
                "comparison {op} between scalars must use the bool modifier"
            ));
        }
    }
    if op.is_set() && types != (ValueType::Vector, ValueType::Vector) {
        return Err(format!("set operator {op} needs instant vectors, got scalar"));
    }
    let mut matching = Matching::default();
    if let Some(modifier) = &theirs.modifier {
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            return Err("fill modifiers are not supported yet".into());
        }
        match &modifier.matching {
            Some(LabelModifier::Include(names)) => {
                (matching.on, matching.names) = (true, names.labels.clone())
            }
            Some(LabelModifier::Exclude(names)) => matching.names.clone_from(&names.labels),
            None => {}
        }
        (matching.group, matching.include) = match &modifier.card {
            VectorMatchCardinality::ManyToOne(names) => (Group::Left, names.labels.clone()),
            VectorMatchCardinality::OneToMany(names) => (Group::Right, names.labels.clone()),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => {
                (Group::None, Vec::new())
            }
        };
    }
    Ok(Expr::Binary(Box::new(Binary {
        op,
        lhs,
        rhs,
        as_bool,
        matching,
    })))
}

fn aggregate(theirs: &AggregateExpr, param: Option<Expr>, expr: Expr) -> Result<Expr, String> {
    let name = theirs.op.to_string();
    let op = Aggregation::from_name(&name)
        .ok_or_else(|| format!("aggregation \"{name}\" is not supported yet"))?;
    expect(ValueType::Vector, &expr, &name)?;
    if let (Some(expected), Some(param)) = (op.param_type(), &param) {
        expect(expected, param, &name)?;
    }
    let grouping = match &theirs.modifier {
        None => Grouping {
            without: false,
            names: Vec::new(),
        },
        Some(LabelModifier::Include(names)) => Grouping {
            without: false,
            names: names.labels.clone(),
        },
        Some(LabelModifier::Exclude(names)) => Grouping {
            without: true,
            names: names.labels.clone(),
        },
    };
    if let (Aggregation::CountValues, Some(Expr::Text(label))) = (op, &param)
        && !functions::is_label_name(label)
    {
        return Err(format!("invalid label name {label:?} in count_values"));
    }
    Ok(Expr::Aggregate(Box::new(Aggregate {
        op,
        param,
        expr,
        grouping,
    })))
}

fn call(theirs: &TheirCall, args: Vec<Expr>) -> Result<Expr, String> {
    let name = theirs.func.name;
    let function =
        functions::find(name).ok_or_else(|| format!("function \"{name}\" is not supported yet"))?;
    for (i, arg) in args.iter().enumerate() {
        let types = &theirs.func.arg_types;
        let Some(expected) = types.get(i).or(types.last()) else {
            continue;
        };
        expect(of_theirs(*expected), arg, name)?;
    }
    Ok(Expr::Call(Box::new(Call { function, args })))
}

fn of_theirs(value_type: promql_parser::parser::value::ValueType) -> ValueType {
    use promql_parser::parser::value::ValueType as T;
    match value_type {
        T::Scalar => ValueType::Scalar,
        T::String => ValueType::String,
        T::Vector => ValueType::Vector,
        T::Matrix => ValueType::Matrix,
    }
}

fn expect(expected: ValueType, expr: &Expr, name: &str) -> Result<(), String> {
    let got = expr.value_type();
    (expected == got).then_some(()).ok_or_else(|| {
        format!(
            "expected type {} in call to {name:?}, got {}",
            expected.in_words(),
            got.in_words()
        )
    })
}
