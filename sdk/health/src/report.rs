//! Answers: what is asked, the aggregate, and its two forms.

use std::fmt::Write as _;
use std::time::Duration;

use watchroom_core::Moment;

use crate::component::{Component, State};
use crate::detail::Detail;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Is the process there at all?
    Live,
    /// Is every critical component healthy?
    Ready,
    /// Has every component been checked once, and is every critical one healthy?
    Startup,
    /// How is everything?
    Health,
}

/// The aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A component that is asked about has not been checked yet.
    Starting,
    /// All is well.
    Healthy,
    /// Something that is not critical is unhealthy.
    Degraded,
    /// Something critical is unhealthy.
    Unhealthy,
}

impl Status {
    /// The word of the JSON answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One component in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentReport {
    /// Name.
    pub name: String,
    /// State.
    pub state: State,
    /// Whether the service is not ready without it.
    pub critical: bool,
    /// How long the last check took.
    pub latency: Duration,
    /// The last error, also if the component has recovered since.
    pub last_error: Option<String>,
    /// How long ago that was found out.
    pub age: Duration,
    /// What the component is, if it was said.
    pub details: Option<String>,
}

impl ComponentReport {
    pub(crate) fn of(component: &Component, now: Moment) -> Self {
        let outcome = component.outcome(now);
        Self {
            name: component.name.clone(),
            state: outcome.state,
            critical: component.is_critical(),
            latency: outcome.latency,
            last_error: outcome.last_error,
            age: now.since(outcome.at),
            details: component.details().map(str::to_owned),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The aggregate, as it matters to what was asked.
    pub status: Status,
    /// Every component, in order of registration.
    pub components: Vec<ComponentReport>,
    /// The service's own fields.
    pub details: Vec<(&'static str, Detail)>,
    /// Time since the board was made.
    pub uptime: Duration,
}

impl Report {
    pub(crate) fn new(
        probe: Probe,
        components: Vec<ComponentReport>,
        details: Vec<(&'static str, Detail)>,
        uptime: Duration,
    ) -> Self {
        Self {
            status: status(probe, &components),
            components,
            details,
            uptime,
        }
    }

    /// Whether the answer is yes: 200 rather than 503.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.status, Status::Healthy | Status::Degraded)
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        if self.is_good() { 200 } else { 503 }
    }

    /// The answer as one JSON object: `status`, `uptime_seconds`, the service's own fields, `components`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = format!(
            r#"{{"status":"{}","uptime_seconds":{}"#,
            self.status.as_str(),
            self.uptime.as_secs()
        );
        for (name, detail) in &self.details {
            out.push(',');
            text(&mut out, name);
            out.push(':');
            value(&mut out, detail);
        }
        out.push_str(r#","components":["#);
        for (i, component) in self.components.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(r#"{"name":"#);
            text(&mut out, &component.name);
            // Writing to a String does not fail.
            let _ = write!(
                out,
                r#","status":"{}","critical":{},"latency_ms":{:.3},"age_seconds":{:.3},"last_error":"#,
                component.state.as_str(),
                component.critical,
                component.latency.as_secs_f64() * 1e3,
                component.age.as_secs_f64(),
            );
            match &component.last_error {
                Some(error) => text(&mut out, error),
                None => out.push_str("null"),
            }
            if let Some(details) = &component.details {
                out.push_str(r#","details":"#);
                text(&mut out, details);
            }
            out.push('}');
        }
        out.push_str("]}");
        out
    }

    /// The answer as text, a line for each component.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{} (up {} s)\n", self.status.as_str(), self.uptime.as_secs());
        for component in &self.components {
            let mark = if component.state == State::Healthy {
                '+'
            } else {
                '-'
            };
            let critical = if component.critical { ", critical" } else { "" };
            let _ = write!(
                out,
                "[{mark}] {}: {}{critical}, checked {:.1} s ago in {:.1} ms",
                component.name,
                component.state.as_str(),
                component.age.as_secs_f64(),
                component.latency.as_secs_f64() * 1e3
            );
            if let Some(details) = &component.details {
                let _ = write!(out, ", {}", details.escape_debug());
            }
            if let Some(error) = &component.last_error {
                let _ = write!(out, ", last error: {}", error.escape_debug());
            }
            out.push('\n');
        }
        for (name, detail) in &self.details {
            let _ = write!(out, "{name}: ");
            value(&mut out, detail);
            out.push('\n');
        }
        out
    }
}

fn status(probe: Probe, components: &[ComponentReport]) -> Status {
    let any = |state, critical| {
        components
            .iter()
            .any(|c| c.state == state && c.critical == critical)
    };
    match probe {
        Probe::Live => Status::Healthy,
        _ if any(State::Unhealthy, true) => Status::Unhealthy,
        _ if any(State::Starting, true) => Status::Starting,
        Probe::Startup if any(State::Starting, false) => Status::Starting,
        _ if any(State::Unhealthy, false) => Status::Degraded,
        _ => Status::Healthy,
    }
}

fn value(out: &mut String, detail: &Detail) {
    // Writing to a String does not fail.
    let _ = match detail {
        Detail::U64(value) => write!(out, "{value}"),
        Detail::I64(value) => write!(out, "{value}"),
        Detail::F64(value) if value.is_finite() => write!(out, "{value}"),
        Detail::F64(_) => write!(out, "null"),
        Detail::Bool(value) => write!(out, "{value}"),
        Detail::Text(value) => {
            text(out, value);
            Ok(())
        }
    };
}

/// A JSON string.
fn text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
