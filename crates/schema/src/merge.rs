//! The three-way merge: what was applied last, what the database has, what the snapshot says.

mod entries;
mod references;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::ReadError;
use crate::fill::fill;
use crate::loss::{Loss, LossKind};
use crate::plan::{Ancestry, Change, Item, Plan, Reason, Verdict};
use crate::rename::Rename;
use crate::snapshot::{FieldKey, Snapshot};

use entries::Sections;

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Merge<'a> {
    /// The last target that was applied to this database.
    pub base: Option<&'a Snapshot>,
    /// What the database has now.
    pub running: &'a Snapshot,
    /// What is to be applied.
    pub target: &'a Snapshot,
    /// Whose child the target is.
    pub ancestry: Ancestry,
    /// Renames that people approved.
    pub renames: &'a [Rename],
    /// Whether unknown and missing keys are only warned about: for plans that are never applied.
    pub lenient: bool,
}

impl Merge<'_> {
    /// Decides what to do; an error names what of the target can't be understood.
    pub fn plan(&self) -> Result<Plan, Vec<ReadError>> {
        let mut running = self.running.clone();
        let mut base = self.base.cloned();
        let mut renaming = Vec::new();
        // One may be of a field in a collection that another renames.
        let mut left: Vec<_> = self.renames.iter().collect();
        loop {
            let before = left.len();
            left.retain(|rename| {
                if applies(rename, &running, self.target) {
                    running = running.renamed(rename);
                    renaming.push((*rename).clone());
                } else if !base.as_ref().is_some_and(|base| is_done(rename, base, &running)) {
                    return true;
                }
                base = base.take().map(|base| base.renamed(rename));
                false
            });
            if left.len() == before {
                break;
            }
        }

        let target = fill(self.target, &running);
        let mut warnings = Vec::new();
        if !target.faults.is_empty() {
            if !self.lenient {
                return Err(target.faults);
            }
            warnings.extend(target.faults.iter().map(ToString::to_string));
        }
        // What was applied once was understood then.
        let base = base.map(|base| fill(&base, &running).snapshot);
        let target = target.snapshot;

        let mut merger = Merger {
            base: base.as_ref(),
            running: &running,
            target: &target,
            ancestry: if base.is_some() { self.ancestry } else { Ancestry::NoBase },
            withdrawn: BTreeMap::new(),
        };
        // Each round keeps more, so it ends.
        let (mut merged, mut changes) = loop {
            let (merged, changes) = merger.round();
            let found = references::to_what_goes(&merged, &merger, &changes);
            if found.is_empty() {
                break (merged, changes);
            }
            merger.withdrawn.extend(found);
        };
        references::check(&merged, &merger, &mut changes);
        references::foreign_keys(&mut merged, &merger);

        for rename in &renaming {
            let (item, verdict) = (renamed_item(rename), Verdict::Renamed);
            let reason = Reason::RenameApproved;
            changes.push(Change { item, verdict, reason, differences: Vec::new(), loss: None });
        }
        changes.sort_by(|a, b| (a.verdict, &a.item).cmp(&(b.verdict, &b.item)));
        let renames = offers(&changes, &running, &merged);
        Ok(Plan {
            ancestry: merger.ancestry,
            base: self.base.map(Snapshot::hash),
            target: self.target.hash(),
            changes,
            renames,
            renaming,
            warnings,
            merged,
        })
    }
}

/// A rename makes sense where the old name is here and the new one is only in the target.
fn applies(rename: &Rename, running: &Snapshot, target: &Snapshot) -> bool {
    match rename {
        Rename::Collection { from, to } => {
            running.collections.contains_key(from)
                && !running.collections.contains_key(to)
                && target.collections.contains_key(to)
                && !target.collections.contains_key(from)
        }
        Rename::Field { from, to } => {
            let new = FieldKey::new(&from.collection, to);
            running.fields.contains_key(from)
                && !running.fields.contains_key(&new)
                && target.fields.contains_key(&new)
                && !target.fields.contains_key(from)
        }
    }
}

