//! What a merge decided, item by item, each with its reason.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::loss::Loss;
use crate::normalise::SnapshotHash;
use crate::rename::Rename;
use crate::snapshot::{FieldKey, Snapshot};

/// A part of a schema by name. In the order in which a plan lists them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A table, or a folder of the navigation.
    Collection(String),
    /// A column or an alias.
    Field(FieldKey),
    /// The index of a column of Directus's own.
    SystemField(FieldKey),
    /// A relation, by the field on its "many" side.
    Relation(FieldKey),
}

impl Item {
    /// `collection`, `field`, `system field` or `relation`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Collection(_) => "collection",
            Self::Field(_) => "field",
            Self::SystemField(_) => "system field",
            Self::Relation(_) => "relation",
        }
    }

    /// `devices`, or `devices.imei`.
    pub fn name(&self) -> String {
        match self {
            Self::Collection(name) => name.clone(),
            Self::Field(key) | Self::SystemField(key) | Self::Relation(key) => key.to_string(),
        }
    }

    /// The collection that it is, or is a part of.
    pub fn collection(&self) -> &str {
        match self {
            Self::Collection(name) => name,
            Self::Field(key) | Self::SystemField(key) | Self::Relation(key) => &key.collection,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

/// Whose child the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Ancestry {
    /// Nothing was applied to this database yet: add, and touch nothing that is there.
    NoBase,
    /// The target comes after what was applied last: what it lacks is meant to go.
    Descendant,
    /// The target comes before it, or from elsewhere: it deletes nothing and narrows nothing.
    Rollback,
}

/// What happens to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nobody may decide but people: nothing at all is applied.
    Conflict,
    /// Goes, with its data, after a backup.
    Deleted,
    /// Keeps its data under another name.
    Renamed,
    /// Comes to be what the target says.
    Updated,
    /// Comes to be.
    Created,
    /// Stays what it is in the database, though the target says otherwise.
    Kept,
}

impl Verdict {
    /// The word that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Deleted => "delete",
            Self::Renamed => "rename",
            Self::Updated => "update",
            Self::Created => "create",
            Self::Kept => "keep",
        }
    }

    /// Whether the database changes by it.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Deleted | Self::Renamed | Self::Updated | Self::Created)
    }
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The snapshot has it, base and database don't.
    NewInSnapshot,
    /// The snapshot changed it, the database didn't.
    ChangedInSnapshot,
    /// The snapshot came to lack it, and the database has it as it was applied.
    GoneFromSnapshot,
    /// Asked for, and approved.
    RenameApproved,
    /// The database has it, base and snapshot don't.
    Uncommitted,
    /// The database changed it since the last apply, the snapshot didn't.
    UncommittedChange,
    /// Somebody deleted it here; the snapshot still has it, unchanged.
    DeletedHere,
    /// No snapshot was applied here yet, so nobody knows whose version is the newer.
    NoBase,
    /// The snapshot is not a descendant of the one applied last.
    Rollback,
    /// Uncommitted work points to it: the items that do.
    PointedTo(Vec<String>),
    /// Changed on both sides, differently.
    BothChanged,
    /// Made on both sides, differently.
    BothMade,
    /// The snapshot lacks it, but it was changed here: the items that were.
    ChangedHereGoneThere(Vec<String>),
    /// It was deleted here, but the snapshot changed it: the items that it changed.
    GoneHereChangedThere(Vec<String>),
    /// It points to a collection that this database no longer has.
    PointsNowhere(String),
    /// Directus can't make this change, whatever it says.
    Unsupported(String),
    /// The snapshot has no collection left.
    DeletesEverything,
}

impl Reason {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NewInSnapshot => "new-in-snapshot",
            Self::ChangedInSnapshot => "changed-in-snapshot",
            Self::GoneFromSnapshot => "gone-from-snapshot",
            Self::RenameApproved => "rename-approved",
            Self::Uncommitted => "uncommitted",
            Self::UncommittedChange => "uncommitted-change",
            Self::DeletedHere => "deleted-here",
            Self::NoBase => "no-base",
            Self::Rollback => "rollback",
            Self::PointedTo(_) => "pointed-to",
            Self::BothChanged => "both-changed",
            Self::BothMade => "both-made",
            Self::ChangedHereGoneThere(_) => "changed-here-gone-there",
            Self::GoneHereChangedThere(_) => "gone-here-changed-there",
            Self::PointsNowhere(_) => "points-nowhere",
            Self::Unsupported(_) => "unsupported",
            Self::DeletesEverything => "deletes-everything",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewInSnapshot => f.write_str("new in the snapshot"),
            Self::ChangedInSnapshot => f.write_str("changed in the snapshot"),
            Self::GoneFromSnapshot => {
                f.write_str("taken out of the snapshot, unchanged here since it was applied")
            }
            Self::RenameApproved => f.write_str("renamed as approved"),
            Self::Uncommitted => f.write_str("uncommitted: in no snapshot that was applied here"),
            Self::UncommittedChange => f.write_str("uncommitted change made here"),
            Self::DeletedHere => f.write_str("deleted here; the snapshot still has it"),
            Self::NoBase => f.write_str(
                "differs from the snapshot; no snapshot was applied here before, so it stays",
            ),
            Self::Rollback => f.write_str(
                "the snapshot is older than, or a stranger to, what was applied here last: it takes nothing away",
            ),
            Self::PointedTo(by) => write!(
                f,
                "taken out of the snapshot, but uncommitted work points to it: {}",
                by.join(", ")
            ),
            Self::BothChanged => f.write_str("changed here and in the snapshot, differently"),
            Self::BothMade => f.write_str("made here and in the snapshot, differently"),
            Self::ChangedHereGoneThere(what) => {
                write!(f, "taken out of the snapshot, but changed here: {}", what.join(", "))
            }
            Self::GoneHereChangedThere(what) => {
                write!(f, "deleted here, but changed in the snapshot: {}", what.join(", "))
            }
            Self::PointsNowhere(collection) => {
                write!(f, "points to `{collection}`, which this database no longer has")
            }
            Self::Unsupported(what) => f.write_str(what),
            Self::DeletesEverything => f.write_str(
                "the snapshot has no collections, the database has; applied, it would delete everything",
            ),
        }
    }
}

