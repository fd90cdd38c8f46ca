//! What holds for sinks that are logs: one decision of the sampler for all of them, and security events whatever the filters say.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tracing::{debug, error, info, info_span};
use tracing_core::{LevelFilter, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::security::{self, Action, Outcome};
use watchroom_capture::{
    Capture, EventRecord, EventSampler, Filter, ReloadableFilter, Scope, Sink, SpanExporter,
};
use watchroom_core::Moment;

use crate::support::{Exported, text};

/// Writes down level, message and fields of events, and the names of spans that close.
struct Lines {
    filter: ReloadableFilter,
    is_log: bool,
    told: Mutex<Vec<String>>,
}

impl Lines {
    fn new(filter: &str, is_log: bool) -> Arc<Self> {
        Arc::new(Self {
            filter: Filter::parse(filter).unwrap().into(),
            is_log,
            told: Mutex::default(),
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl Sink for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn max_level(&self) -> LevelFilter {
        self.filter.max_level()
    }

    fn on_event(&self, event: &EventRecord<'_>, _scope: Scope<'_>) {
        let line = format!("{} {} {}", event.level(), event.message(), text(event.fields));
        self.told.lock().unwrap().push(line.trim_end().to_owned());
    }

    fn on_close(&self, scope: Scope<'_>) {
        let name = scope.current().map(|span| span.name().to_owned());
        self.told
            .lock()
            .unwrap()
            .push(format!("close {}", name.unwrap_or_default()));
    }

    fn is_log(&self) -> bool {
        self.is_log
    }
}

/// Keeps nothing of target `noisy`, everything else without being asked.
#[derive(Default)]
struct Quiet {
    n_asked: AtomicUsize,
}

impl EventSampler for Quiet {
    fn key(&self, metadata: &'static Metadata<'static>) -> Option<NonZeroU32> {
        assert!(
            !security::is_security(metadata),
            "never asked about security events"
        );
        NonZeroU32::new(u32::from(metadata.target() == "noisy"))
    }

    fn keep(&self, _key: NonZeroU32, _now: Moment) -> bool {
        self.n_asked.fetch_add(1, Relaxed);
        false
    }
}

#[test]
fn what_the_sampler_suppresses_reaches_no_log_but_the_trace_and_other_sinks() {
    let (first, second, other) = (
        Lines::new("info", true),
        Lines::new("info", true),
        Lines::new("info", false),
    );
    let sampler = Arc::new(Quiet::default());
    let exported = Arc::new(Exported::default());
    let (layer, _handle) = Capture::builder()
        .sink(Arc::clone(&first) as _)
        .sink(Arc::clone(&second) as _)
        .sink(Arc::clone(&other) as _)
        .exporter(Arc::clone(&exported) as Arc<dyn SpanExporter>)
        .event_sampler(Arc::clone(&sampler) as _)
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info_span!(target: "noisy", "work").in_scope(|| {
            info!(target: "noisy", "suppressed");
            debug!(target: "noisy", "no log wants it, so nobody is asked");
            info!(target: "calm", "kept");
        });
    });
    for log in [&first, &second] {
        assert_eq!(log.take(), ["INFO kept"]);
    }
    assert_eq!(other.take(), ["INFO suppressed", "INFO kept", "close work"]);
    let spans = exported.take();
    let events: Vec<_> = spans[0]
        .events
        .iter()
        .map(|event| event.name().to_owned())
        .collect();
    assert_eq!(
        events,
        ["suppressed", "no log wants it, so nobody is asked", "kept"]
    );
    // Once for the event and once for the span's close, though there are two logs.
    assert_eq!(sampler.n_asked.load(Relaxed), 2);
}

#[test]
fn a_security_event_passes_every_filter_and_only_logs_are_forced_to_take_it() {
    let (log, off, other) = (
        Lines::new("error", true),
        Lines::new("off", true),
        Lines::new("off", false),
    );
    let (layer, _handle) = Capture::builder()
        .sink(Arc::clone(&log) as _)
        .sink(Arc::clone(&off) as _)
        .sink(Arc::clone(&other) as _)
        .event_sampler(Arc::new(Quiet::default()))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        security::event(Action::Login, Outcome::Success)
            .actor("u-17")
            .object("console")
            .emit();
        off.filter.set(Filter::off());
        security::event(Action::Other("approve"), Outcome::Denied)
            .actor("bob@example.com")
            .object(format_args!("payout {}", 3))
            .reason("limit")
            .source("cli")
            .emit();
        watchroom_capture::security!(
            actor = "u-17",
            action = Action::Grant,
            object = "role admin",
            outcome = Outcome::Failure,
            password = "hunter2hunter2",
            "not {}",
            "granted"
        );
        watchroom_capture::security!(
            actor = "u-17",
            action = "plain",
            object = 5,
            outcome = Outcome::Success
        );
        info!(target: "security::keys", "below the target");
        debug!(target: "security", "an ordinary event");
        info!(target: "security_team", "another target");
        error!(target: "other", "an error");
    });
    let security = [
        "INFO login: success actor=u-17 action=login object=console outcome=success",
        "WARN approve: denied actor=[REDACTED] action=approve object=payout 3 outcome=denied reason=limit source=cli",
        "WARN not granted actor=u-17 action=grant object=role admin outcome=failure password=[REDACTED]",
        "INFO security event actor=u-17 action=plain object=5 outcome=success",
        "INFO below the target",
    ];
    assert_eq!(off.take(), security);
    assert_eq!(log.take(), [&security[..], &["ERROR an error"]].concat());
    assert_eq!(other.take(), Vec::<String>::new());
}