/// Done already, by an apply that was interrupted before it could say so.
fn is_done(rename: &Rename, base: &Snapshot, running: &Snapshot) -> bool {
    match rename {
        Rename::Collection { from, to } => {
            let (base, running) = (&base.collections, &running.collections);
            base.contains_key(from)
                && !base.contains_key(to)
                && running.contains_key(to)
                && !running.contains_key(from)
        }
        Rename::Field { from, to } => {
            let new = FieldKey::new(&from.collection, to);
            let (base, running) = (&base.fields, &running.fields);
            base.contains_key(from)
                && !base.contains_key(&new)
                && running.contains_key(&new)
                && !running.contains_key(from)
        }
    }
}

fn renamed_item(rename: &Rename) -> Item {
    match rename {
        Rename::Collection { to, .. } => Item::Collection(to.clone()),
        Rename::Field { from, to } => Item::Field(FieldKey::new(&from.collection, to)),
    }
}

pub(crate) struct Merger<'a> {
    pub base: Option<&'a Snapshot>,
    pub running: &'a Snapshot,
    pub target: &'a Snapshot,
    pub ancestry: Ancestry,
    /// What would go, but uncommitted work points to it: by what.
    pub withdrawn: BTreeMap<Item, Vec<String>>,
}

/// What becomes of a collection with all its fields and relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    /// Nobody's in question: as the database has it.
    Running,
    /// New: as the target has it.
    Target,
    /// Not there afterwards.
    Gone,
    /// In database and target: decided field by field.
    Mixed,
}

impl Merger<'_> {
    fn round(&self) -> (Snapshot, Vec<Change>) {
        let mut merged = Snapshot {
            directus: self.running.directus.clone(),
            vendor: self.running.vendor.clone(),
            collections: BTreeMap::new(),
            fields: BTreeMap::new(),
            system_fields: self.running.system_fields.as_ref().map(|_| BTreeMap::new()),
            relations: BTreeMap::new(),
            rest: self.running.rest.clone(),
        };
        let mut changes = Vec::new();
        let mut wholes = BTreeMap::new();

        let tables = |snapshot: &Snapshot| snapshot.collections.values().any(|one| one.has_table());
        if tables(self.running) && !tables(self.target) {
            changes.push(Change {
                item: Item::Collection("*".into()),
                verdict: Verdict::Conflict,
                reason: Reason::DeletesEverything,
                differences: Vec::new(),
                loss: None,
            });
        }

        let names: BTreeSet<&String> = [Some(self.running), Some(self.target), self.base]
            .into_iter()
            .flatten()
            .flat_map(|one| one.collections.keys())
            .collect();
        for name in names {
            let whole = self.collection(name, &mut merged, &mut changes);
            wholes.insert(name.as_str(), whole);
        }
        self.fields(&wholes, &mut merged, &mut changes);
        self.relations(&wholes, &mut merged, &mut changes);
        self.system_fields(&mut merged, &mut changes);
        (merged, changes)
    }

    fn collection(&self, name: &str, merged: &mut Snapshot, changes: &mut Vec<Change>) -> Whole {
        let [base, running, target] = [self.base, Some(self.running), Some(self.target)]
            .map(|one| one.and_then(|one| one.collections.get(name)));
        let item = Item::Collection(name.to_owned());
        let mut say = |verdict, reason, loss| {
            let differences = Vec::new();
            changes.push(Change { item: item.clone(), verdict, reason, differences, loss });
        };
        match (base, running, target) {
            (_, None, None) => Whole::Gone,
            (None, None, Some(new)) => {
                merged.collections.insert(name.to_owned(), new.clone());
                say(Verdict::Created, Reason::NewInSnapshot, None);
                Whole::Target
            }
            (Some(_), None, Some(_)) => {
                let changed = self.base.map(|base| changed_parts(base, self.target, name));
                match changed.unwrap_or_default() {
                    changed if changed.is_empty() => say(Verdict::Kept, Reason::DeletedHere, None),
                    changed => say(Verdict::Conflict, Reason::GoneHereChangedThere(changed), None),
                }
                Whole::Gone
            }
            (base, Some(running), None) => {
                let mut keep = |verdict, reason| {
                    say(verdict, reason, None);
                    merged.collections.insert(name.to_owned(), running.clone());
                    Whole::Running
                };
                let Some(base_snapshot) = base.and(self.base) else {
                    return keep(Verdict::Kept, Reason::Uncommitted);
                };
                if self.ancestry != Ancestry::Descendant {
                    return keep(Verdict::Kept, Reason::Rollback);
                }
                let changed = changed_parts(base_snapshot, self.running, name);
                if !changed.is_empty() {
                    return keep(Verdict::Conflict, Reason::ChangedHereGoneThere(changed));
                }
                if let Some(by) = self.withdrawn.get(&item) {
                    return keep(Verdict::Kept, Reason::PointedTo(by.clone()));
                }
                let loss = running.has_table().then(|| Loss::new(LossKind::Table, "dropped"));
                say(Verdict::Deleted, Reason::GoneFromSnapshot, loss);
                Whole::Gone
            }
            (base, Some(running), Some(target)) => {
                let entry = self.entry(
                    Sections::Collections,
                    &item,
                    base.map(|one| &one.body),
                    &running.body,
                    &target.body,
                    changes,
                );
                merged.collections.insert(name.to_owned(), entry.into());
                Whole::Mixed
            }
        }
    }
}