/// A part of an item that differs: `meta.note` from this to that; absent where there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Difference {
    /// Where in the item.
    pub path: String,
    /// What the last applied snapshot said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "unknown"))]
    pub base: Option<Value>,
    /// What the database has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "unknown"))]
    pub running: Option<Value>,
    /// What the snapshot says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "unknown"))]
    pub target: Option<Value>,
}

/// What is decided of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub item: Item,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The parts in question; none where the whole item comes or goes.
    pub differences: Vec<Difference>,
    /// What data goes with it.
    pub loss: Option<Loss>,
}

/// What a plan comes to, and the exit code that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The database is what it should be.
    Nothing,
    /// There is something to apply.
    Changes,
    /// People have to decide first.
    Refused,
}

impl Outcome {
    /// 0, 2 or 3; 1 is for what went wrong.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Changes => 2,
            Self::Refused => 3,
        }
    }
}

/// SHA-256 of what a plan would lose for which target; 64 lower-case hexadecimal digits.
///
/// Independent of how many rows there are, so that it can be approved before it meets production.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Fingerprint(pub String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A three-way merge's result: what to do, and the schema that comes of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose child the target is.
    pub ancestry: Ancestry,
    /// The last applied target.
    pub base: Option<SnapshotHash>,
    /// What the merge was asked to bring in.
    pub target: SnapshotHash,
    /// By item; two for an item that is partly updated and partly kept.
    pub changes: Vec<Change>,
    /// What looks like a rename and would lose data as a deletion.
    pub renames: Vec<Rename>,
    /// Renames that were approved and are part of the plan.
    pub renaming: Vec<Rename>,
    /// What was noticed about the files; nothing that stops the plan.
    pub warnings: Vec<String>,
    /// The schema afterwards. In conflict: the running one, as far as the conflict reaches.
    pub merged: Snapshot,
}

impl Plan {
    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        if self.changes.iter().any(|change| change.verdict == Verdict::Conflict) {
            Outcome::Refused
        } else if self.changes.iter().any(|change| change.verdict.is_change()) {
            Outcome::Changes
        } else {
            Outcome::Nothing
        }
    }

    /// The base of the next merge, once this plan is carried out: the target, and what it takes away
    /// but uncommitted work points to. That is no work of people here: it goes when nothing points
    /// to it any more.
    ///
    /// What stays in a rollback is not held for later: an older image may start again and again.
    pub fn next_base(&self, target: &Snapshot) -> Snapshot {
        let mut base = target.clone();
        let held = self.of(Verdict::Kept);
        for change in held.filter(|change| matches!(change.reason, Reason::PointedTo(_))) {
            let part = |key: &FieldKey| match &change.item {
                Item::Collection(name) => key.collection == *name,
                Item::Field(field) | Item::Relation(field) | Item::SystemField(field) => {
                    key == field
                }
            };
            if let Item::Collection(name) = &change.item
                && let Some(collection) = self.merged.collections.get(name)
            {
                base.collections.insert(name.clone(), collection.clone());
            }
            let fields = self.merged.fields.iter().filter(|(key, _)| part(key));
            base.fields.extend(fields.map(|(key, field)| (key.clone(), field.clone())));
            let relations = self.merged.relations.iter().filter(|(key, _)| part(key));
            base.relations.extend(relations.map(|(key, relation)| (key.clone(), relation.clone())));
        }
        base
    }

    /// The changes of one kind.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.verdict == verdict)
    }

    /// What would lose data: deleted tables and columns, narrowed ones.
    pub fn losses(&self) -> impl Iterator<Item = (&Item, &Loss)> {
        let lost = self.changes.iter().filter(|change| change.verdict.is_change());
        lost.filter_map(|change| Some((&change.item, change.loss.as_ref()?)))
    }

    /// Whether data would go; `true` for what was not counted.
    pub fn loses_rows(&self) -> bool {
        self.losses().any(|(_, loss)| loss.rows != Some(0))
    }

    /// Whether anything would be deleted or narrowed, empty or not.
    pub fn is_destructive(&self) -> bool {
        self.of(Verdict::Deleted).next().is_some() || self.losses().next().is_some()
    }

    /// How many of each verdict, zero included.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        use Verdict::{Conflict, Created, Deleted, Kept, Renamed, Updated};
        [Conflict, Deleted, Renamed, Updated, Created, Kept]
            .map(|verdict| (verdict.as_str(), self.of(verdict).count()))
            .into()
    }

    /// The name of exactly these losses for this target; what an approval names.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut lines: Vec<String> = self
            .losses()
            .map(|(item, loss)| format!("{item}: {} {}\n", loss.kind.as_str(), loss.detail))
            .chain(self.renaming.iter().map(|rename| format!("rename {rename}\n")))
            .collect();
        lines.sort();
        let mut digest = Sha256::new();
        digest.update(format!("biplane schema plan 1\ntarget {}\n", self.target));
        lines.iter().for_each(|line| digest.update(line));
        Fingerprint(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
