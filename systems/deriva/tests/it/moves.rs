//! Every metric moves as it should, and no other does, on hit, miss, error, long compute, eviction and violation (DER-10).
//!
//! A test states all that an action moves: counters, gauges and numbers of observations. Sums and buckets are looked at where they matter.

use std::collections::BTreeMap;

use deriva::proto::{InvalidateRequest, ResolveRequest, StatusRequest};

use crate::metrics::Scrape;
use crate::support::{Server, bytes, eventually, leaf, map, recipe, recipe_of};

/// What has changed from one scrape to the next.
fn moved(before: &Scrape, after: &Scrape) -> BTreeMap<String, f64> {
    let counted = |series: &&String| {
        let name = series.split('{').next().unwrap();
        name.starts_with("deriva_") && !name.ends_with("_sum") && !name.ends_with("_bucket")
    };
    let difference = |series: &String| {
        let difference = after.value(series) - before.value(series);
        (difference != 0.0).then(|| (series.strip_prefix("deriva_").unwrap().to_owned(), difference))
    };
    after
        .samples
        .keys()
        .filter(counted)
        .filter_map(difference)
        .collect()
}

/// An RPC is counted when its last byte has left, which the caller may see a moment earlier.
#[track_caller]
fn expect(server: &Server, before: &Scrape, expected: &[(&str, f64)]) -> Scrape {
    let expected = map(expected);
    eventually("the metrics move as expected", || {
        let after = server.scrape();
        let seen = moved(before, &after);
        if seen == expected {
            Ok(after)
        } else {
            Err(format!("expected {expected:#?}\nseen {seen:#?}"))
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn from_put_to_hit_to_invalidation() {
    let server = Server::start();
    let mut client = server.client().await;
    let before = server.scrape();
    let input = leaf(&mut client, b"light").await;
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="put_leaf",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="put_leaf"}"#, 1.0),
            ("storage_blobs", 1.0),
            ("storage_blob_bytes", 5.0),
        ],
    );
    let address = recipe(&mut client, "hash/v1", &[&input], &[]).await;
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="put_recipe",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="put_recipe"}"#, 1.0),
            ("dag_recipes", 1.0),
            ("dag_insert_duration_seconds_count", 1.0),
        ],
    );
    let result = bytes(&mut client, &address).await.unwrap();
    let size = result.len() as f64;
    // Each entry of the cache is charged 128 bytes besides its own.
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="get",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="get"}"#, 1.0),
            (r#"materialize_total{result="computed"}"#, 1.0),
            (r#"materialize_total{result="leaf"}"#, 1.0),
            ("materialize_duration_seconds_count", 2.0),
            ("materialize_depth_count", 1.0),
            (r#"cache_total{result="miss"}"#, 2.0),
            ("cache_miss_total", 2.0),
            ("cache_entries", 1.0),
            ("cache_size_bytes", size + 128.0),
            (r#"compute_duration_seconds_count{function="hash/v1"}"#, 1.0),
            (r#"compute_input_bytes_count{function="hash/v1"}"#, 1.0),
            (r#"compute_output_bytes_count{function="hash/v1"}"#, 1.0),
        ],
    );
    assert_eq!(
        before.value(r#"deriva_compute_input_bytes_sum{function="hash/v1"}"#),
        5.0
    );
    assert_eq!(
        before.value(r#"deriva_compute_output_bytes_sum{function="hash/v1"}"#),
        size
    );
    assert_eq!(before.value("deriva_materialize_depth_sum"), 1.0);
    assert_eq!(bytes(&mut client, &address).await.unwrap(), result);
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="get",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="get"}"#, 1.0),
            (r#"materialize_total{result="cache_hit"}"#, 1.0),
            ("materialize_duration_seconds_count", 1.0),
            ("materialize_depth_count", 1.0),
            (r#"cache_total{result="hit"}"#, 1.0),
            ("cache_hit_total", 1.0),
            ("cache_hit_rate", 1.0 / 3.0),
        ],
    );
    client
        .resolve(ResolveRequest {
            address: address.clone(),
        })
        .await
        .unwrap();
    client.status(StatusRequest {}).await.unwrap();
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="resolve",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="resolve"}"#, 1.0),
            (r#"rpc_total{method="status",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="status"}"#, 1.0),
        ],
    );
    client
        .invalidate(InvalidateRequest {
            address,
            cascade: false,
        })
        .await
        .unwrap();
    expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="invalidate",status="ok"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="invalidate"}"#, 1.0),
            ("cache_entries", -1.0),
            ("cache_size_bytes", -size - 128.0),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_where_they_happen() {
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let unknown = deriva::address::CAddr::of_leaf(b"never put").to_string();
    let bad = recipe(&mut client, "transform/v1", &[&input], &[("op", "sing")]).await;
    let before = eventually("the puts are counted", || {
        let scrape = server.scrape();
        let n = scrape.value(r#"deriva_rpc_total{method="put_recipe",status="ok"}"#);
        if n == 1.0 { Ok(scrape) } else { Err(String::new()) }
    });
    // Refused at the door: nothing is looked up.
    bytes(&mut client, "nonsense").await.unwrap_err();
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="get",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="get"}"#, 1.0),
        ],
    );
    // Not known: a miss and a failed materialization.
    bytes(&mut client, &unknown).await.unwrap_err();
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="get",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="get"}"#, 1.0),
            (r#"materialize_total{result="error"}"#, 1.0),
            ("materialize_duration_seconds_count", 1.0),
            ("materialize_depth_count", 1.0),
            (r#"cache_total{result="miss"}"#, 1.0),
            ("cache_miss_total", 1.0),
        ],
    );
    // The function refuses: timed, with its input, without a result.
    bytes(&mut client, &bad).await.unwrap_err();
    let before = expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="get",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="get"}"#, 1.0),
            (r#"materialize_total{result="error"}"#, 1.0),
            (r#"materialize_total{result="leaf"}"#, 1.0),
            ("materialize_duration_seconds_count", 2.0),
            ("materialize_depth_count", 1.0),
            (r#"cache_total{result="miss"}"#, 2.0),
            ("cache_miss_total", 2.0),
            (r#"compute_duration_seconds_count{function="transform/v1"}"#, 1.0),
            (r#"compute_input_bytes_count{function="transform/v1"}"#, 1.0),
        ],
    );
    client
        .put_recipe(recipe_of("transcode/v9", &[&input], &[]))
        .await
        .unwrap_err();
    client
        .resolve(ResolveRequest {
            address: unknown.clone(),
        })
        .await
        .unwrap_err();
    client
        .invalidate(InvalidateRequest {
            address: unknown,
            cascade: true,
        })
        .await
        .unwrap_err();
    expect(
        &server,
        &before,
        &[
            (r#"rpc_total{method="put_recipe",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="put_recipe"}"#, 1.0),
            (r#"rpc_total{method="resolve",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="resolve"}"#, 1.0),
            (r#"rpc_total{method="invalidate",status="error"}"#, 1.0),
            (r#"rpc_duration_seconds_count{method="invalidate"}"#, 1.0),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_computation_is_seen_while_it_lasts_and_in_its_bucket_afterwards() {
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let address = recipe(&mut client, "slow/v1", &[&input], &[("ms", "1200")]).await;
    let mut other = client.clone();
    let asked = address.clone();
    let getting = tokio::spawn(async move { bytes(&mut other, &asked).await });
    eventually("the computation is under way", || {
        let scrape = server.scrape();
        let active = (
            scrape.value(r#"deriva_rpc_active{method="get"}"#),
            scrape.value("deriva_materialize_active"),
        );
        if active == (1.0, 1.0) {
            Ok(())
        } else {
            Err(format!("{active:?}"))
        }
    });
    assert_eq!(getting.await.unwrap().unwrap(), b"light");
    let scrape = eventually("it is over", || {
        let scrape = server.scrape();
        if scrape.value(r#"deriva_rpc_total{method="get",status="ok"}"#) == 1.0 {
            Ok(scrape)
        } else {
            Err(String::new())
        }
    });
    for (series, upto_1, upto_5) in [
        (
            r#"deriva_rpc_duration_seconds_bucket{method="get",le=""#,
            0.0,
            1.0,
        ),
        (
            r#"deriva_compute_duration_seconds_bucket{function="slow/v1",le=""#,
            0.0,
            1.0,
        ),
        // The leaf took no time.
        (r#"deriva_materialize_duration_seconds_bucket{le=""#, 1.0, 2.0),
    ] {
        assert_eq!(scrape.value(&format!("{series}1\"}}")), upto_1, "{series}");
        assert_eq!(scrape.value(&format!("{series}5\"}}")), upto_5, "{series}");
    }
    assert_eq!(scrape.value(r#"deriva_rpc_active{method="get"}"#), 0.0);
    assert_eq!(scrape.value("deriva_materialize_active"), 0.0);
    let warning = eventually("a line warns of it", || {
        let log = server.log();
        log.into_iter()
            .find(|line| line["message"] == "compute took over 1 s")
            .ok_or_else(String::new)
    });
    assert_eq!(
        (&warning["level"], &warning["fields"]["function"]),
        (&"WARN".into(), &"slow/v1".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_is_an_error_and_leaves_nothing_in_flight() {
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let address = recipe(&mut client, "slow/v1", &[&input], &[("ms", "3000")]).await;
    let mut other = client.clone();
    let getting = tokio::spawn(async move { bytes(&mut other, &address).await });
    eventually("the computation is under way", || {
        let active = server.scrape().value(r#"deriva_rpc_active{method="get"}"#);
        if active == 1.0 { Ok(()) } else { Err(String::new()) }
    });
    getting.abort();
    eventually("it is over", || {
        let scrape = server.scrape();
        let seen = [
            scrape.value(r#"deriva_rpc_active{method="get"}"#),
            scrape.value("deriva_materialize_active"),
            scrape.value(r#"deriva_rpc_total{method="get",status="error"}"#),
            scrape.value(r#"rpc_server_requests_total{method="deriva.v1.Deriva/Get",status="cancelled"}"#),
        ];
        if seen == [0.0, 0.0, 1.0, 1.0] {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cache_evicts_counts_and_warns() {
    let server = Server::with(&["--cache-bytes", "400"], &[]);
    let mut client = server.client().await;
    for text in ["a", "b", "c", "d"] {
        let input = leaf(&mut client, text.as_bytes()).await;
        let address = recipe(&mut client, "identity/v1", &[&input], &[]).await;
        bytes(&mut client, &address).await.unwrap();
    }
    let scrape = server.scrape();
    assert_eq!(scrape.value("deriva_cache_eviction_total"), 1.0);
    assert_eq!(scrape.value("deriva_cache_entries"), 3.0);
    assert_eq!(scrape.value("deriva_cache_size_bytes"), 387.0);
    let warning = eventually("a line warns of it", || {
        let log = server.log();
        log.into_iter()
            .find(|line| line["message"] == "cache is full: results evicted")
            .ok_or_else(String::new)
    });
    assert_eq!(
        (&warning["level"], &warning["fields"]["evicted"]),
        (&"WARN".into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_passes_what_is_pure_and_refuses_what_is_not() {
    let server = Server::with(&["--verify", "always", "--demo-functions"], &[]);
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let pure = recipe(&mut client, "hash/v1", &[&input], &[]).await;
    let impure = recipe(&mut client, "entropy/v1", &[&input], &[]).await;
    bytes(&mut client, &pure).await.unwrap();
    let refused = bytes(&mut client, &impure).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted);
    assert_eq!(
        refused.message(),
        format!("determinism violation: two computations of {impure} by entropy/v1 differ")
    );
    let scrape = server.scrape();
    assert_eq!(scrape.value(r#"deriva_verification_total{result="pass"}"#), 1.0);
    assert_eq!(scrape.value(r#"deriva_verification_total{result="fail"}"#), 1.0);
    assert_eq!(scrape.value("deriva_verification_failure_rate"), 0.5);
    assert_eq!(scrape.value("deriva_cache_entries"), 1.0);
    let violation = eventually("a line tells of it", || {
        let log = server.log();
        log.into_iter()
            .find(|line| line["level"] == "ERROR")
            .ok_or_else(String::new)
    });
    assert_eq!(
        violation["message"],
        "determinism violation: two computations of one recipe differ"
    );
    assert_eq!(violation["fields"]["address"], impure.as_str());
    assert_ne!(violation["fields"]["first"], violation["fields"]["second"]);
}
