//! db-init against a real PostgreSQL: once each, nothing by halves, and partitions of UTC days.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use biplane_store::db_init::{self, DbInitError, Stage};
use support::TestPostgres;
use tokio_postgres::Client;

async fn apply(client: &mut Client, folder: &Path) -> Result<Vec<String>, DbInitError> {
    let applied = db_init::apply(client, folder, Stage::BeforeDirectus).await?;
    Ok(applied.into_iter().map(|file| file.name).collect())
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_file_may_ask_for_no_transaction_where_postgres_takes_its_statement_in_none() {
    let server = TestPostgres::start().await;
    let mut client = server.client().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("always")).unwrap();
    write(folder, "901_table.sql", "CREATE TABLE once (n bigint)");
    let index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS once_n ON once (n)";
    write(folder, "902_index.sql", index);
    let refused = apply(&mut client, folder).await.unwrap_err().to_string();
    assert!(refused.contains("db-init/902_index.sql") && refused.contains("25001"), "{refused}");

    write(folder, "902_index.sql", &format!("-- biplane: no-transaction\n{index}"));
    assert_eq!(apply(&mut client, folder).await.unwrap(), ["902_index.sql"]);
    assert!(apply(&mut client, folder).await.unwrap().is_empty());
    assert_eq!(
        number(&client, "SELECT count(*) FROM pg_indexes WHERE indexname = 'once_n'").await,
        1
    );
}

#[tokio::test]
async fn files_run_in_order_once_each_and_those_of_always_again_when_changed() {
    let server = TestPostgres::start().await;
    let mut client = server.client().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "902_rows.sql", "INSERT INTO once VALUES (2)");
    write(folder, "901_table.sql", "CREATE TABLE once (n bigint); INSERT INTO once VALUES (1)");
    write(
        folder,
        "always/901_view.sql",
        "CREATE OR REPLACE VIEW total AS SELECT sum(n)::bigint AS n FROM once",
    );
    write(
        folder,
        "903_later.sql",
        "-- why\n-- biplane: after-directus\nINSERT INTO once VALUES (40)",
    );
    write(folder, "notes.txt", "no SQL");
    let names = apply(&mut client, folder).await.unwrap();
    assert_eq!(names, ["901_table.sql", "902_rows.sql", "always/901_view.sql"]);
    assert!(apply(&mut client, folder).await.unwrap().is_empty());
    assert_eq!(number(&client, "SELECT * FROM total").await, 3);

    write(
        folder,
        "always/901_view.sql",
        "CREATE OR REPLACE VIEW total AS SELECT 10 * sum(n)::bigint AS n FROM once",
    );
    assert_eq!(apply(&mut client, folder).await.unwrap(), ["always/901_view.sql"]);
    let after = db_init::apply(&mut client, folder, Stage::AfterDirectus).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!(number(&client, "SELECT sum(n)::bigint FROM once").await, 43);
}

/// Two starts at once both found a file due, and the second failed on what the first had made.
#[tokio::test]
async fn two_runs_at_once_got_into_each_others_way() {
    let server = TestPostgres::start().await;
    let (mut one, mut other) = (server.client().await, server.client().await);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "always/.keep", "");
    write(folder.path(), "901_table.sql", "SELECT pg_sleep(0.3); CREATE TABLE once (n bigint)");
    let (a, b) = tokio::join!(apply(&mut one, folder.path()), apply(&mut other, folder.path()));
    assert_eq!([a.unwrap(), b.unwrap()].concat(), ["901_table.sql"]);
}

#[tokio::test]
async fn a_file_edited_after_it_ran_is_refused_by_name() {
    let server = TestPostgres::start().await;
    let mut client = server.client().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "always/.keep", "");
    write(folder.path(), "901_table.sql", "CREATE TABLE once (n bigint)");
    apply(&mut client, folder.path()).await.unwrap();
    write(folder.path(), "901_table.sql", "DROP TABLE once");
    let error = apply(&mut client, folder.path()).await.unwrap_err();
    assert!(matches!(&error, DbInitError::Edited { name } if name == "901_table.sql"), "{error}");
    assert_eq!(number(&client, "SELECT count(*) FROM once").await, 0);
}

