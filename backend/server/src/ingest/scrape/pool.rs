//! The targets of each job: what stands in the configuration, in files that may change, and what addresses answer.
//!
//! Invariant: a file or an answer that cannot be read, or is not valid, leaves its targets as they were.

mod found;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::target::Ending;
use super::{Target, run, work_out};
use crate::prometheus_yml::Job;
use crate::state::{Shared, stopped};
use found::Found;

/// Keeps a pool of targets for each job that the state names, as they change, until the server stops.
pub(crate) async fn supervise(state: Shared) {
    let mut jobs = state.jobs.subscribe();
    let mut stop = state.stop.clone();
    let mut pools: BTreeMap<String, watch::Sender<Option<Arc<Job>>>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    loop {
        let now = jobs.borrow_and_update().clone();
        pools.retain(|name, pool| {
            let job = now.iter().find(|job| job.name == *name).cloned();
            let stays = job.is_some();
            pool.send_if_modified(|current| {
                let same = matches!((&*current, &job), (Some(a), Some(b)) if a.source == b.source);
                if !same {
                    *current = job;
                }
                !same
            });
            stays
        });
        for job in now {
            pools.entry(job.name.clone()).or_insert_with(|| {
                let (sender, receiver) = watch::channel(Some(job));
                tasks.spawn(pool(Arc::clone(&state), receiver));
                sender
            });
        }
        tokio::select! {
            changed = jobs.changed() => if changed.is_err() { break },
            () = stopped(&mut stop) => break,
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Scrapes the targets of one job until it is gone or the server stops.
async fn pool(state: Shared, mut jobs: watch::Receiver<Option<Arc<Job>>>) {
    let mut stop = state.stop.clone();
    let mut found = Found::default();
    let mut current: Vec<Arc<Target>> = Vec::new();
    let mut scrapes = JoinSet::new();
    let mut name = String::new();
    // Whether the job is another one than at the last look.
    let mut changed = false;
    loop {
        let Some(job) = jobs.borrow_and_update().clone() else {
            current
                .iter()
                .for_each(|target| state.targets.remove(target, Ending::Gone));
            state.targets.set_dropped(&name, None);
            break;
        };
        name.clone_from(&job.name);
        found = found.look(Arc::clone(&job)).await;
        let out = work_out(&job, &found.groups(&job));
        for reason in &out.wrong {
            tracing::warn!(%reason, "this is no target");
        }
        state.targets.set_dropped(&job.name, Some(out.dropped));
        current.retain(|target| {
            let same = out.targets.iter().find(|new| target.is_same(new));
            let stays = same.is_some_and(|new| !changed && new.spec.refused == target.spec.refused);
            if !stays {
                let ending = same.map_or(Ending::Gone, |_| Ending::Replaced);
                state.targets.remove(target, ending);
            }
            stays
        });
        for target in out.targets {
            if current.iter().any(|old| old.is_same(&target)) {
                continue;
            }
            let target = Arc::new(target);
            current.push(Arc::clone(&target));
            state.targets.add(Arc::clone(&target));
            scrapes.spawn(run(Arc::clone(&state), target));
        }
        while scrapes.try_join_next().is_some() {}
        let pause = async {
            match found::refresh(&job) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        changed = tokio::select! {
            () = pause => false,
            changed = jobs.changed() => match changed {
                Ok(()) => true,
                Err(_) => break,
            },
            () = stopped(&mut stop) => break,
        };
    }
    while scrapes.join_next().await.is_some() {}
}
