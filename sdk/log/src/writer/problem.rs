//! What a writer tells of its output.
//!
//! Invariant: an outage is told once when it begins and once when it ends; between, only the loss of security events is. Not here: who is told.

use std::fmt;
use std::io::Write as _;

use crate::sampling::LOG_TARGET;

/// What happened to an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// It takes no more lines: a full disk, a closed stream.
    Failing,
    /// It fails still, and security events were lost by that. Told at once, then every 30 s at most.
    SecurityLost,
    /// It takes lines again.
    Recovered,
    /// It took lines too slowly, or not at all for a while, so that some found no room. Told every 30 s at most, and at once if
    /// security events are among them.
    Overrun,
}

/// Something about an output that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterProblem {
    /// What happened.
    pub kind: ProblemKind,
    /// Name of the output.
    pub sink: String,
    /// Lines that were lost by it since it was last told; they are in the ledger.
    pub n_lines: u64,
    /// Those of them that were security events.
    pub n_security: u64,
    /// What the system says.
    pub error: Option<String>,
}

impl fmt::Display for WriterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sink,
            n_lines,
            n_security,
            ..
        } = self;
        match self.kind {
            ProblemKind::Failing => {
                write!(
                    f,
                    "log output {sink} fails; lines are dropped and counted until it recovers"
                )?;
            }
            ProblemKind::SecurityLost => {
                write!(f, "log output {sink} fails still; {n_lines} lines were dropped")?
            }
            ProblemKind::Recovered => {
                write!(f, "log output {sink} has recovered; {n_lines} lines were dropped")?
            }
            ProblemKind::Overrun => write!(
                f,
                "log output {sink} did not keep up; {n_lines} lines were dropped"
            )?,
        }
        if *n_security > 0 {
            write!(f, ", {n_security} of security events among them")?;
        }
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

/// Logs a problem under the target `watchroom::log`, so that the other outputs show it; a failure also goes to stderr, since there may
/// be no other output. For [`WriterBuilder::on_problem`](crate::WriterBuilder::on_problem) of writers below the global subscriber.
pub fn report_problem(problem: &WriterProblem) {
    let WriterProblem {
        kind,
        sink,
        n_lines,
        n_security,
        error,
    } = problem;
    let (sink, error) = (sink.as_str(), error.as_deref());
    if *kind == ProblemKind::Failing || *n_security > 0 {
        // There is nobody left to tell of a stderr that is closed.
        let _ = writeln!(std::io::stderr(), "{problem}");
        tracing::error!(target: LOG_TARGET, sink, lines = n_lines, security_lines = n_security, error, "{problem}");
    } else {
        tracing::warn!(target: LOG_TARGET, sink, lines = n_lines, security_lines = n_security, "{problem}");
    }
}
