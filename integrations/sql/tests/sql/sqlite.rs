//! SQLite, in a file.

use std::time::Duration;

use sqlx::Executor as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use watchroom::Clock;
use watchroom::metrics::{Registry, expose};
use watchroom_sql::{Pool, SqlLayer};

use crate::database::{assert_no_secret, count, walk};
use crate::seen::{capture, turn};

/// Longer than any connection takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn pool(layer: &SqlLayer, folder: &tempfile::TempDir, acquire_timeout: Duration) -> Pool<sqlx::Sqlite> {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("people.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(acquire_timeout)
        .connect_lazy_with(options);
    layer.wrap("main", pool)
}

#[tokio::test]
async fn sqlite_is_observed_and_no_literal_is_seen() {
    let (_guard, capturing) = capture();
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let layer = SqlLayer::new(&registry).unwrap();
    let pool = pool(&layer, &folder, PATIENCE);
    walk(&pool, &capturing, &registry, "sqlite").await;
    let quoted =
        sqlx::query("SELECT \"people\".\"name\", [note] FROM \"people\" WHERE name = \"s3cr3t-literal\"");
    quoted.fetch_all(&pool).await.unwrap();
    assert_eq!(
        capturing.spans(1)[0].field("db.query.text"),
        "SELECT people.name, note FROM people WHERE name = ?"
    );
    assert_no_secret(&capturing);
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    assert!(!text.contains("s3cr3t"), "{text}");
    pool.close().await;
}

#[tokio::test]
async fn a_slow_statement_is_told_of_with_its_shape() {
    let (_guard, capturing) = capture();
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let (clock, hand) = Clock::manual(0);
    let layer = SqlLayer::new(&registry)
        .unwrap()
        .clock(clock)
        .slow_statements(Some(Duration::from_millis(250)));
    let pool = pool(&layer, &folder, PATIENCE);

    pool.execute("SELECT 's3cr3t-literal'").await.unwrap();
    assert!(
        capturing
            .lines()
            .iter()
            .all(|line| !line.contains("slow statement"))
    );

    let mut rows = (&pool).fetch("SELECT 's3cr3t-literal'");
    hand.advance(Duration::from_millis(250));
    assert!(
        futures_util::TryStreamExt::try_next(&mut rows)
            .await
            .unwrap()
            .is_some()
    );
    drop(rows);
    let lines = capturing.lines();
    let slow: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("slow statement"))
        .collect();
    assert_eq!(slow.len(), 1, "{lines:?}");
    let span = capturing.spans(2).pop().unwrap();
    assert!(slow[0].starts_with("WARN watchroom_sql"), "{slow:?}");
    for part in [
        "db.query.text=SELECT ?",
        "duration_ms=250",
        "threshold_ms=250",
        &span.span_id,
    ] {
        assert!(slow[0].contains(part), "{part} is not in {slow:?}");
    }
    let labels = [("operation", "select"), ("system", "sqlite")];
    assert_eq!(count(&registry, "db_client_slow_statements_total", &labels), 1.0);
    assert_no_secret(&capturing);
}

#[tokio::test]
async fn who_waits_for_a_connection_in_vain_is_counted() {
    let (_guard, capturing) = capture();
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let layer = SqlLayer::new(&registry).unwrap();
    let pool = pool(&layer, &folder, Duration::from_millis(100));
    let by_pool = [("pool", "main")];

    // To connect may take longer than the pool waits.
    let mut n_in_vain = 0.0;
    let held = loop {
        match pool.acquire().await {
            Ok(connection) => break connection,
            Err(_) => n_in_vain += 1.0,
        }
    };
    let state = |state| {
        count(
            &registry,
            "db_client_connections",
            &[("pool", "main"), ("state", state)],
        )
    };
    assert_eq!((state("used"), state("idle")), (1.0, 0.0));
    assert_eq!(count(&registry, "db_client_connections_max", &by_pool), 1.0);

    let error = pool.execute("SELECT 1").await.unwrap_err();
    assert!(matches!(error, sqlx::Error::PoolTimedOut));
    let span = capturing.spans(1).pop().unwrap();
    assert_eq!(span.status, "Error");
    assert_eq!(span.field("error.type"), "pool_timed_out");
    assert_eq!(
        count(&registry, "db_client_connection_timeouts_total", &by_pool),
        n_in_vain + 1.0
    );
    assert_eq!(
        count(&registry, "db_client_connection_wait_seconds", &by_pool),
        n_in_vain + 2.0
    );
    assert_eq!(
        count(&registry, "db_client_connection_pending_requests", &by_pool),
        0.0
    );

    drop(held);
    pool.close().await;
    drop(pool);
    assert!(
        registry.collect().get("db_client_connections").is_none(),
        "a pool that is gone shows nothing"
    );
}

#[tokio::test]
async fn works_without_a_subscriber() {
    let _turn = turn();
    let _none =
        watchroom::tracing::subscriber::set_default(watchroom::tracing::subscriber::NoSubscriber::default());
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let pool = pool(&SqlLayer::new(&registry).unwrap(), &folder, PATIENCE);
    let n: i64 = sqlx::query_scalar("SELECT 41 + 1")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(n, 42);
    let labels = [("operation", "select"), ("system", "sqlite"), ("outcome", "ok")];
    assert_eq!(
        count(&registry, "db_client_operation_duration_seconds", &labels),
        1.0
    );
}
