//! A plan carried out through Directus's own command line, and looked at afterwards.

use std::collections::BTreeSet;
use std::str::FromStr;

use biplane_schema::{Item, LossKind, Outcome, Plan, Rename, Snapshot, Verdict};
use tokio_postgres::Client;

use super::{
    Approved, Base, SchemaError, Target, backup, base, freeze, merge, prune, remember_base, rename,
    running,
};
use crate::catalog::{self, Shapes};
use crate::state::State;
use crate::{Files, Installation};

/// What an apply may do: `DIRECTUS_SCHEMA_APPLY_MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Merge and apply; refuse in conflict.
    Auto,
    /// Print the plan, change nothing.
    DryRun,
    /// Do nothing at all.
    Skip,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "dry-run" => Ok(Self::DryRun),
            "skip" => Ok(Self::Skip),
            _ => Err(format!("`{text}` is none of auto, dry-run, skip")),
        }
    }
}

/// How an apply is to go.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What it may do; none is `auto` for what loses nothing, and for what does in production too.
    pub mode: Option<Mode>,
    /// Whether `BIPLANE_ENV` is `production`.
    pub production: bool,
    /// Plans and renames that people approved.
    pub approved: Approved,
    /// A fingerprint from `BIPLANE_SCHEMA_CONFIRM`.
    pub confirmed: Option<String>,
    /// Further renames, from the command line.
    pub renames: Vec<Rename>,
}

