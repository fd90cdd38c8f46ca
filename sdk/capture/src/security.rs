//! Security events: who did what to what, and how it went (COM-17).
//!
//! ```
//! use watchroom_capture::security::{self, Action, Outcome};
//!
//! security::event(Action::Login, Outcome::Denied)
//!     .actor("u-2f9c")
//!     .object("admin console")
//!     .reason("wrong one-time code")
//!     .emit();
//! watchroom_capture::security!(
//!     actor = "u-2f9c",
//!     action = Action::Other("approve"),
//!     object = "payout 17",
//!     outcome = Outcome::Success,
//!     amount = 250
//! );
//! ```
//!
//! Invariant: an event of the target `security` at INFO or above reaches every log sink, whatever the filters and the sampler say; it is
//! captured and redacted as any other event is. Not here: room in the buffers of sinks, which each sink keeps for them; hashing of ids
//! (the redactor's `hash_id`).

use std::fmt::{self, Display};

use tracing_core::{Level, Metadata};

/// Target of security events.
pub const SECURITY_TARGET: &str = "security";

/// Whether a callsite makes security events: its target is `security` or below it, its level INFO or above. What is below INFO is an
/// ordinary event, for whoever debugs the checks themselves.
#[must_use]
pub fn is_security(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= Level::INFO && is_security_target(metadata.target())
}

/// Whether a target is `security` or below it.
#[must_use]
pub fn is_security_target(target: &str) -> bool {
    target
        .strip_prefix(SECURITY_TARGET)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action<'a> {
    /// An actor proved, or failed to prove, who it is.
    Login,
    /// A session was ended.
    Logout,
    /// A token, key or certificate was checked.
    Authenticate,
    /// A permission was asked for.
    Authorize,
    /// A permission, role or membership was given.
    Grant,
    /// A permission, role, session or key was taken away.
    Revoke,
    /// Something that matters was read.
    Read,
    /// Something was made.
    Create,
    /// Something was changed.
    Update,
    /// Something was removed.
    Delete,
    /// Data left the system in bulk.
    Export,
    /// A setting was changed.
    Configure,
    /// A key or secret was exchanged.
    RotateKey,
    /// Another word; lower case, by convention.
    Other(&'a str),
}

impl<'a> Action<'a> {
    /// The value of the field `action`.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Authenticate => "authenticate",
            Self::Authorize => "authorize",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Export => "export",
            Self::Configure => "configure",
            Self::RotateKey => "rotate_key",
            Self::Other(word) => word,
        }
    }
}

impl Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done. Logged at INFO.
    Success,
    /// It was not allowed. Logged at WARN.
    Denied,
    /// It was allowed, or never judged, and went wrong. Logged at WARN.
    Failure,
}

impl Outcome {
    /// The value of the field `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Begins a security event; an actor and an object have to follow before it can be emitted.
#[must_use = "an event says nothing until it is emitted"]
pub const fn event(action: Action<'_>, outcome: Outcome) -> NeedsActor<'_> {
    NeedsActor { action, outcome }
}

/// A security event that does not say yet who acted.
#[derive(Debug, Clone, Copy)]
#[must_use = "an event says nothing until it is emitted"]
pub struct NeedsActor<'a> {
    action: Action<'a>,
    outcome: Outcome,
}

impl<'a> NeedsActor<'a> {
    /// Who acted: best a pseudonym made by `hash_id`. What identifies a person, such as an e-mail address, is redacted.
    pub fn actor<A: Display>(self, actor: A) -> NeedsObject<'a, A> {
        NeedsObject {
            action: self.action,
            outcome: self.outcome,
            actor,
        }
    }
}

/// A security event that does not say yet on what was acted.
#[derive(Debug, Clone, Copy)]
#[must_use = "an event says nothing until it is emitted"]
pub struct NeedsObject<'a, A> {
    action: Action<'a>,
    outcome: Outcome,
    actor: A,
}

impl<'a, A: Display> NeedsObject<'a, A> {
    /// On what was acted: a resource, a role, another account.
    pub fn object<O: Display>(self, object: O) -> SecurityEvent<'a, A, O> {
        SecurityEvent {
            action: self.action,
            outcome: self.outcome,
            actor: self.actor,
            object,
            reason: None,
            source: None,
        }
    }
}

/// A whole security event.
#[derive(Debug, Clone, Copy)]
#[must_use = "an event says nothing until it is emitted"]
pub struct SecurityEvent<'a, A, O> {
    action: Action<'a>,
    outcome: Outcome,
    actor: A,
    object: O,
    reason: Option<&'a str>,
    source: Option<&'a str>,
}

impl<'a, A: Display, O: Display> SecurityEvent<'a, A, O> {
    /// Why it went as it did.
    pub const fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Where the actor came from: a host, a client's name. Addresses are redacted unless that kind is turned off or masked in part.
    pub const fn source(mut self, source: &'a str) -> Self {
        self.source = Some(source);
        self
    }

    /// Logs it within the current span.
    pub fn emit(self) {
        let Self {
            action,
            outcome,
            actor,
            object,
            reason,
            source,
        } = self;
        let (action, outcome_text) = (action.as_str(), outcome.as_str());
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: SECURITY_TARGET,
                    actor = %actor,
                    action,
                    object = %object,
                    outcome = outcome_text,
                    reason,
                    source,
                    "{action}: {outcome_text}"
                )
            };
        }
        match outcome {
            Outcome::Success => emit!(info),
            Outcome::Denied | Outcome::Failure => emit!(warn),
        }
    }
}

/// Logs a security event: all four parts are required, further fields and a message may follow as `tracing`'s macros take them.
///
/// `actor`, `action` and `object` are anything that implements `Display`; `outcome` is an [`Outcome`](crate::security::Outcome).
#[macro_export]
macro_rules! security {
    (actor = $actor:expr, action = $action:expr, object = $object:expr, outcome = $outcome:expr $(,)?) => {
        $crate::security!(
            actor = $actor, action = $action, object = $object, outcome = $outcome,
            { } "{}", "security event"
        )
    };
    (actor = $actor:expr, action = $action:expr, object = $object:expr, outcome = $outcome:expr, { } $($rest:tt)+) => {{
        let outcome: $crate::security::Outcome = $outcome;
        match outcome {
            $crate::security::Outcome::Success => $crate::__tracing::info!(
                target: $crate::security::SECURITY_TARGET,
                actor = %$actor, action = %$action, object = %$object, outcome = outcome.as_str(), $($rest)+
            ),
            _ => $crate::__tracing::warn!(
                target: $crate::security::SECURITY_TARGET,
                actor = %$actor, action = %$action, object = %$object, outcome = outcome.as_str(), $($rest)+
            ),
        }
    }};
    (actor = $actor:expr, action = $action:expr, object = $object:expr, outcome = $outcome:expr, $($rest:tt)+) => {
        $crate::security!(
            actor = $actor, action = $action, object = $object, outcome = $outcome, { } $($rest)+
        )
    };
}
