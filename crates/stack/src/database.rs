//! The database's first set-up: what `db-init/` says, Directus's tables, the schema.
//!
//! Either all of it has happened or none: one that was interrupted (a power cut, a kill, a full
//! disk) starts over from an empty database. Nothing of anybody's is lost by that, since Directus
//! and the gateway start only once the database says that its first set-up is done.

use biplane_store::db_init::{self, DbInitError, Stage};
use tokio_postgres::Client;

use crate::directus::Directus;
use crate::postgres::{Postgres, sql_error};
use crate::{Layout, Progress, SetupError};

/// Where the database remembers how far it came.
const STATE: &str = "first_set_up";
const BEGUN: &str = "begun";
const DONE: &str = "done";

/// Makes the database ready for Directus to start on, and connects as its superuser.
pub async fn ready(
    layout: &Layout,
    postgres: &Postgres,
    directus: &Directus,
    progress: &Progress,
) -> Result<Client, SetupError> {
    let step = progress.step("Database set-up");
    let mut database = postgres.superuser().await?;
    let interrupted = was_interrupted(&database).await?;
    if interrupted {
        drop(database);
        postgres.start_over().await?;
        database = postgres.superuser().await?;
    }
    let folder = layout.project.join("db-init");
    let failed = |error: DbInitError| SetupError::new("Database set-up", error);
    let files =
        db_init::apply(&mut database, &folder, Stage::BeforeDirectus).await.map_err(failed)?;
    step.done(match (interrupted, files.len()) {
        (true, _) => "the first set-up was interrupted; begun anew".to_owned(),
        (false, 0) => "nothing new in db-init/".to_owned(),
        (false, count) => format!("{count} files of db-init/"),
    });

    let step = progress.step("Directus set-up");
    let first = !directus.has_tables(&database).await?;
    if first {
        remember(&database, BEGUN).await?;
        step.note("bootstrap");
        directus.bootstrap(layout, &database, &step).await?;
    }
    step.note("schema");
    let applied = directus.apply_to_fresh(layout, &database, &step).await?;
    step.note("db-init");
    db_init::apply(&mut database, &folder, Stage::AfterDirectus).await.map_err(failed)?;
    if first {
        remember(&database, DONE).await?;
    }
    step.done(match (first, applied) {
        (true, _) => "bootstrapped, snapshots/schema.yaml applied",
        (false, true) => "snapshots/schema.yaml applied",
        (false, false) => "there already; the schema is left as it is",
    });
    Ok(database)
}

async fn was_interrupted(database: &Client) -> Result<bool, SetupError> {
    // Two questions, since a statement that names a missing table can't be prepared.
    let there = "SELECT to_regclass('telemetry.pipeline_state') IS NOT NULL";
    let there: bool =
        database.query_one(there, &[]).await.map_err(|error| sql_error(&error))?.get(0);
    if !there {
        return Ok(false);
    }
    let begun = "SELECT 1 FROM telemetry.pipeline_state WHERE key = $1 AND value = $2";
    let row = database.query_opt(begun, &[&STATE, &BEGUN]).await;
    Ok(row.map_err(|error| sql_error(&error))?.is_some())
}

async fn remember(database: &Client, state: &str) -> Result<(), SetupError> {
    let upsert = "INSERT INTO telemetry.pipeline_state (key, value) VALUES ($1, $2)
                  ON CONFLICT (key) DO UPDATE SET value = excluded.value, set_at = now()";
    database.execute(upsert, &[&STATE, &state]).await.map_err(|error| sql_error(&error))?;
    Ok(())
}
