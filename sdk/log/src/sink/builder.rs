//! Settings of the log sink.
//!
//! Not here: reading them from flags, files and the environment (the façade does that).

use std::io::IsTerminal as _;
use std::sync::Arc;

use tracing_core::LevelFilter;
use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_core::{Clock, Ledger};

use super::{LogSink, Style};
use crate::Writer;

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object.
    Json,
}

/// When text lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// If stdout is a terminal and the environment has no `NO_COLOR`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never; right for files.
    Never,
}

/// What time stands before a text line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timer {
    /// The date, RFC 3339 in UTC.
    #[default]
    Wall,
    /// Seconds since the sink was made.
    Uptime,
}

/// Which moments of a span's life are logged, at the span's own level and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLines {
    /// It was made. A span that is logged here cannot be given another parent later.
    pub new: bool,
    /// It was entered.
    pub enter: bool,
    /// It was left.
    pub exit: bool,
    /// It closed: with `time.busy` and `time.idle`.
    pub close: bool,
}

impl SpanLines {
    /// No line.
    pub const NONE: Self = Self {
        new: false,
        enter: false,
        exit: false,
        close: false,
    };
    /// One line with the duration when a span closes.
    pub const CLOSE: Self = Self {
        close: true,
        ..Self::NONE
    };
    /// A line for each moment.
    pub const FULL: Self = Self {
        new: true,
        enter: true,
        exit: true,
        close: true,
    };
}

impl Default for SpanLines {
    fn default() -> Self {
        Self::CLOSE
    }
}

/// A log sink in the making.
#[derive(Debug)]
pub struct LogSinkBuilder {
    writer: Writer,
    format: Format,
    color: Color,
    timer: Timer,
    spans: SpanLines,
    threads: bool,
    filter: Option<ReloadableFilter>,
    clock: Clock,
    counted: bool,
}

impl LogSinkBuilder {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            writer,
            format: Format::default(),
            color: Color::default(),
            timer: Timer::default(),
            spans: SpanLines::default(),
            threads: false,
            filter: None,
            clock: Clock::system(),
            counted: true,
        }
    }

    /// Form of a line; text by default.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// When text lines are coloured.
    #[must_use]
    pub const fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// What time stands before a text line.
    #[must_use]
    pub const fn timer(mut self, timer: Timer) -> Self {
        self.timer = timer;
        self
    }

    /// Which moments of a span's life are logged; its close by default.
    #[must_use]
    pub const fn spans(mut self, spans: SpanLines) -> Self {
        self.spans = spans;
        self
    }

    /// Adds number and name of the thread.
    #[must_use]
    pub const fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }

    /// Which events and spans are logged; INFO and above by default.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<ReloadableFilter>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Where time is read; give the sink the same clock as capture.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Whether its lines are counted by level, as they are by default. Of several sinks that write the same lines one should count.
    #[must_use]
    pub const fn counted(mut self, counted: bool) -> Self {
        self.counted = counted;
        self
    }

    /// The sink.
    #[must_use]
    pub fn build(self) -> LogSink {
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                std::io::stdout().is_terminal() && !forbidden
            }
        };
        let ledger: Arc<Ledger> = Arc::clone(self.writer.ledger());
        LogSink {
            filter: self
                .filter
                .unwrap_or_else(|| Filter::level(LevelFilter::INFO).into()),
            json: self.format == Format::Json,
            style: Style {
                color,
                uptime: self.timer == Timer::Uptime,
            },
            spans: self.spans,
            threads: self.threads,
            counted: self.counted,
            start: self.clock.now(),
            clock: self.clock,
            writer: self.writer,
            ledger,
        }
    }
}
