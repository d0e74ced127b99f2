//! What points to what: nothing goes that something still points to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Body, Merger};
use crate::plan::{Change, Item, Reason, Verdict};
use crate::snapshot::{FieldKey, Snapshot, is_system};

/// One item naming another.
struct Reference {
    from: Item,
    to: Item,
}

/// Every reference in a snapshot.
fn all(snapshot: &Snapshot) -> Vec<Reference> {
    let mut references = Vec::new();
    for (name, collection) in &snapshot.collections {
        let from = Item::Collection(name.clone());
        let mut to = |item| references.push(Reference { from: from.clone(), to: item });
        if let Some(group) = text(&collection.body, "group") {
            to(Item::Collection(group.to_owned()));
        }
        for key in ["sort_field", "archive_field"] {
            if let Some(field) = text(&collection.body, key) {
                to(Item::Field(FieldKey::new(name, field)));
            }
        }
    }
    for (key, field) in &snapshot.fields {
        if let Some(group) = text(&field.body, "group") {
            let to = Item::Field(FieldKey::new(&key.collection, group));
            references.push(Reference { from: Item::Field(key.clone()), to });
        }
    }
    for (key, relation) in &snapshot.relations {
        let from = Item::Relation(key.clone());
        let mut to = |item| references.push(Reference { from: from.clone(), to: item });
        if let Some(related) = relation.related_collection() {
            to(Item::Collection(related.to_owned()));
        }
        for part in ["junction_field", "sort_field", "one_collection_field"] {
            if let Some(field) = text(&relation.body, part) {
                to(Item::Field(FieldKey::new(&key.collection, field)));
            }
        }
        let one = text(&relation.body, "one_collection").or(relation.related_collection());
        if let (Some(collection), Some(field)) = (one, text(&relation.body, "one_field")) {
            to(Item::Field(FieldKey::new(collection, field)));
        }
        let allowed =
            relation.body.get("meta").and_then(|meta| meta.get("one_allowed_collections"));
        for name in
            allowed.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            to(Item::Collection(name.to_owned()));
        }
    }
    references.retain(|one| match &one.to {
        Item::Collection(name) => !is_system(name),
        _ => true,
    });
    references
}

fn text<'a>(body: &'a Body, key: &str) -> Option<&'a str> {
    body.get("meta")?.get(key)?.as_str()
}

fn has(snapshot: &Snapshot, item: &Item) -> bool {
    match item {
        Item::Collection(name) => snapshot.collections.contains_key(name),
        Item::Field(key) => snapshot.fields.contains_key(key) || is_system(&key.collection),
        Item::Relation(key) => snapshot.relations.contains_key(key),
        Item::SystemField(_) => true,
    }
}

/// What a round deletes though something that stays points to it: by what.
pub(super) fn to_what_goes(
    merged: &Snapshot,
    merger: &Merger<'_>,
    changes: &[Change],
) -> BTreeMap<Item, Vec<String>> {
    let gone = |item: &Item| {
        changes.iter().any(|change| change.verdict == Verdict::Deleted && change.item == *item)
    };
    let in_target: Vec<_> = all(merger.target);
    let mut found: BTreeMap<Item, Vec<String>> = BTreeMap::new();
    for Reference { from, to } in all(merged) {
        // What the target leaves dangling by itself is its own affair.
        let meant = in_target.iter().any(|one| one.from == from && one.to == to);
        if gone(&to) && !meant {
            found.entry(to).or_default().push(from.name());
        }
    }
    found
}

/// New things that point to a collection which this database lost.
pub(super) fn check(merged: &Snapshot, merger: &Merger<'_>, changes: &mut Vec<Change>) {
    for (key, relation) in &merged.relations {
        let Some(related) = relation.related_collection() else { continue };
        let to = Item::Collection(related.to_owned());
        if is_system(related)
            || has(merged, &to)
            || merger.running.relations.get(key) == Some(relation)
        {
            continue;
        }
        changes.push(Change {
            item: Item::Relation(key.clone()),
            verdict: Verdict::Conflict,
            reason: Reason::PointsNowhere(related.to_owned()),
            differences: Vec::new(),
            loss: None,
        });
    }
}

/// A column's foreign key is what its relation says; one to a table that Directus does not track
/// is nobody's and stays.
pub(super) fn foreign_keys(merged: &mut Snapshot, merger: &Merger<'_>) {
    for (key, field) in &mut merged.fields {
        let related = merged.relations.get(key).and_then(|one| one.body.get("schema")?.as_object());
        let own = |snapshot: &Snapshot| {
            let field = snapshot.fields.get(key)?;
            let table = field.foreign_key_table()?;
            let tracked = is_system(table)
                || merger.running.collections.contains_key(table)
                || merger.target.collections.contains_key(table);
            let column = field.body.get("schema")?.get("foreign_key_column").cloned()?;
            (!tracked).then(|| [table.into(), column])
        };
        let [table, column] = match related {
            Some(related) => ["foreign_key_table", "foreign_key_column"]
                .map(|part| related.get(part).cloned().unwrap_or_default()),
            None => own(merger.running).or_else(|| own(merger.target)).unwrap_or_default(),
        };
        if let Some(Value::Object(schema)) = field.body.get_mut("schema") {
            schema.insert("foreign_key_table".into(), table);
            schema.insert("foreign_key_column".into(), column);
        }
    }
}
