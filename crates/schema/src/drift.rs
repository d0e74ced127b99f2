//! What an instance and its snapshot have that the other lacks, in one sentence.
//!
//! The plan says what an apply would do. This says what somebody would lose who rebuilt now.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use biplane_core::ErrorCode;
use serde::Serialize;
use serde_json::Value;

use crate::error::{LineageError, ReadError};
use crate::lineage::Lineage;
use crate::merge::Merge;
use crate::normalise::SnapshotHash;
use crate::plan::{Ancestry, Item, Plan, Reason, Verdict};
use crate::read::Reading;
use crate::snapshot::Snapshot;

/// How instance and snapshot stand to each other; of several that hold, the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum DriftStatus {
    /// The same.
    Clean,
    /// The snapshot holds what is not applied here.
    Pending,
    /// The snapshot is older than, or a stranger to, what was applied here last, and lacks some of it.
    Stale,
    /// The database holds what no snapshot has.
    Uncommitted,
    /// Both changed the same, differently.
    Conflict,
}

/// A part of the schema by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "DriftPart"))]
pub struct Part {
    /// `collection`, `field`, `system field` or `relation`.
    pub kind: &'static str,
    /// `devices`, or `devices.imei`.
    pub name: String,
}

/// What differs between an instance and its snapshot, and what that means.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Drift {
    /// The gravest of what follows.
    pub status: DriftStatus,
    /// What an operator should know and do.
    pub sentence: String,
    /// Only in the database: made, changed or deleted here, and in no snapshot.
    pub uncommitted: Vec<Part>,
    /// Only in the snapshot: an apply would make, change or delete it here.
    pub pending: Vec<Part>,
    /// What people have to decide.
    pub conflicts: Vec<Part>,
    /// Applied here before, and lacking in an older or foreign snapshot.
    pub stale: Vec<Part>,
    /// What an apply would do: `Plan::to_json`.
    #[cfg_attr(test, ts(type = "Plan"))]
    pub plan: Value,
}

/// What a [`Drift`] is read from: snapshots as YAML or JSON, hashes a line each.
#[derive(Clone, Copy, Debug)]
pub struct DriftTexts<'a> {
    /// What the last apply left for a base: [`Plan::next_base`].
    pub base: Option<&'a str>,
    /// The hash of the target that was applied then.
    pub base_hash: Option<&'a str>,
    /// What the database has now.
    pub running: &'a str,
    /// The snapshot beside this instance; the base again where there is none.
    pub target: &'a str,
    /// The target's lineage.
    pub lineage: &'a str,
}

/// Why there is no [`Drift`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DriftError {
    /// The snapshot that was applied last.
    #[error("the snapshot applied last: {0}")]
    Base(#[source] ReadError),
    /// What Directus says of its database.
    #[error("the schema of this instance: {0}")]
    Running(#[source] ReadError),
    /// The snapshot beside this instance.
    #[error("the snapshot beside this instance: {0}")]
    Target(#[source] ReadError),
    /// What stands beside it.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// The hash of the snapshot that was applied last.
    #[error("the snapshot applied last: its hash: {0}")]
    BaseHash(#[source] LineageError),
}

impl DriftError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Base(cause) | Self::Running(cause) | Self::Target(cause) => cause.code(),
            Self::Lineage(cause) | Self::BaseHash(cause) => cause.code(),
        }
    }
}

impl Drift {
    /// Reads the texts and compares them.
    pub fn read(texts: DriftTexts<'_>) -> Result<Self, DriftError> {
        let lenient = |text| Snapshot::read(text, Reading::Lenient).map(|read| read.snapshot);
        let base = texts.base.map(lenient).transpose().map_err(DriftError::Base)?;
        let running = lenient(texts.running).map_err(DriftError::Running)?;
        // What could not be applied is nothing to compare with: it is likely to be cut off.
        let target: Snapshot = texts.target.parse().map_err(DriftError::Target)?;
        let lineage: Lineage = texts.lineage.parse()?;
        let applied: Option<Lineage> =
            texts.base_hash.map(str::parse).transpose().map_err(DriftError::BaseHash)?;
        let applied = applied.and_then(|applied| applied.current().copied());
        let base = base.map(|base| (applied.unwrap_or_else(|| base.hash()), base));
        let base = base.as_ref().map(|(hash, base)| (*hash, base));
        Self::between(base, &running, &target, &lineage)
    }