/// The parts of a collection that differ between two snapshots, by name.
fn changed_parts(before: &Snapshot, after: &Snapshot, collection: &str) -> Vec<String> {
    let mut parts = BTreeSet::new();
    let [one, other] = [before, after].map(|one| one.collections.get(collection));
    if !same(one.map(|one| &one.body), other.map(|one| &one.body)) {
        parts.insert(collection.to_owned());
    }
    let within = |key: &&FieldKey| key.collection == collection;
    for key in before.fields.keys().chain(after.fields.keys()).filter(within) {
        let [one, other] = [before, after].map(|one| one.fields.get(key).map(|one| &one.body));
        if !same(one, other) {
            parts.insert(key.to_string());
        }
    }
    for key in before.relations.keys().chain(after.relations.keys()).filter(within) {
        let [one, other] = [before, after].map(|one| one.relations.get(key).map(|one| &one.body));
        if !same(one, other) {
            parts.insert(key.to_string());
        }
    }
    parts.into_iter().collect()
}

type Body = serde_json::Map<String, serde_json::Value>;

/// Equal, where a null schema counts as none.
fn same(one: Option<&Body>, other: Option<&Body>) -> bool {
    let plain = |body: &Body| {
        let mut body = body.clone();
        body.retain(|key, value| key != "schema" || !value.is_null());
        body
    };
    one.map(plain) == other.map(plain)
}

/// What goes and what comes in one collection with the same shape may be one thing renamed.
fn offers(changes: &[Change], running: &Snapshot, merged: &Snapshot) -> Vec<Rename> {
    let of = |verdict| changes.iter().filter(move |change| change.verdict == verdict);
    let mut offers = Vec::new();
    for gone in of(Verdict::Deleted).filter(|gone| gone.loss.is_some()) {
        let fits: Vec<_> = of(Verdict::Created)
            .filter_map(|new| match (&gone.item, &new.item) {
                (Item::Field(from), Item::Field(to)) if from.collection == to.collection => {
                    let shape = |snapshot: &Snapshot, key| {
                        let mut body = snapshot.fields.get(key)?.body.clone();
                        let schema = body.get_mut("schema")?.as_object_mut()?;
                        let schema: Body = schema
                            .iter()
                            .filter(|(key, _)| {
                                [
                                    "data_type",
                                    "max_length",
                                    "numeric_precision",
                                    "numeric_scale",
                                    "is_primary_key",
                                    "foreign_key_table",
                                ]
                                .contains(&key.as_str())
                            })
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect();
                        Some((body.remove("type"), schema))
                    };
                    (shape(running, from)? == shape(merged, to)?)
                        .then(|| Rename::Field { from: from.clone(), to: to.field.clone() })
                }
                (Item::Collection(from), Item::Collection(to)) => {
                    let shape = |snapshot: &Snapshot, name: &String| -> Vec<_> {
                        let own = snapshot.fields.iter().filter(|(key, _)| key.collection == *name);
                        own.map(|(key, field)| (key.field.clone(), field.body.get("type").cloned()))
                            .collect()
                    };
                    (shape(running, from) == shape(merged, to))
                        .then(|| Rename::Collection { from: from.clone(), to: to.clone() })
                }
                _ => None,
            })
            .collect();
        // Two that fit are a guess.
        if let [offer] = fits.as_slice() {
            offers.push(offer.clone());
        }
    }
    // Two that go for one that comes are a guess too.
    let targets: Vec<_> = offers.iter().map(renamed_item).collect();
    offers.retain(|offer| {
        targets.iter().filter(|target| **target == renamed_item(offer)).count() == 1
    });
    offers
}
