//! The database container's first set-up, run on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use biplane_store::db_init::{self, Stage};
use support::TestPostgres;
use tokio_postgres::Client;

const PASSWORDS: [&str; 3] =
    ["DIRECTUS_DB_PASSWORD", "BIPLANE_OWNER_DB_PASSWORD", "BIPLANE_PROCESSOR_DB_PASSWORD"];

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// As the image's entrypoint runs it: the database is there, psql finds the server by itself.
fn set_up(server: &TestPostgres, missing: Option<&str>) -> Output {
    let mut command = Command::new("bash");
    command
        .arg(checkout("deploy/postgres/100_biplane.sh"))
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server.port().to_string())
        .env("POSTGRES_USER", "postgres")
        .env("POSTGRES_DB", "biplane");
    for name in PASSWORDS {
        command.env(name, "it's \"one\"");
    }
    if let Some(missing) = missing {
        command.env_remove(missing);
    }
    command.output().unwrap()
}

async fn with_database() -> TestPostgres {
    let server = TestPostgres::bare().await;
    let superuser = server.try_client("postgres", "postgres").await.unwrap();
    superuser.batch_execute("CREATE DATABASE biplane").await.unwrap();
    server
}

async fn roles(client: &Client) -> Vec<String> {
    let query = "SELECT rolname::text FROM pg_authid
                 WHERE rolpassword IS NOT NULL AND rolcanlogin AND NOT rolsuper ORDER BY 1";
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_containers_roles_can_do_all_of_db_init_without_a_superuser() {
    let server = with_database().await;
    let output = set_up(&server, None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let superuser = server.client().await;
    assert_eq!(roles(&superuser).await, ["biplane_owner", "biplane_processor", "directus"]);

    let mut owner = server.try_client("biplane_owner", "biplane").await.unwrap();
    // What compose.yaml's health check asks.
    owner.query_one("SELECT postgis.postgis_lib_version()", &[]).await.unwrap();
    let folder = checkout("db-init");
    let before = db_init::apply(&mut owner, &folder, Stage::BeforeDirectus).await.unwrap();
    assert!(!before.is_empty());
    let directus = server.try_client("directus", "biplane").await.unwrap();
    directus.batch_execute(include_str!("support/public.sql")).await.unwrap();
    let after = db_init::apply(&mut owner, &folder, Stage::AfterDirectus).await.unwrap();
    assert!(!after.is_empty());

    let processor = server.try_client("biplane_processor", "biplane").await.unwrap();
    let day = "SELECT telemetry.ensure_partitions(now(), now())";
    assert_eq!(processor.query_one(day, &[]).await.unwrap().get::<_, i32>(0), 1);
    processor.query("SELECT geometry FROM geofences", &[]).await.unwrap();
    assert!(processor.batch_execute("DELETE FROM devices").await.is_err());
    // The business plane's role reads positions for its rules, hands on the outbox, and reaches no
    // further into the telemetry plane's schema.
    directus.batch_execute("SELECT FROM telemetry.positions").await.unwrap();
    for forbidden in ["DELETE FROM telemetry.positions", "SELECT FROM telemetry.quarantine"] {
        assert!(directus.batch_execute(forbidden).await.is_err(), "{forbidden}");
    }
    let order = "INSERT INTO telemetry.outbox (stream, fields) VALUES ('recompute', '{}'); DELETE FROM telemetry.outbox";
    directus.batch_execute(order).await.unwrap();
    // Directus writes, and the triggers that db-init put there work for it.
    directus
        .batch_execute("INSERT INTO organizations VALUES (gen_random_uuid(), 'Club')")
        .await
        .unwrap();
}

#[tokio::test]
async fn without_one_of_the_passwords_nothing_is_made() {
    let server = with_database().await;
    for missing in PASSWORDS {
        let output = set_up(&server, Some(missing));
        assert!(!output.status.success(), "without {missing}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(missing), "{stderr}");
    }
    assert!(roles(&server.client().await).await.is_empty());
}
