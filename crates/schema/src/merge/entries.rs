//! Fields, relations and system fields: each by itself, and each part of it by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Body, Merger, Whole, same};
use crate::facets::{Facets, Section, TYPE, apart, together};
use crate::loss::{Effect, Loss, LossKind, effect};
use crate::plan::{Ancestry, Change, Difference, Item, Reason, Verdict};
use crate::snapshot::{Collection, Field, FieldKey, Relation, Snapshot, SystemField, is_system};

pub(super) use crate::facets::Section as Sections;

impl From<Body> for Collection {
    fn from(body: Body) -> Self {
        Self { body }
    }
}

impl Merger<'_> {
    pub(super) fn fields(
        &self,
        wholes: &BTreeMap<&str, Whole>,
        merged: &mut Snapshot,
        changes: &mut Vec<Change>,
    ) {
        for key in keys(self, |one| Some(&one.fields)) {
            let [base, running, target] = [self.base, Some(self.running), Some(self.target)]
                .map(|one| one.and_then(|one| one.fields.get(key)));
            let kept = match whole(wholes, key) {
                Whole::Gone => None,
                Whole::Running => running.cloned(),
                Whole::Target => target.cloned(),
                Whole::Mixed => {
                    let bodies = [base, running, target].map(|one| one.map(|one| &one.body));
                    let body =
                        self.one(Section::Fields, &Item::Field(key.clone()), bodies, changes);
                    body.map(|body| Field { body })
                }
            };
            merged.fields.extend(kept.map(|field| (key.clone(), field)));
        }
    }

    pub(super) fn relations(
        &self,
        wholes: &BTreeMap<&str, Whole>,
        merged: &mut Snapshot,
        changes: &mut Vec<Change>,
    ) {
        for key in keys(self, |one| Some(&one.relations)) {
            let [base, running, target] = [self.base, Some(self.running), Some(self.target)]
                .map(|one| one.and_then(|one| one.relations.get(key)));
            // A field takes its relation along, wherever it goes.
            let in_target = self.target.fields.contains_key(key);
            let kept = match whole(wholes, key) {
                Whole::Gone => None,
                Whole::Running => running.cloned(),
                Whole::Target => target.cloned(),
                Whole::Mixed if !is_system(&key.collection) && !merged.fields.contains_key(key) => {
                    None
                }
                Whole::Mixed if target.is_none() && !in_target && running.is_some() => {
                    running.cloned()
                }
                Whole::Mixed => {
                    let bodies = [base, running, target].map(|one| one.map(|one| &one.body));
                    let item = Item::Relation(key.clone());
                    let body = self.one(Section::Relations, &item, bodies, changes);
                    body.map(|body| Relation { body })
                }
            };
            merged.relations.extend(kept.map(|relation| (key.clone(), relation)));
        }
    }

    pub(super) fn system_fields(&self, merged: &mut Snapshot, changes: &mut Vec<Change>) {
        let Some(into) = &mut merged.system_fields else { return };
        for key in keys(self, |one| one.system_fields.as_ref()) {
            let bodies = [self.base, Some(self.running), Some(self.target)].map(|one| {
                one.and_then(|one| one.system_fields.as_ref()?.get(key)).map(|one| &one.body)
            });
            let item = Item::SystemField(key.clone());
            if let Some(body) = self.one(Section::SystemFields, &item, bodies, changes) {
                into.insert(key.clone(), SystemField { body });
            }
        }
    }

    /// What becomes of one item; none where it is not there afterwards.
    fn one(
        &self,
        section: Section,
        item: &Item,
        [base, running, target]: [Option<&Body>; 3],
        changes: &mut Vec<Change>,
    ) -> Option<Body> {
        let mut say = |verdict, reason, loss| {
            let (item, differences) = (item.clone(), Vec::new());
            changes.push(Change { item, verdict, reason, differences, loss });
        };
        match (base, running, target) {
            (_, None, None) => None,
            (None, None, Some(new)) => {
                say(Verdict::Created, Reason::NewInSnapshot, None);
                Some(new.clone())
            }
            (Some(base), None, Some(target)) => {
                if same(Some(base), Some(target)) {
                    say(Verdict::Kept, Reason::DeletedHere, None);
                } else {
                    let changed = vec![item.name()];
                    say(Verdict::Conflict, Reason::GoneHereChangedThere(changed), None);
                }
                None
            }
            (base, Some(running), None) => {
                let (verdict, reason) = match base {
                    None => (Verdict::Kept, Reason::Uncommitted),
                    _ if self.ancestry != Ancestry::Descendant => (Verdict::Kept, Reason::Rollback),
                    Some(base) if !same(Some(base), Some(running)) => {
                        (Verdict::Conflict, Reason::ChangedHereGoneThere(vec![item.name()]))
                    }
                    Some(_) => match self.withdrawn.get(item) {
                        Some(by) => (Verdict::Kept, Reason::PointedTo(by.clone())),
                        None => (Verdict::Deleted, Reason::GoneFromSnapshot),
                    },
                };
                if verdict != Verdict::Deleted {
                    say(verdict, reason, None);
                    return Some(running.clone());
                }
                let column = section == Section::Fields
                    && running.get("schema").is_some_and(Value::is_object);
                let loss = column.then(|| Loss::new(LossKind::Column, "dropped"));
                say(verdict, reason, loss);
                None
            }
            (base, Some(running), Some(target)) => {
                Some(self.entry(section, item, base, running, target, changes))
            }
        }
    }

    /// An item that database and target both have: each part by itself.
    pub(super) fn entry(
        &self,
        section: Section,
        item: &Item,
        base: Option<&Body>,
        running: &Body,
        target: &Body,
        changes: &mut Vec<Change>,
    ) -> Body {
        let has_base = base.is_some();
        let base = base.map(|body| apart(section, body)).unwrap_or_default();
        let (running_parts, target_parts) = (apart(section, running), apart(section, target));
        let mut merged = Facets::new();
        let mut found: BTreeMap<(Verdict, &str), (Reason, Vec<Difference>)> = BTreeMap::new();
        let paths: BTreeSet<_> =
            base.keys().chain(running_parts.keys()).chain(target_parts.keys()).collect();
        for path in paths {
            let values = [&base, &running_parts, &target_parts].map(|parts| parts.get(path));
            let [was, is, should] = values;
            let (verdict, reason, chosen) = if is == should {
                merged.extend(is.map(|value| (path.clone(), value.clone())));
                continue;
            } else if has_base && was == is {
                (Verdict::Updated, Reason::ChangedInSnapshot, should)
            } else if has_base && was == should {
                (Verdict::Kept, Reason::UncommittedChange, is)
            } else if self.ancestry == Ancestry::NoBase {
                (Verdict::Kept, Reason::NoBase, is)
            } else if has_base {
                (Verdict::Conflict, Reason::BothChanged, is)
            } else {
                (Verdict::Conflict, Reason::BothMade, is)
            };
            merged.extend(chosen.map(|value| (path.clone(), value.clone())));
            let [base, running, target] = values.map(Option::<&Value>::cloned);
            let difference = Difference { path: path.clone(), base, running, target };
            let entry =
                found.entry((verdict, reason.code())).or_insert((reason.clone(), Vec::new()));
            entry.1.push(difference);
        }

        let mut loss = None;
        let retyped = found.iter().any(|((verdict, _), (_, parts))| {
            *verdict == Verdict::Updated && parts.iter().any(|part| part.path == TYPE)
        });
        if section == Section::Fields && retyped {
            match effect(running, &together(section, &merged)) {
                Effect::Lossless => {}
                Effect::Loses(_) if self.ancestry == Ancestry::Rollback => {
                    // The older type would cut what the newer one holds: the column stays as it is.
                    keep_running(&mut merged, &running_parts);
                    move_to(&mut found, Verdict::Kept, Reason::Rollback);
                }
                Effect::Loses(what) => loss = Some(what),
                Effect::Unsupported(what) => {
                    keep_running(&mut merged, &running_parts);
                    move_to(&mut found, Verdict::Conflict, Reason::Unsupported(what));
                }
            }
        }
        if section == Section::Collections
            && running.get("schema").is_some_and(Value::is_object)
                != target.get("schema").is_some_and(Value::is_object)
        {
            let what = "Directus does not turn a table into a folder or back: make a new one and move the rows".to_owned();
            merged.remove("schema");
            merged.extend(
                running_parts.get("schema").map(|value| ("schema".to_owned(), value.clone())),
            );
            move_to(&mut found, Verdict::Conflict, Reason::Unsupported(what));
        }
        for ((verdict, _), (reason, differences)) in found {
            let loss = if verdict == Verdict::Updated { loss.take() } else { None };
            changes.push(Change { item: item.clone(), verdict, reason, differences, loss });
        }
        together(section, &merged)
    }
}