#[tokio::test]
async fn a_file_that_fails_half_way_leaves_nothing_and_runs_again_once_mended() {
    let server = TestPostgres::start().await;
    let mut client = server.client().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "always/.keep", "");
    write(folder.path(), "901_half.sql", "CREATE TABLE half (n bigint); SELECT 1 / 0");
    let error = apply(&mut client, folder.path()).await.unwrap_err().to_string();
    assert!(
        error.contains("db-init/901_half.sql")
            && error.contains("division by zero (SQLSTATE 22012)"),
        "{error}"
    );
    assert_eq!(number(&client, "SELECT count(*) FROM pg_class WHERE relname = 'half'").await, 0);
    write(folder.path(), "901_half.sql", "CREATE TABLE half (n bigint)");
    assert_eq!(apply(&mut client, folder.path()).await.unwrap(), ["901_half.sql"]);
}

#[tokio::test]
async fn partitions_hold_utc_days_whatever_the_sessions_time_zone() {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute("SET timezone = 'Pacific/Auckland'").await.unwrap();
    let ensure = "SELECT telemetry.ensure_partitions('2020-09-12T23:59:59.999Z', '2020-09-13T00:00:00Z')::bigint";
    assert_eq!(number(&client, ensure).await, 2);
    assert_eq!(number(&client, ensure).await, 0);
    let insert = |ts: &str| {
        format!(
            "INSERT INTO telemetry.positions (device, ts, digest, organization, received_at, lat, lon)
             VALUES (gen_random_uuid(), '{ts}', 1, gen_random_uuid(), now(), 0, 0)"
        )
    };
    client.batch_execute(&insert("2020-09-12T00:00:00Z")).await.unwrap();
    client.batch_execute(&insert("2020-09-13T23:59:59.999Z")).await.unwrap();
    assert!(client.batch_execute(&insert("2020-09-14T00:00:00Z")).await.is_err());
    let first = "SELECT count(*) FROM telemetry.positions_20200912";
    assert_eq!(number(&client, first).await, 1);

    let dropped = "SELECT cardinality(telemetry.drop_before('2020-09-13T12:00:00Z', 10))::bigint";
    assert_eq!(number(&client, dropped).await, 1);
    assert_eq!(number(&client, "SELECT count(*) FROM telemetry.positions").await, 1);
}

#[tokio::test]
async fn a_range_of_partitions_backwards_or_without_end_is_refused() {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    for range in ["'2020-01-02', '2020-01-01'", "'2020-01-01', '2030-01-01'"] {
        let error = client
            .execute(&format!("SELECT telemetry.ensure_partitions({range})"), &[])
            .await
            .unwrap_err();
        assert_eq!(error.as_db_error().unwrap().code().code(), "22023", "{range}");
    }
}

#[tokio::test]
async fn the_processors_role_drops_partitions_by_the_function_alone_and_never_the_last_day() {
    let server = TestPostgres::start().await;
    let (processor, connection) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let ensure = "SELECT telemetry.ensure_partitions('2020-09-12', '2020-09-12')::bigint";
    assert_eq!(number(&processor, ensure).await, 1);
    for forbidden in [
        "DROP TABLE telemetry.positions_20200912",
        "DELETE FROM telemetry.positions",
        "DELETE FROM telemetry.quarantine",
        "CREATE TABLE telemetry.mine ()",
        "UPDATE public.devices SET name = ''",
        "SELECT * FROM telemetry.migrations_applied",
    ] {
        let error = processor.batch_execute(forbidden).await.expect_err(forbidden);
        assert_eq!(error.as_db_error().unwrap().code().code(), "42501", "{forbidden}");
    }
    for refused in [
        "SELECT telemetry.drop_before(now(), 1)",
        "SELECT telemetry.drop_before(now() - interval '23 hours', 1)",
        "SELECT telemetry.drop_before(now() + interval '1 year', 1)",
        "SELECT telemetry.drop_before(NULL, 1)",
        "SELECT telemetry.forget_quarantine(now(), 1)",
        "SELECT telemetry.forget_quarantine(NULL, 1)",
        "SELECT telemetry.compress_after(0)",
        "SELECT telemetry.compress_after(NULL)",
    ] {
        let error = processor.batch_execute(refused).await.expect_err(refused);
        assert_eq!(error.as_db_error().unwrap().code().code(), "22023", "{refused}");
    }
    let dropped = "SELECT cardinality(telemetry.drop_before('2020-09-13', 1))::bigint";
    assert_eq!(number(&processor, dropped).await, 1);
}