impl Options {
    /// From `DIRECTUS_SCHEMA_APPLY_MODE`, `BIPLANE_ENV`, `BIPLANE_SCHEMA_CONFIRM` and
    /// `snapshots/approved`.
    pub fn from_environment(files: &Files) -> Result<Self, SchemaError> {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let mode = variable("DIRECTUS_SCHEMA_APPLY_MODE").map(|mode| mode.parse()).transpose();
        Ok(Self {
            mode: mode.map_err(|why| SchemaError::Mode { why })?,
            production: variable("BIPLANE_ENV").as_deref() == Some("production"),
            approved: Approved::read(&files.approved())?,
            confirmed: variable("BIPLANE_SCHEMA_CONFIRM"),
            renames: Vec::new(),
        })
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Applied {
    /// Nobody asked for it.
    Skipped,
    /// The database is what it was when the same snapshot was applied last.
    Unchanged,
    /// There was nothing to do; kept work may be in the plan.
    Nothing(Box<Plan>),
    /// There is something to do, or to settle first, and nothing was done.
    Planned(Box<Plan>),
    /// Done and verified; the backup's number where data went.
    Done(Box<Plan>, Option<i64>),
}

/// Brings a database to its snapshot as far as that loses nothing that people did not approve.
///
/// `say` hears of each step.
pub async fn apply(
    installation: &Installation,
    database: &mut Client,
    target: &Target,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<Applied, SchemaError> {
    if options.mode == Some(Mode::Skip) {
        return Ok(Applied::Skipped);
    }
    let renames: Vec<_> =
        options.approved.renames.iter().chain(&options.renames).cloned().collect();
    let before = base(database).await?;
    if before.as_ref().map(|base| base.hash) == Some(target.snapshot.hash())
        && State::SchemaVerified.recall(database).await?
            == Some(catalog::fingerprint(database).await?)
    {
        return Ok(Applied::Unchanged);
    }
    if options.mode == Some(Mode::DryRun) {
        say("comparing the database with the snapshot");
        let running = running(installation, database, target).await?;
        let plan = Box::new(merge(database, before.as_ref(), &running, target, &renames).await?);
        return Ok(match plan.outcome() {
            Outcome::Nothing => Applied::Nothing(plan),
            Outcome::Changes | Outcome::Refused => Applied::Planned(plan),
        });
    }
    // Apply compares with *now*: nothing may change between the plan and it.
    freeze::begin(database).await?;
    let applied =
        apply_frozen(installation, database, target, options, &renames, before.as_ref(), say).await;
    // While nobody else may change it: else their change would count as verified.
    let remembered = match &applied {
        Ok(Applied::Planned(_)) | Err(_) => Ok(()),
        Ok(_) => remember_verified(database).await,
    };
    let ended = freeze::end(database).await;
    let applied = applied?;
    remembered?;
    ended?;
    Ok(applied)
}

async fn remember_verified(database: &Client) -> Result<(), SchemaError> {
    let fingerprint = catalog::fingerprint(database).await?;
    Ok(State::SchemaVerified.remember(database, &fingerprint).await?)
}

async fn apply_frozen(
    installation: &Installation,
    database: &mut Client,
    target: &Target,
    options: &Options,
    renames: &[Rename],
    base: Option<&Base>,
    say: &dyn Fn(&str),
) -> Result<Applied, SchemaError> {
    say("comparing the database with the snapshot");
    let mut running = running(installation, database, target).await?;
    if finish_stages(installation, database, &running).await? {
        running = installation.running_schema().await?;
    }
    let plan = Box::new(merge(database, base, &running, target, renames).await?);
    match plan.outcome() {
        Outcome::Nothing => {
            remember_base(database, &target.snapshot, &plan).await?;
            return Ok(Applied::Nothing(plan));
        }
        Outcome::Refused => return Err(SchemaError::Conflict { plan }),
        Outcome::Changes => {}
    }
    if plan.is_destructive() && options.mode.is_none() && !options.production {
        return Ok(Applied::Planned(plan));
    }
    if options.production
        && plan.loses_rows()
        && !options.approved.allows(&plan, options.confirmed.as_deref())
    {
        let fingerprint = plan.fingerprint();
        return Err(SchemaError::Unapproved { plan, fingerprint });
    }
    let saved = carry_out(installation, database, &plan, &running, say).await?;
    remember_base(database, &target.snapshot, &plan).await?;
    prune(database, super::rescue::KEPT, super::rescue::KEPT_DAYS).await?;
    Ok(Applied::Done(plan, saved))
}

/// Saves, applies, looks, and sets back when it is not what the plan said.
pub(super) async fn carry_out(
    installation: &Installation,
    database: &mut Client,
    plan: &Plan,
    running: &Snapshot,
    say: &dyn Fn(&str),
) -> Result<Option<i64>, SchemaError> {
    let touched = catalog::touched(plan);
    freeze::tables(database, &touched).await?;
    let shapes = catalog::shapes(database).await?;
    if !plan.renaming.is_empty() {
        say("renaming");
        rename::perform(database, &plan.renaming).await?;
    }
    let start = plan.renaming.iter().fold(running.clone(), |schema, rename| schema.renamed(rename));
    let mut saved = None;
    if plan.is_destructive() {
        say("saving what will go");
        match backup::take(database, plan, &start).await {
            Ok(id) => saved = Some(id),
            Err(error) => {
                rename::perform(database, &rename::reversed(&plan.renaming)).await?;
                return Err(error);
            }
        }
    }
    let planned = drops(plan);
    allow(database, &planned).await?;
    let stages = plan.merged.stages(&start);
    if let [first, last] = stages.as_slice() {
        let pending = [first.to_normalised_json(), last.to_normalised_json()].join("\n");
        State::SchemaStages.remember(database, &pending).await?;
    }
    let outcome = go(installation, &start, stages, &planned, say).await;
    let why = match outcome {
        Ok(()) => {
            say("looking at what came of it");
            let why = verify(installation, database, plan, &shapes, &touched).await?;
            if why.is_empty() {
                State::SchemaStages.forget(database).await?;
                mark(database, saved, "applied").await?;
                return Ok(saved);
            }
            why
        }
        // Found before anything was done.
        Err(error @ SchemaError::UnplannedDeletion { .. }) if plan.renaming.is_empty() => {
            return Err(error);
        }
        Err(error) => vec![error.to_string()],
    };
    say("setting the database back");
    match set_back(installation, database, plan, &start, saved).await {
        Ok(()) => {
            State::SchemaStages.forget(database).await?;
            Err(SchemaError::Undone { why })
        }
        Err(cause) => {
            Err(SchemaError::Stranded { why, cause: Box::new(cause), rescue: saved.unwrap_or(0) })
        }
    }
}

/// Leads Directus from one schema through the stages to the last.
async fn go(
    installation: &Installation,
    from: &Snapshot,
    stages: Vec<Snapshot>,
    planned: &BTreeSet<String>,
    say: &dyn Fn(&str),
) -> Result<(), SchemaError> {
    let mut now = from.clone();
    for stage in stages {
        // A database without anything has nothing that could be deleted.
        if !now.collections.is_empty() || !now.fields.is_empty() {
            say("asking Directus what it would do");
            let said = installation.dry_run(&stage).await?;
            let names = deletions(&said);
            let unplanned: Vec<_> =
                names.into_iter().filter(|name| !planned.contains(name)).collect();
            if !unplanned.is_empty() {
                return Err(SchemaError::UnplannedDeletion { names: unplanned });
            }
        }
        say("applying");
        installation.apply_as_is(&stage).await?;
        now = stage;
    }
    Ok(())
}

/// What a dry run says that it would delete: `collection`, `collection.field`. Its table of
/// relations names the field too; a relation takes no data along, but is planned like all.
fn deletions(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.trim().strip_prefix("- Delete "));
    lines.map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

/// The names that may be deleted, of collections, fields and relations.
fn drops(plan: &Plan) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for change in &plan.changes {
        let loses_column = change.loss.as_ref().is_some_and(|loss| loss.kind == LossKind::Column);
        if change.verdict == Verdict::Deleted || (change.verdict.is_change() && loses_column) {
            names.insert(change.item.name());
        }
        // A changed foreign key is made anew.
        if let (Item::Relation(key), true) = (&change.item, change.verdict.is_change()) {
            names.insert(key.to_string());
        }
    }
    names
}

/// Tells the database which drops are meant; see `telemetry.refuse_unplanned_drops`.
async fn allow(database: &Client, names: &BTreeSet<String>) -> Result<(), SchemaError> {
    for name in names {
        let parts: Vec<_> = name.split('.').collect();
        let insert = "INSERT INTO telemetry.schema_drops
            SELECT 'public.' || array_to_string(ARRAY(SELECT quote_ident(part) FROM unnest($1::text[]) AS part), '.')
            ON CONFLICT DO NOTHING";
        database.execute(insert, &[&parts]).await?;
    }
    Ok(())
}

/// What is not as the plan said; nothing when all is well.
async fn verify(
    installation: &Installation,
    database: &Client,
    plan: &Plan,
    before: &Shapes,
    touched: &BTreeSet<String>,
) -> Result<Vec<String>, SchemaError> {
    let after = installation.running_schema().await?;
    let mut why = plan.merged.differences(&after);
    let shapes = catalog::shapes(database).await?;
    for (name, shape) in before {
        let is_touched = name.strip_prefix("public.").is_some_and(|name| touched.contains(name));
        if !is_touched && shapes.get(name) != Some(shape) {
            why.push(format!("the table {name} is not in the plan and is another one than before"));
        }
    }
    Ok(why)
}

/// Back to the rows and the schema from before: `start`, but for the names.
async fn set_back(
    installation: &Installation,
    database: &mut Client,
    plan: &Plan,
    start: &Snapshot,
    saved: Option<i64>,
) -> Result<(), SchemaError> {
    let now = installation.running_schema().await?;
    if !start.differences(&now).is_empty() {
        // What came in by the apply may go again: nobody wrote there.
        let came =
            now.collections.keys().filter(|name| !start.collections.contains_key(*name)).cloned();
        let fields = now
            .fields
            .keys()
            .filter(|key| !start.fields.contains_key(key))
            .map(ToString::to_string);
        let names: BTreeSet<_> = came.chain(fields).collect();
        allow(database, &names).await?;
        for stage in start.stages(&now) {
            installation.apply_as_is(&stage).await?;
        }
        let left = start.differences(&installation.running_schema().await?);
        if !left.is_empty() {
            return Err(SchemaError::Undone { why: left });
        }
        if let Some(id) = saved {
            // The rows of what Directus had left alone are there already.
            backup::put_back(database, id, None).await?;
        }
    }
    rename::perform(database, &rename::reversed(&plan.renaming)).await?;
    mark(database, saved, "undone").await
}

async fn mark(database: &Client, saved: Option<i64>, state: &str) -> Result<(), SchemaError> {
    if let Some(id) = saved {
        database
            .execute("UPDATE telemetry.rescues SET state = $2 WHERE id = $1", &[&id, &state])
            .await?;
    }
    Ok(())
}

/// Goes on where an apply in two stages was interrupted after the first; whether it was.
async fn finish_stages(
    installation: &Installation,
    database: &Client,
    running: &Snapshot,
) -> Result<bool, SchemaError> {
    let Some(pending) = State::SchemaStages.recall(database).await? else { return Ok(false) };
    let stages: Option<Vec<Snapshot>> = pending.lines().map(|line| line.parse().ok()).collect();
    let goes_on = match stages.as_deref() {
        Some([first, last]) if first.differences(running).is_empty() => {
            installation.apply_as_is(last).await?;
            true
        }
        _ => false,
    };
    State::SchemaStages.forget(database).await?;
    Ok(goes_on)
}

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skipped => f.write_str("skipped, as asked"),
            Self::Unchanged => f.write_str("nothing changed since the last apply"),
            Self::Nothing(plan) => {
                let kept = plan.of(Verdict::Kept).count();
                match kept {
                    0 => f.write_str("the database is what the snapshot says"),
                    _ => write!(f, "nothing to do; {kept} uncommitted kept"),
                }
            }
            Self::Planned(_) => f.write_str("planned, nothing changed"),
            Self::Done(plan, saved) => {
                let counts = plan.counts();
                let said: Vec<_> = [
                    ("create", "created"),
                    ("update", "updated"),
                    ("rename", "renamed"),
                    ("delete", "deleted"),
                    ("keep", "kept"),
                ]
                .into_iter()
                .filter_map(|(word, done)| {
                    Some((counts.get(word).filter(|count| **count > 0)?, done))
                })
                .map(|(count, done)| format!("{count} {done}"))
                .collect();
                f.write_str(&said.join(", "))?;
                saved.map_or(Ok(()), |id| write!(f, "; what went is in rescue {id}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_directus_would_delete_is_read_from_its_dry_run() {
        let said = "[12:00:00.000] INFO: hello\nThe following changes will be applied:\n\nCollections:\n  - Delete wip0\n  - Update a\n    - Set meta.note to - Delete nothing\n\nFields:\n  - Delete a.b\n\nRelations:\n  - Delete a.c → wip0\n";
        assert_eq!(deletions(said), ["wip0", "a.b", "a.c"]);
    }

    #[test]
    fn a_mode_is_one_of_three() {
        assert_eq!("dry-run".parse(), Ok(Mode::DryRun));
        assert_eq!("yes".parse::<Mode>(), Err("`yes` is none of auto, dry-run, skip".to_owned()));
    }
}
