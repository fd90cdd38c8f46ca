//! Rule files read again, while all goes on.
//!
//! Invariant: a group whose text did not change is not touched; one that changed keeps the state of the rules that it still has; series of
//! rules that are gone are ended.

use std::sync::{Arc, PoisonError};

use watchroom_rules::{Batch, Group, GroupSpec};

use super::{Active, Defaults, key, load, made, metrics};
use crate::clock;
use crate::prometheus_yml::PrometheusYml;
use crate::state::{State, lock};

/// Reads every rule file again: those of flags, and those that a configuration file names.
///
/// # Errors
/// What is wrong with them; nothing has changed then.
pub(crate) fn reload(state: &State, file: &mut PrometheusYml) -> Result<(), String> {
    let rules = &state.rules;
    let mut specs = load("--rules", &rules.files).map_err(|error| crate::error::chain(&error))?;
    specs.extend(load("--config", &file.rule_files).map_err(|error| crate::error::chain(&error))?);
    let defaults = Defaults::new(file, &rules.notifier);
    rules.notifier.configure(std::mem::take(&mut file.alerting));
    replace(state, specs, &defaults);
    Ok(())
}

/// Puts groups in the place of those there are.
fn replace(state: &State, specs: Vec<GroupSpec>, defaults: &Defaults) {
    let rules = &state.rules;
    let _one = lock(&rules.reloading);
    let mut former: Vec<Arc<Active>> = rules.groups().to_vec();
    let mut groups = Vec::new();
    for spec in specs {
        let place = former
            .iter()
            .position(|known| key(known.run().group.spec()) == key(&spec));
        groups.push(match place.map(|i| former.remove(i)) {
            None => Arc::new(Active::new(made(spec, defaults), defaults)),
            Some(known) => replaced(state, known, made(spec, defaults), defaults),
        });
    }
    for gone in former {
        let group = end(&gone);
        write(state, &group.close(clock::now_ms()));
    }
    *rules.groups.write().unwrap_or_else(PoisonError::into_inner) = groups.into();
    rules.changed.send_modify(|n| *n += 1);
}

/// The group itself if nothing changed, else the new one with what it takes over.
fn replaced(state: &State, known: Arc<Active>, mut group: Group, defaults: &Defaults) -> Arc<Active> {
    {
        let run = known.run();
        let same_interval = run.interval == group.spec().interval.unwrap_or(defaults.interval);
        if same_interval && run.external == defaults.external && run.group.spec().is_same(group.spec()) {
            drop(run);
            return known;
        }
    }
    let ended = group.take_over(end(&known), clock::now_ms());
    write(state, &ended);
    Arc::new(Active::new(group, defaults))
}

/// Ends a group, as soon as it is not being evaluated, and takes it out.
fn end(active: &Active) -> Group {
    let mut run = active.run();
    active.ended.send_replace(true);
    let empty = GroupSpec {
        file: String::new(),
        name: String::new(),
        interval: None,
        query_offset: None,
        limit: 0,
        rules: Vec::new(),
    };
    std::mem::replace(&mut run.group, Group::new(empty))
}

fn write(state: &State, batch: &Batch) {
    if batch.is_empty() {
        return;
    }
    let timeout = std::time::Duration::from_secs(10);
    if let Err(error) = metrics::with(state, timeout, |around| around.sink.append(batch)) {
        let error = crate::error::chain(&error);
        tracing::warn!(%error, "the ends of series of rules that are gone cannot be written");
    }
}
