//! `config/`: roles, policies, permissions, flows, dashboards as code.

use std::path::Path;

use sha2::{Digest, Sha256};
use tokio_postgres::Client as Database;

use super::Client;
use crate::SetupError;

/// In the order in which they refer to each other.
const ORDER: [&str; 10] = [
    "directus_settings",
    "directus_roles",
    "directus_policies",
    "directus_access",
    "directus_permissions",
    "directus_flows",
    "directus_operations",
    "directus_dashboards",
    "directus_panels",
    "directus_presets",
];

/// Where the database remembers that it was loaded.
const STATE: &str = "configuration";

/// What [`load`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Loaded {
    /// So many items, into a database that had none of them.
    Items(usize),
    /// Nothing: it was loaded before, and what people changed since is theirs.
    Before,
    /// Nothing either, though the files are no longer those that were loaded.
    BeforeAndChangedSince,
}

/// Upserts every file of `folder`, once in the life of a database.
pub async fn load(
    client: &Client,
    database: &Database,
    folder: &Path,
) -> Result<Loaded, SetupError> {
    let failed = |what: &str, why: &dyn std::fmt::Display| {
        SetupError::new("Configuration", format!("config/{what}: {why}"))
    };
    let mut files = Vec::new();
    let mut hasher = Sha256::new();
    for collection in ORDER {
        let name = format!("{collection}.json");
        let text =
            std::fs::read_to_string(folder.join(&name)).map_err(|error| failed(&name, &error))?;
        let items: Vec<serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| failed(&name, &error))?;
        hasher.update(&text);
        files.push((collection, text, items.len()));
    }
    let checksum: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let before = database
        .query_opt("SELECT value FROM telemetry.pipeline_state WHERE key = $1", &[&STATE])
        .await
        .map_err(|error| crate::postgres::sql_error(&error))?;
    if let Some(row) = before {
        let same = row.get::<_, String>(0) == checksum;
        return Ok(if same { Loaded::Before } else { Loaded::BeforeAndChangedSince });
    }
    let mut loaded = 0;
    for (collection, text, items) in files {
        if items > 0 {
            client.import(collection, text).await.map_err(|error| failed(collection, &error))?;
            loaded += items;
        }
    }
    database
        .execute(
            "INSERT INTO telemetry.pipeline_state (key, value) VALUES ($1, $2)",
            &[&STATE, &checksum],
        )
        .await
        .map_err(|error| crate::postgres::sql_error(&error))?;
    Ok(Loaded::Items(loaded))
}
