//! The schema: taken into git, planned, applied, and what an apply took away brought back.

mod apply;
mod approved;
mod backup;
pub mod ci;
mod error;
mod files;
mod freeze;
mod history;
mod rename;
mod rescue;
mod snapshot;

use biplane_schema::{Merge, Outcome, Plan, Reason, Rename, Snapshot, SnapshotHash};
use tokio_postgres::Client;

pub use apply::{Applied, Mode, Options, apply};
pub use approved::{Approved, approve};
pub use backup::Restored;
pub use error::SchemaError;
pub use files::{Target, read_file, read_target};
pub use history::{Commit, NoPrevious, Version, previous};
pub use rescue::{Rescue, RescuePart, list as rescues, prune, restore, show as rescue};
pub use snapshot::{Taken, check, take};

use crate::{Installation, catalog};

/// What a merge starts from.
#[derive(Clone, Debug)]
pub struct Base {
    /// The hash of the target that was applied last.
    pub hash: SnapshotHash,
    /// That target, and what it takes away but had to stay: [`Plan::next_base`].
    pub snapshot: Snapshot,
}

/// What the last apply left in a database; none where nothing was applied yet.
pub async fn base(database: &Client) -> Result<Option<Base>, SchemaError> {
    let there = "SELECT to_regclass('telemetry.schema_bases') IS NOT NULL";
    if !database.query_one(there, &[]).await?.get::<_, bool>(0) {
        return Err(SchemaError::NoTables);
    }
    let last = "SELECT snapshot, hash FROM telemetry.schema_bases ORDER BY id DESC LIMIT 1";
    let Some(row) = database.query_opt(last, &[]).await? else { return Ok(None) };
    let (text, hash): (String, String) = (row.get(0), row.get(1));
    let snapshot: Snapshot = text.parse().map_err(SchemaError::Base)?;
    let hash = hash.parse().unwrap_or_else(|_| snapshot.hash());
    Ok(Some(Base { hash, snapshot }))
}

/// Makes a target the base of the next merge, once its plan is carried out.
async fn remember_base(
    database: &Client,
    target: &Snapshot,
    plan: &Plan,
) -> Result<(), SchemaError> {
    let hash = target.hash().to_string();
    // The same again says nothing new.
    let insert = "INSERT INTO telemetry.schema_bases (hash, snapshot)
                  SELECT $1, $2 WHERE NOT EXISTS (
                      SELECT FROM (SELECT hash, snapshot FROM telemetry.schema_bases ORDER BY id DESC LIMIT 1) last
                      WHERE last.hash = $1 AND last.snapshot = $2)";
    database.execute(insert, &[&hash, &plan.next_base(target).to_normalised_json()]).await?;
    Ok(())
}

/// What an apply of `target` would do to this database now; nothing is changed.
pub async fn plan(
    installation: &Installation,
    database: &Client,
    target: &Target,
    renames: &[Rename],
) -> Result<Plan, SchemaError> {
    let base = base(database).await?;
    let running = running(installation, database, target).await?;
    merge(database, base.as_ref(), &running, target, renames).await
}

/// The running schema; that of a database where Directus tracks nothing is known without asking.
async fn running(
    installation: &Installation,
    database: &Client,
    target: &Target,
) -> Result<Snapshot, SchemaError> {
    if !catalog::is_fresh(database).await? {
        return Ok(installation.running_schema().await?);
    }
    let mut empty = target.snapshot.clone();
    empty.collections.clear();
    empty.fields.clear();
    empty.relations.clear();
    Ok(empty)
}

async fn merge(
    database: &Client,
    base: Option<&Base>,
    running: &Snapshot,
    target: &Target,
    renames: &[Rename],
) -> Result<Plan, SchemaError> {
    let ancestry = target.lineage.ancestry(base.map(|base| base.hash));
    let before = base.map(|base| &base.snapshot);
    let merge = Merge {
        base: before,
        running,
        target: &target.snapshot,
        ancestry,
        renames,
        lenient: false,
    };
    let mut plan = merge.plan().map_err(|faults| SchemaError::Target {
        said: faults.iter().map(|fault| target.says(fault)).collect(),
    })?;
    // Not a conflict to be settled: no mode goes on with it.
    if let Some(all) = plan.changes.iter().find(|change| change.reason == Reason::DeletesEverything)
    {
        return Err(SchemaError::Target { said: vec![target.says_of_all(&all.reason)] });
    }
    plan.base = base.map(|base| base.hash);
    catalog::count_rows(database, &mut plan).await?;
    let untracked = catalog::untracked(database, &plan).await?;
    if !untracked.is_empty() {
        return Err(SchemaError::Untracked { names: untracked });
    }
    if plan.outcome() == Outcome::Nothing
        && target.lineage.current() != Some(&target.snapshot.hash())
    {
        plan.warnings.push(
            "snapshots/lineage does not end with this snapshot: was it edited by hand, or merged? \
             `biplane schema snapshot` after an apply sets it right"
                .to_owned(),
        );
    }
    Ok(plan)
}
