//! Reads the configuration file and the rule files again, while all goes on.
//!
//! Invariant: a file that is not valid changes nothing.

use super::prometheus_yml;
use crate::clock;
use crate::prometheus_yml::PrometheusYml;
use crate::state::{State, lock};

/// Takes what `--config` says now: jobs that changed are scraped anew, those that did not go on.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn reload(state: &State) -> Result<(), String> {
    let read = match &state.config_file {
        None => Ok((PrometheusYml::default(), String::new())),
        Some(path) => prometheus_yml(path).map_err(|error| crate::error::chain(&error)),
    };
    let mut loaded = lock(&state.loaded);
    match read {
        Ok((mut file, shown)) => {
            if let Err(reason) = crate::rules::reload(state, &mut file) {
                loaded.failed = true;
                tracing::error!(%reason, "rules cannot be read again; those before stay");
                return Err(reason);
            }
            *loaded = super::loaded(&file, shown, clock::now_ms());
            state.jobs.send_replace(file.jobs);
            tracing::info!("the configuration was read again");
            Ok(())
        }
        Err(reason) => {
            loaded.failed = true;
            tracing::error!(%reason, "the configuration cannot be read again; the one before stays");
            Err(reason)
        }
    }
}
