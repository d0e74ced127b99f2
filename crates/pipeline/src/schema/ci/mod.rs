//! What a CI dry run asks of two databases: one that had nothing, one that had the version before.

mod census;
mod fill;
mod value;

use biplane_schema::{Outcome, Plan};
use serde::Serialize;
use tokio_postgres::Client;

pub use census::Census;
pub use fill::{Filled, fill};

use super::{Applied, Approved, Options, SchemaError, Target, apply, check, rescue};
use crate::state::State;
use crate::{Files, Installation};

/// Something that a dry run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// 2 the snapshot is not what comes of it, 3 refused, 1 an error or a loss.
    pub exit_code: u8,
    /// What was found, and what to do about it.
    pub said: Vec<String>,
}

impl Finding {
    /// A finding of several lines.
    pub fn new(exit_code: u8, said: impl IntoIterator<Item = String>) -> Self {
        Self { exit_code, said: said.into_iter().collect() }
    }
}

impl From<SchemaError> for Finding {
    fn from(error: SchemaError) -> Self {
        Self::new(error.exit_code(), error.to_string().lines().map(str::to_owned))
    }
}

/// How production applies: whatever the environment of the dry run says, and by the committed
/// approvals alone.
pub fn as_in_production(files: &Files) -> Result<Options, SchemaError> {
    let approved = Approved::read(&files.approved())?;
    Ok(Options { production: true, approved, ..Options::default() })
}

/// Applies what is applied already, by looking at everything again; what was not as it should be.
pub async fn apply_again(
    installation: &Installation,
    database: &mut Client,
    target: &Target,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<Vec<Finding>, SchemaError> {
    // Else the unchanged catalogue would be an answer.
    State::SchemaVerified.forget(database).await?;
    let applied = apply(installation, database, target, options, say).await?;
    let said = |plan: &Plan| {
        let head = "applied a second time, the snapshot still has something to do:".to_owned();
        std::iter::once(head).chain(plan.to_string().lines().map(str::to_owned)).collect::<Vec<_>>()
    };
    Ok(match applied {
        Applied::Nothing(plan) if plan.changes.is_empty() => Vec::new(),
        Applied::Nothing(plan) | Applied::Planned(plan) | Applied::Done(plan, _) => {
            vec![Finding::new(2, said(&plan))]
        }
        applied => vec![Finding::new(1, [format!("a second apply did nothing at all: {applied}")])],
    })
}

/// Takes a snapshot and holds it against the file, byte for byte, and the file against its lineage.
pub async fn compare(
    installation: &Installation,
    target: &Target,
) -> Result<Vec<Finding>, SchemaError> {
    let mut found = Vec::new();
    let mut differences = check(installation).await?;
    if !differences.is_empty() {
        differences.insert(0, "snapshots/schema.yaml is not what comes of applying it:".into());
        differences.push(
            "write it anew: `biplane schema apply`, then `biplane schema snapshot`; commit".into(),
        );
        found.push(Finding::new(2, differences));
    }
    let hash = target.snapshot.hash();
    if target.lineage.current() != Some(&hash) {
        let ends =
            target.lineage.current().map_or("is empty".into(), |last| format!("ends with {last}"));
        found.push(Finding::new(
            2,
            [format!(
                "snapshots/lineage {ends}, and the snapshot's hash is {hash}: was the snapshot edited by hand, or merged? `biplane schema snapshot` after an apply sets it right"
            )],
        ));
    }
    Ok(found)
}

/// Looks at a database that had the version before, after the snapshot was applied on top.
pub async fn look_after(
    installation: &Installation,
    database: &Client,
    target: &Target,
    options: &Options,
    before: &Census,
    applied: &Applied,
) -> Result<Vec<Finding>, SchemaError> {
    let mut found = Vec::new();
    let (plan, saved) = match applied {
        Applied::Done(plan, saved) => (Some(plan), *saved),
        Applied::Nothing(plan) | Applied::Planned(plan) => (Some(plan), None),
        Applied::Unchanged | Applied::Skipped => (None, None),
    };
    // Where a table could not be filled nothing was counted, and so nothing asked for.
    if let Some(plan) =
        plan.filter(|plan| plan.losses().next().is_some() && !options.approved.allows(plan, None))
    {
        let fingerprint = plan.fingerprint();
        let plan = plan.clone();
        found.push(SchemaError::Unapproved { plan, fingerprint }.into());
    }
    let mut lost = before.unplanned_losses(database, plan.map(|plan| &**plan)).await?;
    if let (Some(plan), Some(id)) = (plan, saved) {
        lost.extend(not_saved(database, plan, id, before).await?);
    }
    if !lost.is_empty() {
        lost.insert(0, "lost, though the plan does not name it:".into());
        found.push(Finding::new(1, lost));
    }
    let mut differences = target.snapshot.differences(&installation.running_schema().await?);
    if !differences.is_empty() {
        differences.insert(
            0,
            "a database that had the version before does not come to be what the snapshot says:"
                .into(),
        );
        if let Some(plan) = plan.filter(|plan| plan.outcome() != Outcome::Refused) {
            differences.extend(plan.to_string().lines().map(str::to_owned));
        }
        found.push(Finding::new(2, differences));
    }
    Ok(found)
}

/// What goes by the plan, and is not whole in its backup.
async fn not_saved(
    database: &Client,
    plan: &Plan,
    id: i64,
    before: &Census,
) -> Result<Vec<String>, SchemaError> {
    let rescue = rescue(database, id).await?;
    let mut lost = Vec::new();
    for (item, _) in plan.losses() {
        let (collection, field) = match item {
            biplane_schema::Item::Field(key) => (key.collection.as_str(), Some(key.field.as_str())),
            item => (item.collection(), None),
        };
        let Some(had) = before.count(collection, field).filter(|had| *had > 0) else { continue };
        let saved = rescue
            .parts
            .iter()
            .find(|part| part.collection == collection && part.field.as_deref() == field);
        let has = saved.map_or(0, |part| part.rows);
        if has != had {
            lost.push(format!("{item} had {had} rows, and rescue {id} holds {has} of them"));
        }
    }
    Ok(lost)
}
