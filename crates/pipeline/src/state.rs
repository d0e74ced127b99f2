//! What the pipeline remembers in a database from one run to the next.

use tokio_postgres::{Client, Error};

/// A thing remembered, in `telemetry.pipeline_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// How far Directus's own set-up came: `begun`, or the version.
    Bootstrap,
    /// The fingerprint of the schema that was verified last.
    SchemaVerified,
    /// The two stages of an apply under way, a line each.
    SchemaStages,
    /// The hash of the snapshot that was taken last.
    SnapshotTaken,
}

impl State {
    const fn key(self) -> &'static str {
        match self {
            Self::Bootstrap => "directus_bootstrap",
            Self::SchemaVerified => "schema_verified",
            Self::SchemaStages => "schema_stages",
            Self::SnapshotTaken => "schema_snapshot_taken",
        }
    }

    /// What is remembered; none where nothing is.
    pub(crate) async fn recall(self, database: &Client) -> Result<Option<String>, Error> {
        let value = "SELECT value FROM telemetry.pipeline_state WHERE key = $1";
        Ok(database.query_opt(value, &[&self.key()]).await?.map(|row| row.get(0)))
    }

    /// Remembers a value instead of the one before.
    pub(crate) async fn remember(self, database: &Client, value: &str) -> Result<(), Error> {
        let upsert = "INSERT INTO telemetry.pipeline_state (key, value) VALUES ($1, $2)
                      ON CONFLICT (key) DO UPDATE SET value = excluded.value, set_at = now()";
        database.execute(upsert, &[&self.key(), &value]).await?;
        Ok(())
    }

    /// Remembers nothing any more.
    pub(crate) async fn forget(self, database: &Client) -> Result<(), Error> {
        let delete = "DELETE FROM telemetry.pipeline_state WHERE key = $1";
        database.execute(delete, &[&self.key()]).await?;
        Ok(())
    }
}
