//! An error with everything below it, for lines that show errors as text (COM-16).
//!
//! Not here: errors that are fields themselves (`error = &error as &dyn Error`): capture reads their chain without help.

use std::error::Error;
use std::fmt;

/// Errors that are shown below the first; a chain that is longer, or a circle, ends there.
const DEPTH_MAX: usize = 32;

/// Shows an error and its sources.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

/// Shows an error with the whole chain of its sources, separated by `: `. `%error` alone shows the first link only.
///
/// ```
/// # use std::io;
/// # #[derive(Debug, thiserror::Error)]
/// # #[error("cannot read the index")]
/// # struct IndexError(#[source] io::Error);
/// let error = IndexError(io::Error::other("disk gone"));
/// tracing::error!(error = %watchroom_capture::chain(&error), "start failed");
/// assert_eq!(watchroom_capture::chain(&error).to_string(), "cannot read the index: disk gone");
/// ```
#[must_use]
pub const fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        for _ in 0..DEPTH_MAX {
            let Some(source) = next else { break };
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}