/// Type and column stay together as they are.
fn keep_running(merged: &mut Facets, running: &Facets) {
    let of_column = |path: &str| path == TYPE || path.starts_with("schema.");
    merged.retain(|path, _| !of_column(path));
    let kept = running.iter().filter(|(path, _)| of_column(path));
    merged.extend(kept.map(|(path, value)| (path.clone(), value.clone())));
}

/// What was to be updated of the column is not.
fn move_to(
    found: &mut BTreeMap<(Verdict, &str), (Reason, Vec<Difference>)>,
    verdict: Verdict,
    reason: Reason,
) {
    let updated = (Verdict::Updated, Reason::ChangedInSnapshot.code());
    let Some((_, parts)) = found.remove(&updated) else {
        found.insert((verdict, reason.code()), (reason, Vec::new()));
        return;
    };
    let (column, other): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| !part.path.starts_with("meta."));
    if !other.is_empty() {
        found.insert(updated, (Reason::ChangedInSnapshot, other));
    }
    found.entry((verdict, reason.code())).or_insert((reason, Vec::new())).1.extend(column);
}

fn whole(wholes: &BTreeMap<&str, Whole>, key: &FieldKey) -> Whole {
    // Directus's own collections are in no snapshot and always there.
    wholes.get(key.collection.as_str()).copied().unwrap_or(Whole::Mixed)
}

fn keys<'a, T: 'a>(
    merger: &Merger<'a>,
    of: impl Fn(&'a Snapshot) -> Option<&'a BTreeMap<FieldKey, T>>,
) -> BTreeSet<&'a FieldKey> {
    let all = [merger.base, Some(merger.running), Some(merger.target)];
    all.into_iter().flatten().filter_map(of).flat_map(BTreeMap::keys).collect()
}
