//! Nobody else changes the schema, and nobody writes where it changes.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_postgres::Client;

use super::SchemaError;
use crate::catalog::table;
use crate::{Lock, lock, official};

const TRIGGER: &str = "biplane_schema_freeze";

/// What a snapshot is made of.
const OF_THE_SCHEMA: [&str; 3] = ["directus_collections", "directus_fields", "directus_relations"];

const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the lock under which the guards hold, and guards the schema itself.
pub(super) async fn begin(database: &Client) -> Result<(), SchemaError> {
    if !Lock::Freeze.take(database, PATIENCE).await? {
        return Err(SchemaError::Locked { seconds: PATIENCE.as_secs() });
    }
    // What a run that was killed left behind.
    lock::end_orphans(database, official::APPLY).await?;
    thaw(database).await?;
    freeze(database, OF_THE_SCHEMA.into_iter()).await
}

/// Guards the tables that the plan touches, once those who write in them just now are done.
pub(super) async fn tables(database: &Client, names: &BTreeSet<String>) -> Result<(), SchemaError> {
    freeze(database, names.iter().map(String::as_str)).await
}

/// Takes the guards and the lock away.
pub(super) async fn end(database: &Client) -> Result<(), SchemaError> {
    thaw(database).await?;
    database.execute("DELETE FROM telemetry.schema_drops", &[]).await?;
    Ok(Lock::Freeze.release(database).await?)
}

async fn freeze(database: &Client, names: impl Iterator<Item = &str>) -> Result<(), SchemaError> {
    for name in names {
        let is_table = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p'))
                        AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2)";
        if !database.query_one(is_table, &[&table(name), &TRIGGER]).await?.get::<_, bool>(0) {
            continue;
        }
        database
            .batch_execute(&format!(
                "CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {}
                 FOR EACH STATEMENT EXECUTE FUNCTION telemetry.refuse_while_schema_changes()",
                table(name)
            ))
            .await?;
    }
    Ok(())
}

async fn thaw(database: &Client) -> Result<(), SchemaError> {
    let frozen = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = $1";
    for row in database.query(frozen, &[&TRIGGER]).await? {
        let table: String = row.get(0);
        database.batch_execute(&format!("DROP TRIGGER IF EXISTS {TRIGGER} ON {table}")).await?;
    }
    Ok(())
}
