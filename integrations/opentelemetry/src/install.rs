//! Joining the two.
//!
//! Not here: ending it; a capture that is shut down exports nothing more, whoever made the span.

use std::sync::Arc;

use opentelemetry::global;
use watchroom_capture::{CaptureHandle, Propagators};

use crate::context::Joined;
use crate::{ContextPropagator, Provider};

/// Why the two could not be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// It has been done before, or another API was joined.
    #[error("another tracing API has been joined to this capture already")]
    Joined,
}

/// Joins the `opentelemetry` API to a capture, in both directions, without touching what is global in the process. Only spans that are
/// entered from now on are seen by the other side.
///
/// # Errors
/// [`InstallError`] if one has been joined before.
pub fn join(handle: &CaptureHandle) -> Result<Provider, InstallError> {
    if handle.join(Arc::new(Joined)) {
        Ok(Provider::new(handle.clone()))
    } else {
        Err(InstallError::Joined)
    }
}

/// Joins the `opentelemetry` API to a capture and makes it what libraries find: the global tracer provider, and the global propagator with
/// the given formats.
///
/// # Errors
/// As [`join`]; then nothing is changed.
pub fn install(handle: &CaptureHandle, formats: Propagators) -> Result<Provider, InstallError> {
    let provider = join(handle)?;
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(ContextPropagator::new(handle.clone(), formats));
    Ok(provider)
}
