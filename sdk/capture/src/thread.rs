//! The thread that something happens on, as spans and lines show it.
//!
//! Invariant: its name is redacted as all text is, since it may have been made of somebody's data. Not here: which spans and lines
//! show it.

use std::sync::{Arc, OnceLock};

use watchroom_redact::Redactor;

/// Number and name of a thread.
#[derive(Debug, Clone)]
pub struct ThreadTag {
    /// The number that the standard library gives it; 0 while the thread ends.
    pub id: u64,
    /// Its name, redacted.
    pub name: Option<Arc<str>>,
}

/// Threads have names before there is a layer, and keep them for all; so the first layer's redactor serves.
static REDACTOR: OnceLock<Redactor> = OnceLock::new();

/// Has names redacted with this redactor, if none has been given yet.
pub(crate) fn redact_names_with(redactor: &Redactor) {
    REDACTOR.get_or_init(|| redactor.clone());
}

impl ThreadTag {
    /// Of the calling thread. Both parts are read once for each thread.
    #[must_use]
    pub fn current() -> Self {
        thread_local! {
            static OWN: ThreadTag = {
                let thread = std::thread::current();
                // The number is in the text form only.
                let digits: String = format!("{:?}", thread.id()).chars().filter(char::is_ascii_digit).collect();
                let name = thread.name().map(|name| REDACTOR.get_or_init(Redactor::default).value(name).as_ref().into());
                ThreadTag { id: digits.parse().unwrap_or(0), name }
            };
        }
        OWN.try_with(Clone::clone).unwrap_or(Self { id: 0, name: None })
    }
}
