//! `config/`: roles, policies, permissions, flows, dashboards as code.
//!
//! What `config/` says is merged with what the database holds, on the base of what was applied last
//! ([`biplane_schema::items`]), and written through Directus's API. Nothing that people made or
//! changed is touched; the report says what differs because of them.
//!
//! A crash at any step and a second run come to the same: each collection is written in one
//! transaction of Directus, and what is found as `config/` wants it is left alone.

mod base;
mod files;
mod running;

use std::path::Path;

use biplane_schema::items::{COLLECTIONS, Collection, Items, Merge, States, merge, same_items};
use serde_json::json;
use tokio_postgres::Client as Database;

use crate::directus::{ApiError, Client};
use crate::sql_message;

pub use biplane_schema::items::Report as ConfigurationReport;
pub use files::{FileProblem, What};

/// Why configuration was not applied, or only in part; a second run goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The files can't be taken as they are; nothing was touched.
    #[error("{}", lines(.0))]
    Files(Vec<FileProblem>),
    /// Directus refused something.
    #[error("{doing}: {source}")]
    Directus {
        /// What was under way.
        doing: String,
        /// Why.
        source: ApiError,
    },
    /// The base could not be read or written.
    #[error("the base of the merge: {}", sql_message(.0))]
    Database(#[from] tokio_postgres::Error),
}

fn lines(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigurationError {
    fn directus(doing: impl Into<String>) -> impl FnOnce(ApiError) -> Self {
        let doing = doing.into();
        |source| Self::Directus { doing, source }
    }
}

/// Whether what was applied last is exactly what `folder` says, so that there is nothing to do.
///
/// Needs no Directus, and does not see what people changed since.
pub async fn is_current(database: &Database, folder: &Path) -> Result<bool, ConfigurationError> {
    let target = files::read(folder).map_err(ConfigurationError::Files)?;
    let base = base::read(database).await?;
    Ok(base.len() == target.len()
        && target.iter().all(|(key, item)| {
            let collection = biplane_schema::items::collection(&key.collection);
            collection.zip(base.get(key)).is_some_and(|(found, base)| same_items(found, base, item))
        }))
}

/// Brings `folder` into the database, as an administrator of a running Directus.
///
/// `database` is that Directus's, on a connection that owns it. One at a time in a database: another
/// run waits.
pub async fn apply(
    client: &Client,
    database: &mut Database,
    folder: &Path,
) -> Result<ConfigurationReport, ConfigurationError> {
    let target = files::read(folder).map_err(ConfigurationError::Files)?;
    database.execute("SELECT pg_advisory_lock(hashtext('biplane configuration'))", &[]).await?;
    let applied = apply_alone(client, database, folder, target).await;
    // The end of a broken connection gives it back as well.
    let unlock = "SELECT pg_advisory_unlock(hashtext('biplane configuration'))";
    let _ = database.execute(unlock, &[]).await;
    applied
}

async fn apply_alone(
    client: &Client,
    database: &mut Database,
    folder: &Path,
    target: Items,
) -> Result<ConfigurationReport, ConfigurationError> {
    // Whether or not somebody changed the schema or the settings beside this server.
    clear_caches(client).await?;
    let base = base::read(database).await?;
    let columns = running::columns(client, base.keys().chain(target.keys())).await?;
    files::check_columns(folder, &target, &columns).map_err(ConfigurationError::Files)?;
    let running = running::read(client, &columns, &base, &target).await?;
    let pointers = running::pointers(client, &base, &running, &target).await?;
    let defaults = columns.into_iter().map(|(name, columns)| (name, columns.defaults)).collect();
    let states = States { base, running, target, defaults, pointers };
    let merged = merge(&states);
    write(client, database, &states, &merged).await?;
    Ok(merged.report)
}

async fn write(
    client: &Client,
    database: &mut Database,
    states: &States,
    merged: &Merge,
) -> Result<(), ConfigurationError> {
    for collection in &COLLECTIONS {
        let rows = merged.rows(collection, &states.running);
        if !rows.is_empty() {
            let doing = format!("writing {}", collection.name);
            let rows = json!(rows).to_string();
            let imported = client.import(collection.name, &rows).await;
            imported.map_err(ConfigurationError::directus(doing))?;
        }
        base::write(database, collection, &states.target).await?;
    }
    for collection in COLLECTIONS.iter().rev() {
        delete(client, collection, merged).await?;
        base::forget(database, collection, &states.base, &states.target).await?;
    }
    if merged.report.changes_nothing() {
        return Ok(());
    }
    // An import clears caches and reloads flows before its transaction is committed: whoever asks
    // in between brings the old state back.
    clear_caches(client).await?;
    let no_flow = json!({ "keys": [], "data": {} });
    let reloaded = client.update("/flows", &no_flow).await;
    reloaded.map_err(ConfigurationError::directus("reloading flows"))?;
    Ok(())
}

async fn delete(
    client: &Client,
    collection: &Collection,
    merged: &Merge,
) -> Result<(), ConfigurationError> {
    let keys = merged.keys_to_delete(collection);
    if keys.is_empty() {
        return Ok(());
    }
    let doing = format!("deleting from {}", collection.name);
    client.delete(collection.path, &keys).await.map_err(ConfigurationError::directus(doing))
}

async fn clear_caches(client: &Client) -> Result<(), ConfigurationError> {
    let cleared = client.create("/utils/cache/clear?system", &json!({})).await;
    cleared.map_err(ConfigurationError::directus("clearing caches"))?;
    Ok(())
}