    /// Compares what was applied last, with the hash of that target, what the database has and what
    /// the snapshot says.
    pub fn between(
        base: Option<(SnapshotHash, &Snapshot)>,
        running: &Snapshot,
        target: &Snapshot,
        lineage: &Lineage,
    ) -> Result<Self, DriftError> {
        let base_hash = base.map(|(hash, _)| hash);
        let base = base.map(|(_, base)| base);
        let ancestry = if base_hash == Some(target.hash()) {
            Ancestry::Descendant
        } else {
            lineage.ancestry(base_hash)
        };
        let merge = Merge { base, running, target, ancestry, renames: &[], lenient: true };
        let plan = planned(merge)?;

        let uncommitted = match base {
            // An older or foreign snapshot can't tell who changed what; the one applied last can.
            Some(base) if ancestry == Ancestry::Rollback => {
                let ancestry = Ancestry::Descendant;
                let here = planned(Merge { target: base, ancestry, ..merge })?;
                parts(&here, |verdict, reason| verdict == Verdict::Kept && made_here(reason))
                    .into_iter()
                    .filter(|item| says_otherwise(&plan, item))
                    .collect()
            }
            _ => parts(&plan, |verdict, reason| verdict == Verdict::Kept && made_here(reason)),
        };
        let pending = parts(&plan, |verdict, _| verdict.is_change());
        let conflicts = parts(&plan, |verdict, _| verdict == Verdict::Conflict);
        let mut stale =
            parts(&plan, |verdict, reason| verdict == Verdict::Kept && *reason == Reason::Rollback);
        stale.retain(|item| !uncommitted.contains(item));

        let status = if !conflicts.is_empty() {
            DriftStatus::Conflict
        } else if !uncommitted.is_empty() {
            DriftStatus::Uncommitted
        } else if !stale.is_empty() {
            DriftStatus::Stale
        } else if !pending.is_empty() {
            DriftStatus::Pending
        } else {
            DriftStatus::Clean
        };
        Ok(Self {
            status,
            sentence: sentence([&conflicts, &uncommitted, &stale, &pending]),
            uncommitted: named(&uncommitted),
            pending: named(&pending),
            conflicts: named(&conflicts),
            stale: named(&stale),
            plan: plan.to_json(),
        })
    }
}

/// A lenient plan is refused for nothing but a target that can't be understood.
fn planned(merge: Merge<'_>) -> Result<Plan, DriftError> {
    merge
        .plan()
        .map_err(|faults| DriftError::Target(faults.into_iter().next().unwrap_or(ReadError::Empty)))
}

const fn made_here(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Uncommitted | Reason::UncommittedChange | Reason::DeletedHere | Reason::NoBase
    )
}

/// Whether an item, or the whole collection that it is a part of, is another in the plan's target.
fn says_otherwise(plan: &Plan, item: &Item) -> bool {
    plan.changes.iter().any(|change| match &change.item {
        Item::Collection(name) => name == item.collection(),
        other => other == item,
    })
}

/// Items once each, in the order of a plan.
fn parts(plan: &Plan, wanted: impl Fn(Verdict, &Reason) -> bool) -> BTreeSet<Item> {
    let changes = plan.changes.iter();
    changes
        .filter(|change| wanted(change.verdict, &change.reason))
        .map(|change| change.item.clone())
        .collect()
}

fn named(items: &BTreeSet<Item>) -> Vec<Part> {
    items.iter().map(|item| Part { kind: item.kind(), name: item.name() }).collect()
}

/// `5 collections, 1 field`.
fn counted(items: &BTreeSet<Item>) -> String {
    let mut text = String::new();
    for kind in ["collection", "field", "system field", "relation"] {
        let count = items.iter().filter(|item| item.kind() == kind).count();
        if count > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            let _ = write!(text, "{comma}{count} {kind}{plural}");
        }
    }
    text
}

fn sentence([conflicts, uncommitted, stale, pending]: [&BTreeSet<Item>; 4]) -> String {
    let mut said = Vec::new();
    if !conflicts.is_empty() {
        let what = counted(conflicts);
        said.push(format!(
            "This instance and the snapshot contradict each other: {what}. Nothing is applied before somebody decides."
        ));
    }
    if !uncommitted.is_empty() {
        let what = counted(uncommitted);
        said.push(format!(
            "This instance has uncommitted schema changes: {what}. Do not rebuild before `biplane schema snapshot` and a commit."
        ));
    }
    if !stale.is_empty() {
        let what = counted(stale);
        said.push(format!(
            "The snapshot is older than, or a stranger to, what was applied here last, and lacks some of it: {what}. Rebuild with the newer snapshot."
        ));
    }
    if !pending.is_empty() {
        let what = counted(pending);
        said.push(format!("The snapshot holds changes that are not applied here yet: {what}."));
    }
    if said.is_empty() {
        said.push("The schema of this instance is what the snapshot says.".to_owned());
    }
    said.join(" ")
}
