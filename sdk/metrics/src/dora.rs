//! The four keys of delivery: deployments, lead time, change failures, recovery.
//!
//! Invariant: a service and an environment are labels with a limit, so that a typo in a pipeline costs a series and not the budget.
//! Not here: where deployments come from. A pipeline, a deployment controller or an on-call tool calls these.
//!
//! Source: Forsgren, Humble, Kim, "Accelerate", 2018; the DORA metrics.

use std::time::Duration;

use crate::{Counter, Gauge, Histogram, Label, Metrics, RegisterError, Registry};

/// How a deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(crate = crate)]
pub enum Outcome {
    /// It is live.
    Succeeded,
    /// It did not go live.
    Failed,
    /// It was live and was taken back.
    RolledBack,
}

/// A service.
#[derive(Debug, Label)]
#[label(crate = crate, limit = 200)]
struct Service;

/// An environment.
#[derive(Debug, Label)]
#[label(crate = crate, limit = 20)]
struct Environment;

/// From a minute to four weeks.
const LEAD_TIMES: [f64; 12] = [
    60.0,
    300.0,
    900.0,
    3_600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    1_814_400.0,
    2_419_200.0,
];

/// From a minute to a week.
const RECOVERIES: [f64; 10] = [
    60.0, 300.0, 900.0, 1_800.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
];

#[derive(Debug, Clone, Metrics)]
#[metrics(crate = crate, prefix = "dora")]
struct DoraMetrics {
    /// Deployments by outcome.
    deployments_total: Counter<(Service, Environment, Outcome)>,
    /// Time from a change's commit to its deployment.
    #[metric(unit = "seconds", buckets = LEAD_TIMES)]
    lead_time: Histogram<(Service, Environment)>,
    /// Deployments that led to a failure in service.
    change_failures_total: Counter<(Service, Environment)>,
    /// Time from a failure in service to its end.
    #[metric(unit = "seconds", buckets = RECOVERIES)]
    recovery_duration: Histogram<(Service, Environment)>,
    /// When the last successful deployment was, since the epoch.
    #[metric(unit = "seconds")]
    last_deployment_timestamp: Gauge<(Service, Environment)>,
}

/// Records the DORA metrics. Cloning is cheap and gives the same metrics.
///
/// ```
/// use std::time::Duration;
/// use watchroom_metrics::Registry;
/// use watchroom_metrics::dora::{Dora, Outcome};
///
/// let registry = Registry::default();
/// let dora = Dora::register(&registry)?;
/// dora.deployed("shop", "production", Outcome::Succeeded, Duration::from_secs(2 * 3_600));
/// dora.failed("shop", "production");
/// dora.recovered("shop", "production", Duration::from_secs(900));
/// # Ok::<(), watchroom_metrics::RegisterError>(())
/// ```
///
/// The four keys as PromQL, over four weeks:
///
/// | key | query |
/// |---|---|
/// | deployment frequency | `sum by (service) (increase(dora_deployments_total{outcome="succeeded"}[4w])) / 28` |
/// | lead time, median | `histogram_quantile(0.5, sum by (service, le) (rate(dora_lead_time_seconds_bucket[4w])))` |
/// | change failure rate | `sum by (service) (increase(dora_change_failures_total[4w])) / sum by (service) (increase(dora_deployments_total[4w]))` |
/// | time to recover, median | `histogram_quantile(0.5, sum by (service, le) (rate(dora_recovery_duration_seconds_bucket[4w])))` |
#[derive(Debug, Clone)]
pub struct Dora {
    metrics: DoraMetrics,
    registry: Registry,
}

impl Dora {
    /// Registers the metrics, or finds them if they were registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if another metric has one of their names.
    pub fn register(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            metrics: DoraMetrics::register(registry)?,
            registry: registry.clone(),
        })
    }

    /// A deployment has ended. `lead_time` is the time from the oldest commit in it to now; that of a deployment that did not go live is
    /// not observed.
    pub fn deployed(&self, service: &str, environment: &str, outcome: Outcome, lead_time: Duration) {
        let place = (service, environment);
        self.metrics
            .deployments_total
            .inc((service, environment, outcome));
        // The failure rate is a quotient: it needs a zero before the first failure.
        self.metrics.change_failures_total.inc_by(place, 0);
        if outcome == Outcome::Succeeded {
            self.metrics.lead_time.observe_duration(place, lead_time);
            let now_s = self.registry.clock().now_unix_ns() as f64 / 1e9;
            self.metrics.last_deployment_timestamp.set(place, now_s);
        }
    }

    /// A deployment has led to a failure in service: an incident, a rollback, a hotfix.
    pub fn failed(&self, service: &str, environment: &str) {
        self.metrics.change_failures_total.inc((service, environment));
    }

    /// A failure in service has ended, `after` it began.
    pub fn recovered(&self, service: &str, environment: &str, after: Duration) {
        self.metrics
            .recovery_duration
            .observe_duration((service, environment), after);
    }
}
