//! A line for each process until it is ready: a spinner on a terminal, plain lines elsewhere. All on stderr.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    fancy: bool,
}

impl Progress {
    pub(super) fn new(for_people: bool) -> Self {
        Self {
            bar: None,
            fancy: for_people && std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn begin(&mut self, name: &str) {
        if !self.fancy {
            return self.note(&format!("starting {name}"));
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} starting {msg} … {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(80));
        self.bar = Some(bar);
    }

    pub(super) fn done(&mut self, message: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.note(message);
    }

    #[expect(clippy::print_stderr, reason = "progress goes to stderr")]
    pub(super) fn note(&self, message: &str) {
        eprintln!("  {message}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
