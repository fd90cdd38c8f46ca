//! Metrics that are there to be used: delivery, the allocator; and that the linter accepts all that this crate can show.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use watchroom_core::Clock;
use watchroom_metrics::allocator::CountingAllocator;
use watchroom_metrics::dora::{Dora, Outcome};
use watchroom_metrics::expose::Format;
use watchroom_metrics::process::ProcessCollector;
use watchroom_metrics::{
    Declaration, DynamicHistogram, Instrument as _, Limits, Registry, Reservoir, expose,
};

use super::{lines, value};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

const HOUR: Duration = Duration::from_secs(3_600);

fn delivered() -> (Registry, Dora) {
    let (clock, _hand) = Clock::manual(1_700_000_000_000_000_000);
    let registry = Registry::with_clock(Limits::default(), clock);
    let dora = Dora::register(&registry).unwrap();
    dora.deployed("shop", "production", Outcome::Succeeded, 2 * HOUR);
    dora.deployed("shop", "production", Outcome::Failed, 90 * HOUR);
    dora.deployed("shop", "staging", Outcome::RolledBack, HOUR);
    dora.failed("shop", "production");
    dora.recovered("shop", "production", HOUR / 2);
    (registry, dora)
}

#[test]
fn the_four_keys_of_delivery() {
    let (registry, _dora) = delivered();
    let snapshot = registry.collect();
    let samples = |metric| {
        let lines = lines(&snapshot, metric, Format::Text);
        lines
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    assert_eq!(
        samples("dora_deployments_total"),
        r#"dora_deployments_total{service="shop",environment="production",outcome="succeeded"} 1
dora_deployments_total{service="shop",environment="production",outcome="failed"} 1
dora_deployments_total{service="shop",environment="staging",outcome="rolled_back"} 1
"#
    );
    assert_eq!(
        samples("dora_change_failures_total"),
        r#"dora_change_failures_total{service="shop",environment="production"} 1
dora_change_failures_total{service="shop",environment="staging"} 0
"#
    );
    let place = [("service", "shop"), ("environment", "production")];
    assert_eq!(
        value(&registry, "dora_lead_time_seconds", &place),
        7_200.0,
        "of what went live"
    );
    assert_eq!(
        value(&registry, "dora_recovery_duration_seconds", &place),
        1_800.0
    );
    assert_eq!(
        value(&registry, "dora_last_deployment_timestamp_seconds", &place),
        1_700_000_000.0
    );
}

#[test]
fn a_second_registration_gives_the_same_metrics() {
    let (registry, _dora) = delivered();
    let again = Dora::register(&registry).unwrap();
    again.failed("shop", "production");
    let place = [("service", "shop"), ("environment", "production")];
    assert_eq!(value(&registry, "dora_change_failures_total", &place), 2.0);
}

#[test]
fn the_allocator_counts_what_is_in_use() {
    let registry = Registry::default();
    registry.register_collector(&ALLOCATOR);
    let before = ALLOCATOR.allocated();
    let mut block = vec![1_u8; 10_000_000];
    let during = ALLOCATOR.allocated();
    assert!(during.bytes_allocated - before.bytes_allocated >= 10_000_000);
    assert!(during.n_allocated > before.n_allocated);
    assert!(value(&registry, "allocator_in_use_bytes", &[]) >= 10_000_000.0);
    block.reserve_exact(20_000_000);
    assert!(
        ALLOCATOR.allocated().bytes_freed - before.bytes_freed >= 10_000_000,
        "a reallocation frees"
    );
    drop(block);
    assert!(ALLOCATOR.allocated().bytes_freed - before.bytes_freed >= 40_000_000);
    assert!(
        value(&registry, "allocator_allocations_total", &[]) > value(&registry, "allocator_frees_total", &[])
    );
}

#[test]
fn promtool_accepts_what_is_ready_made() {
    let (registry, _dora) = delivered();
    registry.register_collector(&ALLOCATOR);
    registry.register_collector(ProcessCollector::new());
    #[cfg(feature = "tokio")]
    let runtime = {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        registry.register_collector(watchroom_metrics::runtime::RuntimeCollector::new(
            "main",
            runtime.handle(),
        ));
        runtime
    };
    let reservoir: Reservoir = Reservoir::register(
        &registry,
        Declaration::new("look_up_seconds", "Look-ups.").with_unit("seconds"),
    )
    .unwrap();
    reservoir.observe(0.5);
    let sizes = Declaration::new("sizes_bytes", "Sizes.").with_buckets(vec![1.0, 2.0]);
    let sizes = DynamicHistogram::register(&registry, sizes).unwrap();
    sizes.observe([("kind", "a")], 1);
    let mut out = String::new();
    expose::text(&registry.collect(), &mut out);
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match spawned {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none() => {
            eprintln!("skipped: promtool cannot be started ({error}); install Debian's `prometheus`");
            return;
        }
        Err(error) => panic!("WATCHROOM_REQUIRE_PEERS is set, but promtool cannot be started: {error}"),
    };
    promtool.stdin.take().unwrap().write_all(out.as_bytes()).unwrap();
    let result = promtool.wait_with_output().unwrap();
    #[cfg(feature = "tokio")]
    drop(runtime);
    assert!(
        result.status.success(),
        "{}{}\n{out}",
        String::from_utf8_lossy(&result.stdout),
        String::from_utf8_lossy(&result.stderr)
    );
}
