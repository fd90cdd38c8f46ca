//! What holds for every database.

use futures_util::TryStreamExt as _;
use sqlx::{Executor, IntoArguments, Row as _};
use watchroom::metrics::Registry;
use watchroom::tracing::{Instrument as _, info_span};
use watchroom_sql::{Connection, Pool, System, Transaction};

use crate::seen::{Capturing, Seen};

/// Literals and bound values; none may be seen anywhere.
pub(crate) const SECRETS: [&str; 5] = [
    "s3cr3t-literal",
    "s3cr3t-bound",
    "4711471147",
    "s3cr3t-comment",
    "deadbeefcafe",
];

#[track_caller]
pub(crate) fn assert_no_secret(capturing: &Capturing) {
    let all = capturing.all();
    assert!(!all.is_empty());
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} was seen");
    }
}

pub(crate) fn names(spans: &[Seen]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[track_caller]
pub(crate) fn count(registry: &Registry, name: &str, labels: &[(&str, &str)]) -> f64 {
    let snapshot = registry.collect();
    let family = snapshot
        .get(name)
        .unwrap_or_else(|| panic!("{name} is not there"));
    match family
        .get(labels)
        .unwrap_or_else(|| panic!("{labels:?} is not in {family:?}"))
        .value()
    {
        watchroom::metrics::snapshot::Value::Histogram(histogram) => histogram.count as f64,
        value => value.as_f64(),
    }
}

/// Walks through all that a service does with a pool. `one` is the database's first parameter.
pub(crate) async fn walk<DB>(pool: &Pool<DB>, capturing: &Capturing, registry: &Registry, system: &str)
where
    DB: System,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'c> &'c mut Connection<DB>: Executor<'c, Database = DB>,
    for<'c, 't> &'c mut Transaction<'t, DB>: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    for<'a> &'a str: sqlx::Encode<'a, DB> + sqlx::Type<DB>,
    String: for<'a> sqlx::Decode<'a, DB> + sqlx::Type<DB>,
    usize: sqlx::ColumnIndex<DB::Row>,
{
    pool.execute("CREATE TABLE people (name TEXT PRIMARY KEY, note TEXT)")
        .await
        .unwrap();
    assert_eq!(names(&capturing.spans(1)), ["CREATE people"]);

    // A span under the caller's own, with the shape of the statement and nothing of its data.
    let outer = info_span!("request");
    async {
        sqlx::query("INSERT INTO people (name, note) VALUES ($1, 's3cr3t-literal'), ('bob', '4711471147') -- s3cr3t-comment")
            .bind("s3cr3t-bound")
            .execute(pool)
            .await
            .unwrap();
        let rows = sqlx::query("SELECT name FROM people WHERE note IN ('s3cr3t-literal', '4711471147', 'x') ORDER BY name")
            .fetch_all(pool)
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].get::<String, _>(0), "bob");
        let row = sqlx::query("SELECT name FROM people WHERE name = $1").bind("s3cr3t-bound").fetch_optional(pool).await.unwrap();
        assert!(row.is_some());
    }
    .instrument(outer.clone())
    .await;
    drop(outer);
    let spans = capturing.spans(4);
    assert_eq!(
        names(&spans),
        ["INSERT people", "SELECT people", "SELECT people", "request"]
    );
    let request = spans.last().unwrap();
    for span in &spans[..3] {
        assert_eq!(span.parent.as_ref(), Some(&request.span_id));
        assert_eq!(span.trace_id, request.trace_id);
        assert_eq!(span.kind, "Client");
        assert_eq!(span.status, "Unset");
        assert_eq!(span.field("db.system.name"), system);
        assert_eq!(span.field("db.collection.name"), "people");
        assert_eq!(span.field("db.client.connection.pool.name"), "main");
        assert_eq!(span.get("error.type"), None);
    }
    assert_eq!(spans[0].field("db.operation.name"), "INSERT");
    assert_eq!(
        spans[0].field("db.query.text"),
        "INSERT INTO people (name, note) VALUES ($1, ?)"
    );
    assert_eq!(
        spans[1].field("db.query.text"),
        "SELECT name FROM people WHERE note IN (?) ORDER BY name"
    );
    assert_eq!(spans[1].field("db.response.returned_rows"), "2");
    assert_eq!(spans[2].field("db.response.returned_rows"), "1");

    // A stream that is left early is no error; one that is never asked is none, either.
    let mut rows = sqlx::query("SELECT name FROM people").fetch(pool);
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    drop(sqlx::query("SELECT name FROM people").fetch(pool));
    let spans = capturing.spans(2);
    let mut n_rows: Vec<_> = spans
        .iter()
        .map(|span| span.field("db.response.returned_rows"))
        .collect();
    n_rows.sort_unstable();
    assert_eq!(n_rows, ["0", "1"]);
    let labels = |operation, outcome| [("operation", operation), ("system", system), ("outcome", outcome)];
    let duration = "db_client_operation_duration_seconds";
    assert_eq!(count(registry, duration, &labels("select", "ok")), 3.0);
    assert_eq!(count(registry, duration, &labels("select", "cancelled")), 1.0);
    assert_eq!(count(registry, duration, &labels("insert", "ok")), 1.0);

    // An error sets the status; its message, which quotes data, is not shown.
    let error = sqlx::query("INSERT INTO people (name) VALUES ($1)")
        .bind("s3cr3t-bound")
        .execute(pool)
        .await
        .err()
        .unwrap();
    assert!(error.as_database_error().unwrap().is_unique_violation());
    let error = sqlx::query("SELECT nowhere FROM people WHERE name = 's3cr3t-literal'")
        .fetch_one(pool)
        .await
        .err()
        .unwrap();
    assert!(error.as_database_error().is_some());
    let spans = capturing.spans(2);
    assert_eq!(spans[0].status, "Error");
    assert_eq!(spans[0].field("error.type"), "unique_violation");
    assert_eq!(spans[1].field("error.type"), "database");
    assert!(
        spans
            .iter()
            .all(|span| !span.field("db.response.status_code").is_empty())
    );
    assert_eq!(count(registry, duration, &labels("insert", "error")), 1.0);

    transactions(pool, capturing, registry, system).await;

    // A connection of one's own, a prepared statement, many statements in one text.
    let mut connection = pool.acquire().await.unwrap();
    let statement = (&mut connection)
        .prepare(sqlx::SqlStr::from_static(
            "SELECT note FROM people WHERE name = $1",
        ))
        .await
        .unwrap();
    let note = sqlx::Statement::query(&statement)
        .bind("bob")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(note.get::<String, _>(0), "4711471147");
    sqlx::raw_sql("UPDATE people SET note = x'deadbeefcafe' WHERE 1 = 0; DELETE FROM people WHERE name = 's3cr3t-literal'")
        .execute(&mut connection)
        .await
        .ok();
    drop(connection);
    let spans = capturing.spans(2);
    assert_eq!(names(&spans), ["SELECT people", "UPDATE people"]);
    assert_eq!(
        spans[1].field("db.query.text"),
        "UPDATE people SET note = ? WHERE ? = ?; DELETE FROM people WHERE name = ?"
    );

    assert_no_secret(capturing);
}

