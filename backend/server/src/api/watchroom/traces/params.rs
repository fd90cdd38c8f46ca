//! Parameters that the questions share.

use std::time::Duration;

use axum::extract::Request;
use watchroom_model::TraceId;
use watchroom_query::ParseError;
use watchroom_query::traces::{Field, TraceExpr, Window, parse_duration, parse_field};

use super::Failure;
use crate::api::time::parse_ns;
use crate::api::work::Deadline;
use crate::clock;
use crate::net::Params;

/// Window of a question that does not say which.
const DEFAULT_WINDOW_NS: u64 = 3_600_000_000_000;
/// Steps of an answer over time that does not say how long they are.
const DEFAULT_STEPS: u64 = 100;
/// Fields of a grouping.
const MAX_FIELDS: usize = 5;

/// What a question is about.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Asked {
    pub(super) fn read(request: &Request) -> Result<Self, Failure> {
        let params = Params::parse(request.uri().query().unwrap_or(""));
        let moment = |name: &str, default: u64| match params.get(name) {
            None => Ok(default),
            Some(text) => parse_ns(text).ok_or_else(|| {
                let reason = format!("{text:?} is no moment: expected nanoseconds, seconds or RFC 3339");
                Failure::parameter(name, reason)
            }),
        };
        let end_ns = moment("end", clock::now_ns())?;
        let start_ns = moment("start", end_ns.saturating_sub(DEFAULT_WINDOW_NS))?;
        if start_ns > end_ns {
            return Err(Failure::parameter("end", "it is before start"));
        }
        Ok(Self {
            params,
            start_ns,
            end_ns,
        })
    }

    /// The expression in a parameter; every span if there is none.
    pub(super) fn expr(&self, name: &str) -> Result<TraceExpr, Failure> {
        TraceExpr::parse(self.params.get(name).unwrap_or("")).map_err(|error| unreadable(name, &error))
    }

    /// The fields in `by`, each in a parameter of its own.
    pub(super) fn fields(&self) -> Result<Vec<Field>, Failure> {
        let fields: Vec<Field> = self
            .params
            .all("by")
            .filter(|text| !text.trim().is_empty())
            .map(|text| parse_field(text).map_err(|error| unreadable("by", &error)))
            .collect::<Result<_, _>>()?;
        match fields.len() <= MAX_FIELDS {
            true => Ok(fields),
            false => Err(Failure::parameter("by", format!("at most {MAX_FIELDS} fields"))),
        }
    }

    /// The length of a step.
    pub(super) fn step_ns(&self) -> Result<u64, Failure> {
        let Some(text) = self.params.get("step") else {
            return Ok(((self.end_ns - self.start_ns) / DEFAULT_STEPS).max(1_000_000));
        };
        let step = match text.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            Err(_) => Some(parse_duration(text).map_err(|error| Failure::parameter("step", error))?),
        };
        step.and_then(|step| u64::try_from(step.as_nanos()).ok())
            .filter(|ns| *ns > 0)
            .ok_or_else(|| Failure::parameter("step", "expected a duration above zero, such as 30s"))
    }

    /// A whole number from 1 on; more than `most` is `most`.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Failure> {
        match self.params.get(name).map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(number)) if number > 0 => Ok(number.min(most)),
            Some(_) => Err(Failure::parameter(name, "expected a whole number above zero")),
        }
    }

    pub(super) fn window<'a>(&self, deadline: &'a Deadline) -> Window<'a> {
        Window::new(self.start_ns, self.end_ns, deadline)
    }
}

fn unreadable(name: &str, error: &ParseError) -> Failure {
    Failure {
        position: Some(error.position()),
        ..Failure::parameter(name, error)
    }
}

/// The id of a trace in a path.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failure> {
    TraceId::parse(text).filter(|id| id.0 != 0).ok_or_else(|| {
        Failure::bad_request(format!(
            "invalid trace id {text:?}: expected up to 32 hex digits, not all zero"
        ))
    })
}
