//! The engine as its users see it: results, and every metric as it moves on hit, miss, error, long compute and violation.

use std::collections::BTreeMap;

use watchroom::metrics::Registry;
use watchroom::metrics::snapshot::Value;

use super::*;

struct Fixture {
    engine: Arc<Engine>,
    registry: Registry,
    _dir: tempfile::TempDir,
}

fn fixture(verification: Verification, cache_bytes: u64) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let config = EngineConfig {
        cache_bytes,
        verification,
        demo_functions: true,
    };
    let storage = Storage::open(dir.path()).unwrap();
    let engine = Engine::open(storage, DerivaMetrics::register(&registry).unwrap(), config).unwrap();
    Fixture {
        engine: Arc::new(engine),
        registry,
        _dir: dir,
    }
}

impl Fixture {
    fn leaf(&self, text: &str) -> CAddr {
        self.engine.put_leaf(text.as_bytes()).unwrap().0
    }

    fn recipe(&self, function: &str, inputs: &[CAddr], params: &[(&str, &str)]) -> CAddr {
        self.engine
            .put_recipe(recipe(function, inputs, params))
            .unwrap()
            .0
    }

    async fn text(&self, address: CAddr) -> String {
        String::from_utf8(self.engine.get(address, None).await.unwrap().to_vec()).unwrap()
    }

    /// Value of a series; for a histogram the number of observations. Zero if there is no such series.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let snapshot = self.registry.collect();
        let family = snapshot
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not declared"));
        match family.get(labels).map(|series| series.value().clone()) {
            Some(Value::Histogram(histogram)) => histogram.count as f64,
            Some(value) => value.as_f64(),
            None => 0.0,
        }
    }
}

fn recipe(function: &str, inputs: &[CAddr], params: &[(&str, &str)]) -> Recipe {
    let params = params
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect::<BTreeMap<_, _>>();
    Recipe {
        function: function.to_owned(),
        inputs: inputs.to_vec(),
        params,
    }
}

#[tokio::test]
async fn a_recipe_is_computed_once_and_then_served_from_the_cache() {
    let f = fixture(Verification::Off, 1 << 20);
    let (a, b) = (f.leaf("li"), f.leaf("ght"));
    let joined = f.recipe("concat/v1", &[a, b], &[]);
    let shout = f.recipe("transform/v1", &[joined], &[("op", "upper")]);
    assert_eq!(f.text(shout).await, "LIGHT");
    assert_eq!(
        f.value("deriva_materialize_total", &[("result", "computed")]),
        2.0
    );
    assert_eq!(f.value("deriva_materialize_total", &[("result", "leaf")]), 2.0);
    assert_eq!(f.value("deriva_cache_miss_total", &[]), 4.0);
    assert_eq!(f.text(shout).await, "LIGHT");
    assert_eq!(
        f.value("deriva_materialize_total", &[("result", "cache_hit")]),
        1.0
    );
    assert_eq!(f.value("deriva_cache_hit_total", &[]), 1.0);
    assert_eq!(f.value("deriva_cache_total", &[("result", "hit")]), 1.0);
    assert_eq!(f.value("deriva_cache_total", &[("result", "miss")]), 4.0);
    assert_eq!(f.value("deriva_cache_hit_rate", &[]), 0.2);
    assert_eq!(f.value("deriva_cache_entries", &[]), 2.0);
    assert_eq!(
        f.value("deriva_cache_size_bytes", &[]),
        f.engine.cache().totals().1 as f64
    );
    assert_eq!(
        f.value("deriva_compute_duration_seconds", &[("function", "concat/v1")]),
        1.0
    );
    assert_eq!(
        f.value("deriva_compute_input_bytes", &[("function", "concat/v1")]),
        1.0
    );
    assert_eq!(
        f.value("deriva_compute_output_bytes", &[("function", "transform/v1")]),
        1.0
    );
    assert_eq!(f.value("deriva_materialize_duration_seconds", &[]), 5.0);
    assert_eq!(f.value("deriva_materialize_depth", &[]), 2.0);
    assert_eq!(f.value("deriva_materialize_active", &[]), 0.0);
    assert_eq!(f.value("deriva_dag_recipes", &[]), 2.0);
    assert_eq!(f.value("deriva_dag_insert_duration_seconds", &[]), 2.0);
    assert_eq!(f.value("deriva_storage_blobs", &[]), 2.0);
    assert_eq!(f.value("deriva_storage_blob_bytes", &[]), 5.0);
    assert_eq!(f.engine.lookups(), (1, 4));
}