async fn transactions<DB>(pool: &Pool<DB>, capturing: &Capturing, registry: &Registry, system: &str)
where
    DB: System,
    for<'c, 't> &'c mut Transaction<'t, DB>: Executor<'c, Database = DB>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let mut transaction = pool.begin().await.unwrap();
    (&mut transaction)
        .execute("DELETE FROM people WHERE name = 's3cr3t-bound'")
        .await
        .unwrap();
    transaction.rollback().await.unwrap();

    let mut transaction = pool.begin().await.unwrap();
    (&mut transaction)
        .execute("UPDATE people SET name = 'eve' WHERE name = 'nobody'")
        .await
        .unwrap();
    let mut inner = transaction.begin().await.unwrap();
    (&mut inner)
        .execute("UPDATE people SET note = NULL WHERE name = 'nobody'")
        .await
        .unwrap();
    inner.commit().await.unwrap();
    transaction.commit().await.unwrap();

    drop(pool.begin().await.unwrap());
    let rest = pool.fetch_all("SELECT name FROM people").await.unwrap();
    assert_eq!(rest.len(), 2, "what was rolled back is still there");

    let expected = [
        "BEGIN",
        "DELETE people",
        "ROLLBACK",
        "BEGIN",
        "UPDATE people",
        "SAVEPOINT",
        "UPDATE people",
        "COMMIT",
        "COMMIT",
        "BEGIN",
        "SELECT people",
    ];
    assert_eq!(names(&capturing.spans(11)), expected);
    let ended = |outcome| {
        count(
            registry,
            "db_client_transactions_total",
            &[("system", system), ("outcome", outcome)],
        )
    };
    assert_eq!(
        (ended("committed"), ended("rolled_back"), ended("dropped")),
        (2.0, 1.0, 1.0)
    );
}
