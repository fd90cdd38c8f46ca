//! What came back, and what it means for the batch.
//!
//! Invariant: text from a receiver is bounded and holds no control characters before it goes into a message.

use std::fmt;
use std::io;
use std::time::Duration;

use hyper::header::HeaderMap;

/// A receiver's answer, read whole or up to a limit.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
}

/// The verdict on one attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Delivered(Delivered),
    /// It may work later; `after` is the receiver's own wish.
    Retry {
        failure: Failure,
        after: Option<Duration>,
    },
    /// It will never work.
    Refused(Failure),
}

/// A success and what it said besides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// Units that the receiver did not take, and its message; usually none and empty.
    Taken { n_rejected: u64, message: String },
    /// The status is good, the rest unreadable.
    Malformed,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Connect(io::Error),
    Tls(io::Error),
    Broken(hyper::Error),
    /// The same, over TLS without a certificate of our own: a collector that wants one says so only by closing the connection.
    Unwelcome(hyper::Error),
    Timeout(Duration),
    Http {
        status: u16,
        message: String,
    },
    Grpc {
        code: &'static str,
        message: String,
    },
}

impl Failure {
    /// Whether nobody answered.
    pub(crate) const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Tls(_) | Self::Timeout(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Tls(error) => write!(f, "cannot agree on TLS: {error}"),
            Self::Unwelcome(error) => write!(
                f,
                "the connection broke: {} (does the collector want a client certificate?)",
                Causes(error)
            ),
            Self::Broken(error) => {
                write!(f, "the connection broke: {}", Causes(error))?;
                let mut may_be_wrong_port =
                    !(error.is_incomplete_message() || error.is_canceled() || error.is_closed());
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    may_be_wrong_port &= !cause.is::<io::Error>();
                    source = cause.source();
                }
                if may_be_wrong_port {
                    f.write_str(" (is it the right port? gRPC and HTTP have one each)")?;
                }
                Ok(())
            }
            Self::Timeout(after) => write!(f, "no answer within {after:?}"),
            Self::Http { status, message } if message.is_empty() => write!(f, "HTTP status {status}"),
            Self::Http { status, message } => write!(f, "HTTP status {status}: {message}"),
            Self::Grpc { code, message } if message.is_empty() => write!(f, "gRPC status {code}"),
            Self::Grpc { code, message } => write!(f, "gRPC status {code}: {message}"),
        }
    }
}

/// An error and what caused it.
struct Causes<'a>(&'a hyper::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = std::error::Error::source(self.0);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// Most characters of a receiver's text that go into a message.
const MAX_TEXT: usize = 300;

/// A receiver's text, fit for one line.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect();
    if text.trim().chars().nth(MAX_TEXT).is_some() {
        line.push('…');
    }
    line
}

/// Reads the body of a success.
pub(super) fn delivered(response: &[u8]) -> Outcome {
    Outcome::Delivered(match crate::wire::reader::partial_success(response) {
        Ok((n_rejected, message)) => Delivered::Taken {
            n_rejected,
            message: one_line(&message),
        },
        Err(_) => Delivered::Malformed,
    })
}
