//! SIGTERM and SIGINT: the program is told if it asked to be; else telemetry is flushed and the process ends as it would have.
//!
//! Invariant: a second signal always ends the process, and so does the first once telemetry has ended: a program can always be stopped.
//! The handlers stay for good, since what was in their place before cannot be put back.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::shutdown::ShutdownReport;

/// Whether a signal has come, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Stop(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// Whether somebody has ever asked to be told: the end is then the program's own affair.
    listened: bool,
    /// Telemetry has ended: there is nobody left to tell.
    ended: bool,
    wakers: Vec<Waker>,
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all that wait. Whether somebody listens.
    pub(crate) fn stop(&self) -> bool {
        let (wakers, listened) = {
            let mut state = self.lock();
            state.stopped = true;
            (std::mem::take(&mut state.wakers), state.listened && !state.ended)
        };
        wakers.into_iter().for_each(Waker::wake);
        listened
    }

    /// From now on a signal ends the process.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
    }
}

/// Ends when SIGTERM or SIGINT has come. Works on any runtime.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) Arc<Stop>);

impl Future for Stopped {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        state.listened = true;
        if state.stopped {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Says on stderr what a signal's end has lost; there is no log any more to say it in.
pub(crate) fn tell_losses(report: &ShutdownReport) {
    if report.dropped() > 0 || !report.complete {
        // There is nobody left to tell of a stderr that is closed.
        let _ = writeln!(io::stderr(), "watchroom: telemetry ended by a signal: {report}");
    }
}

/// Listens on a thread of its own. `end` is called before the process ends by a signal that nobody listens to.
///
/// # Errors
/// If the handlers or the thread cannot be made.
pub(crate) fn listen(stop: Arc<Stop>, end: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::Builder::new()
        .name("watchroom-signals".to_owned())
        .spawn(move || {
            let mut seen = false;
            for signal in signals.forever() {
                let listened = stop.stop();
                if !listened || seen {
                    end();
                    // Ends the process; if even that fails there is nothing left to try.
                    let _ = emulate_default_handler(signal);
                }
                seen = true;
            }
        })
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn whoever_waits_is_woken_once_and_whoever_comes_late_does_not_wait() {
        let stop = Arc::new(Stop::default());
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut waiting = Stopped(Arc::clone(&stop));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
        assert!(stop.stop());
        assert_eq!(count.0.load(SeqCst), 1);
        assert!(Pin::new(&mut waiting).poll(&mut cx).is_ready());
    }

    #[test]
    fn it_is_known_that_nobody_listens() {
        assert!(!Stop::default().stop());
    }

    #[test]
    fn after_the_end_nobody_listens_any_more() {
        let stop = Arc::new(Stop::default());
        let waker = Waker::from(Arc::new(Count(AtomicUsize::new(0))));
        let mut waiting = Stopped(Arc::clone(&stop));
        assert!(
            Pin::new(&mut waiting)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        stop.end();
        assert!(!stop.stop());
    }
}