#[tokio::test]
async fn what_two_recipes_share_is_computed_once_even_when_both_ask_at_once() {
    let f = fixture(Verification::Off, 1 << 20);
    let slow = f.recipe("slow/v1", &[f.leaf("x")], &[("ms", "30")]);
    let (left, right) = (
        f.recipe("identity/v1", &[slow], &[]),
        f.recipe("hash/v1", &[slow], &[]),
    );
    let both = f.recipe("concat/v1", &[left, right], &[]);
    f.engine.get(both, None).await.unwrap();
    assert_eq!(
        f.value("deriva_compute_duration_seconds", &[("function", "slow/v1")]),
        1.0
    );
}

#[tokio::test]
async fn errors_are_counted_and_say_what_is_wrong() {
    let f = fixture(Verification::Off, 1 << 20);
    let unknown = CAddr::of_leaf(b"never put");
    assert!(matches!(f.engine.get(unknown, None).await, Err(EngineError::Unknown(a)) if a == unknown));
    let bad = f.recipe("transform/v1", &[f.leaf("x")], &[("op", "sing")]);
    let error = f.engine.get(bad, None).await.unwrap_err().to_string();
    assert!(
        error.starts_with("transform/v1: parameter \"op\" is \"sing\"; expected one of upper"),
        "{error}"
    );
    assert_eq!(f.value("deriva_materialize_total", &[("result", "error")]), 2.0);
    let orphan = f
        .engine
        .put_recipe(recipe("identity/v1", &[unknown], &[]))
        .unwrap_err();
    assert_eq!(
        orphan.to_string(),
        format!("input {unknown} is not known: put it before the recipe that takes it")
    );
}

#[tokio::test]
async fn a_result_that_differs_from_itself_is_refused_counted_and_not_kept() {
    let f = fixture(Verification::Always, 1 << 20);
    assert_eq!(f.value("deriva_verification_total", &[("result", "fail")]), 0.0);
    let good = f.recipe("hash/v1", &[f.leaf("x")], &[]);
    f.engine.get(good, None).await.unwrap();
    let bad = f.recipe("entropy/v1", &[f.leaf("x")], &[]);
    assert!(matches!(
        f.engine.get(bad, None).await,
        Err(EngineError::Nondeterministic {
            function: "entropy/v1",
            ..
        })
    ));
    assert!(!f.engine.cache().contains(bad) && f.engine.cache().contains(good));
    assert_eq!(f.value("deriva_verification_total", &[("result", "pass")]), 1.0);
    assert_eq!(f.value("deriva_verification_total", &[("result", "fail")]), 1.0);
    assert_eq!(f.value("deriva_verification_failure_rate", &[]), 0.5);
}

#[tokio::test]
async fn a_cache_that_is_too_small_evicts_and_says_so() {
    let f = fixture(Verification::Off, 400);
    for text in ["a", "b", "c", "d"] {
        let address = f.recipe("identity/v1", &[f.leaf(text)], &[]);
        f.engine.get(address, None).await.unwrap();
    }
    assert_eq!(f.value("deriva_cache_eviction_total", &[]), 1.0);
    assert_eq!(f.value("deriva_cache_entries", &[]), 3.0);
}

#[tokio::test]
async fn invalidation_reaches_what_depends_on_it_only_with_cascade() {
    let f = fixture(Verification::Off, 1 << 20);
    let leaf = f.leaf("x");
    let low = f.recipe("hash/v1", &[leaf], &[]);
    let high = f.recipe("identity/v1", &[low], &[]);
    f.engine.get(high, None).await.unwrap();
    assert_eq!(f.engine.invalidate(low, false).unwrap(), 1);
    assert!(f.engine.cache().contains(high));
    f.engine.get(low, None).await.unwrap();
    assert_eq!(f.engine.invalidate(leaf, true).unwrap(), 2);
    assert_eq!(f.value("deriva_cache_entries", &[]), 0.0);
    assert!(matches!(f.engine.resolve(high), Ok((Resolved::Recipe(node, _), false)) if node.depth == 2));
    assert!(matches!(f.engine.resolve(leaf), Ok((Resolved::Leaf(1), false))));
}
