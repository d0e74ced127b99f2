//! A boot where the database is set up as in containers: nothing of ours is its superuser.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/store/tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use biplane_pipeline::{Files, Installation, schema};
use biplane_schema::{Lineage, Snapshot};
use biplane_schema_tests::{Boot, stack};
use biplane_stack::Description;
use serde_json::json;
use support::TestPostgres;
use tokio_postgres::Client;

/// The database of compose.yaml's service `postgres`.
async fn database(stack: &Description) -> TestPostgres {
    let server = TestPostgres::bare().await;
    let superuser = server.try_client("postgres", "postgres").await.unwrap();
    superuser.batch_execute("CREATE DATABASE biplane").await.unwrap();
    let mut script = Command::new("bash");
    script.arg(stack.project.join("deploy/postgres/100_biplane.sh"));
    script.env("PGHOST", "127.0.0.1").env("PGPORT", server.port().to_string());
    script.env("POSTGRES_USER", "postgres").env("POSTGRES_DB", "biplane");
    for name in
        ["DIRECTUS_DB_PASSWORD", "BIPLANE_OWNER_DB_PASSWORD", "BIPLANE_PROCESSOR_DB_PASSWORD"]
    {
        script.env(name, "secret");
    }
    assert!(script.status().unwrap().success());
    server
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Everything that this checkout bakes into its image, on that database.
fn installation(stack: &Description, server: &TestPostgres, home: &Path) -> Installation {
    let mut installation = stack.installation();
    for folder in ["snapshots", "db-init", "config"] {
        copy(&stack.project.join(folder), &home.join(folder));
    }
    installation.files = Files { home: home.to_owned() };
    installation.folder = home.join("directus");
    std::fs::create_dir_all(&installation.folder).unwrap();
    let port = server.port().to_string();
    installation.database_url = format!("postgres://biplane_owner:secret@127.0.0.1:{port}/biplane");
    installation
        .env
        .extend([("DB_PORT".to_owned(), port), ("DB_PASSWORD".to_owned(), "secret".to_owned())]);
    installation
}

/// Commits a snapshot and applies it, as the owner of `telemetry`.
async fn apply(installation: &Installation, owner: &mut Client, snapshot: &Snapshot) -> String {
    let files = &installation.files;
    std::fs::write(files.snapshot(), snapshot.to_yaml()).unwrap();
    let lineage = std::fs::read_to_string(files.lineage()).unwrap_or_default();
    let mut lineage: Lineage = lineage.parse().unwrap();
    lineage.push(snapshot.hash());
    std::fs::write(files.lineage(), lineage.to_string()).unwrap();
    let target = schema::read_target(files).unwrap();
    let options = schema::Options { mode: Some(schema::Mode::Auto), ..schema::Options::default() };
    let applied = schema::apply(installation, owner, &target, &options, &|_| {}).await;
    applied.unwrap_or_else(|error| panic!("{error}")).to_string()
}

#[tokio::test]
async fn what_the_image_holds_boots_as_the_owner_of_telemetry_who_is_no_superuser() {
    let stack = stack();
    let server = database(&stack).await;
    let home = tempfile::tempdir().unwrap();
    let installation = installation(&stack, &server, home.path());
    let production = [("BIPLANE_ENV", "production"), ("DIRECTUS_SCHEMA_APPLY_MODE", "auto")];
    let mut boot = Boot::start(&stack, &installation, &[], &production);
    boot.answers().await;
    let admin = boot.admin(&stack).await;
    let club = json!({ "name": "Club", "slug": "club" });
    admin.create("/items/organizations", &club).await.unwrap();
    let said = boot.said();
    assert!(said.contains("5/5 configuration: ") && !said.contains("kept"), "{said}");
    let key = json!({
        "field": "id", "type": "integer", "meta": {},
        "schema": { "is_primary_key": true, "has_auto_increment": true },
    });
    let logbook = json!({ "collection": "logbook", "schema": {}, "meta": {}, "fields": [key] });
    admin.create("/collections", &logbook).await.unwrap();
    admin.create("/items/logbook", &json!({})).await.unwrap();
    boot.stop().await;

    // It is committed, taken out again with its row, and brought back.
    let mut owner = server.try_client("biplane_owner", "biplane").await.unwrap();
    let with = installation.running_schema().await.unwrap();
    let mut without = with.clone();
    without.collections.remove("logbook");
    without.fields.retain(|key, _| key.collection != "logbook");
    let said = apply(&installation, &mut owner, &with).await;
    assert_eq!(said, "the database is what the snapshot says");
    let said = apply(&installation, &mut owner, &without).await;
    assert!(said.contains("1 deleted; what went is in rescue 1"), "{said}");
    let restored = schema::restore(&installation, &mut owner, 1, &|_| {}).await;
    assert_eq!(restored.unwrap_or_else(|error| panic!("{error}")).back, 1);
    let back = installation.running_schema().await.unwrap();
    assert_eq!(with.differences(&back), Vec::<String>::new());
    let guards = "SELECT count(*) FROM pg_trigger WHERE tgname = 'biplane_schema_freeze'";
    assert_eq!(owner.query_one(guards, &[]).await.unwrap().get::<_, i64>(0), 0);
}
