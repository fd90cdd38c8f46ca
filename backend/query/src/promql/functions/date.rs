//! Parts of a date, in UTC: `year`, `month`, `day_of_month`, `hour` and so on.

use super::Kind::Date;
use super::{Function, function};
use crate::promql::EvalError;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{Grid, Rows};
use watchroom_model::Labels;

pub(super) const FUNCTIONS: &[Function] = &[
    function("minute", Date(|date| (date.second_of_day / 60 % 60) as f64)),
    function("hour", Date(|date| (date.second_of_day / 3600) as f64)),
    function("day_of_week", Date(|date| (date.days + 4).rem_euclid(7) as f64)),
    function("day_of_month", Date(|date| date.day as f64)),
    function(
        "day_of_year",
        Date(|date| (date.days - days_before(date.year, 1) + 1) as f64),
    ),
    function(
        "days_in_month",
        Date(|date| (days_before(date.year, date.month + 1) - days_before(date.year, date.month)) as f64),
    ),
    function("month", Date(|date| date.month as f64)),
    function("year", Date(|date| date.year as f64)),
];

/// A moment in the Gregorian calendar.
#[derive(Debug)]
pub(crate) struct Civil {
    year: i64,
    /// 1 to 12.
    month: i64,
    day: i64,
    /// Days since 1970-01-01.
    days: i64,
    second_of_day: i64,
}

impl Civil {
    /// From seconds since the epoch.
    fn from_seconds(seconds: f64) -> Self {
        // A float outside the range of dates is cut to it.
        let seconds = (seconds.floor() as i64).clamp(-100_000_000_000_000, 100_000_000_000_000);
        let days = seconds.div_euclid(86_400);
        let (year, month, day) = crate::calendar::civil(days);
        Self {
            year,
            month,
            day,
            days,
            second_of_day: seconds.rem_euclid(86_400),
        }
    }
}

/// Days from 1970-01-01 to the first of a month; month 13 is the next January.
fn days_before(year: i64, month: i64) -> i64 {
    let (year, month) = if month == 13 { (year + 1, 1) } else { (year, month) };
    crate::calendar::days(year, month, 1)
}

/// Evaluates a function of dates.
pub(super) fn eval(
    engine: &Engine<'_>,
    call: &Call,
    grid: &Grid,
    f: fn(&Civil) -> f64,
) -> Result<Out, EvalError> {
    let part = |seconds: f64| {
        if !seconds.is_finite() {
            f64::NAN
        } else {
            f(&Civil::from_seconds(seconds))
        }
    };
    let Some(expr) = call.args.first() else {
        let mut rows = Rows::new(grid.len, &engine.budget);
        let cells = rows.push(Labels::empty())?;
        for (cell, t_ms) in cells.iter_mut().zip(grid.times()) {
            *cell = part(t_ms as f64 / 1000.0);
        }
        return Ok(Out::Rows(rows));
    };
    let mut rows = engine.eval_rows(expr, grid)?;
    rows.map(part);
    rows.without_name().map(Out::Rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_leap_years_and_days_before_the_epoch() {
        let date = |seconds: f64| {
            let c = Civil::from_seconds(seconds);
            (c.year, c.month, c.day, c.second_of_day)
        };
        assert_eq!(date(1_456_790_399.0), (2016, 2, 29, 86_399));
        assert_eq!(date(0.0), (1970, 1, 1, 0));
        assert_eq!(date(-1.0), (1969, 12, 31, 86_399));
        assert_eq!(days_before(2017, 13) - days_before(2017, 12), 31);
        assert_eq!(days_before(2000, 3) - days_before(2000, 2), 29);
        assert_eq!(days_before(1900, 3) - days_before(1900, 2), 28);
    }
}
