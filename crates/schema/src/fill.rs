//! A snapshot brought to the keys of the running one.
//!
//! To Directus 11 a key that a snapshot lacks is a key to take away, and where that happens in the
//! first difference of an entry, the table or column goes with it. An older version's snapshot
//! lacks keys in good faith: they are filled in. A key that nobody knows is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::error::ReadError;
use crate::keys::{self, Key, Missing};
use crate::snapshot::{FieldKey, Snapshot};

/// A snapshot with all keys, and what can't be filled or is not known.
#[derive(Debug)]
pub(crate) struct Filled {
    pub snapshot: Snapshot,
    pub faults: Vec<ReadError>,
}

/// Fills `snapshot` up from `running`, and what is new in it with Directus's defaults.
pub(crate) fn fill(snapshot: &Snapshot, running: &Snapshot) -> Filled {
    let mut filler = Filler { faults: Vec::new() };
    let mut filled = snapshot.clone();

    let known = Known::of(running.collections.values().map(|entry| &entry.body));
    for (name, entry) in &mut filled.collections {
        let own = running.collections.get(name).map(|entry| &entry.body);
        let names = Names { collection: name, field: None };
        let at = |part: &str| format!("collections ({name}){part}");
        let mut of = Part { names, own, at: &at };
        filler.part(&mut entry.body, "meta", keys::COLLECTION_META, &known.meta, &mut of);
        // Without the key it is a folder, or it is forgotten: folders have no columns.
        let has_columns = snapshot
            .fields
            .iter()
            .any(|(key, field)| key.collection == *name && field.has_column());
        if has_columns || is_object(&entry.body, "schema") {
            let (table, known) = (keys::COLLECTION_SCHEMA, &known.schema);
            filler.part(&mut entry.body, "schema", table, known, &mut of);
        }
        filler.unknown(&entry.body, &["collection", "meta", "schema"], &known.entry, &at(""));
    }

    let known = Known::of(running.fields.values().map(|entry| &entry.body));
    for (key, entry) in &mut filled.fields {
        let own = running.fields.get(key).map(|entry| &entry.body);
        let at = |part: &str| format!("fields ({key}){part}");
        let mut of = Part { names: Names::of(key), own, at: &at };
        if !entry.body.contains_key("type") {
            match own.and_then(|own| own.get("type")) {
                Some(own) => drop(entry.body.insert("type".into(), own.clone())),
                None => filler.missing(at(""), "type"),
            }
        }
        filler.part(&mut entry.body, "meta", keys::FIELD_META, &known.meta, &mut of);
        // Directus's own comparison passes over the column of a key that counts by itself.
        if let Some(column) = own.and_then(counting_key) {
            entry.body.insert("schema".into(), column.clone());
        }
        let alias = entry.body.get("type").and_then(Value::as_str) == Some("alias");
        if !alias || is_object(&entry.body, "schema") {
            let (column, known) = (keys::FIELD_SCHEMA, &known.schema);
            filler.part(&mut entry.body, "schema", column, known, &mut of);
        } else {
            entry.body.remove("schema");
        }
        let allowed = ["collection", "field", "type", "meta", "schema", "name", "children"];
        filler.unknown(&entry.body, &allowed, &known.entry, &at(""));
    }

    match (&mut filled.system_fields, &running.system_fields) {
        (absent @ None, running) => absent.clone_from(running),
        (Some(entries), running) => {
            let none = BTreeMap::new();
            let running = running.as_ref().unwrap_or(&none);
            let known = Known::of(running.values().map(|entry| &entry.body));
            for (key, entry) in entries {
                let own = running.get(key).map(|entry| &entry.body);
                let at = |part: &str| format!("systemFields ({key}){part}");
                let mut of = Part { names: Names::of(key), own, at: &at };
                let (column, known_keys) = (keys::SYSTEM_FIELD_SCHEMA, &known.schema);
                filler.part(&mut entry.body, "schema", column, known_keys, &mut of);
                let allowed = ["collection", "field", "schema"];
                filler.unknown(&entry.body, &allowed, &known.entry, &at(""));
            }
        }
    }

    let known = Known::of(running.relations.values().map(|entry| &entry.body));
    for (key, entry) in &mut filled.relations {
        let own = running.relations.get(key).map(|entry| &entry.body);
        let at = |part: &str| format!("relations ({key}){part}");
        let mut of = Part { names: Names::of(key), own, at: &at };
        if !entry.body.contains_key("related_collection") {
            match own.and_then(|own| own.get("related_collection")) {
                Some(own) => drop(entry.body.insert("related_collection".into(), own.clone())),
                None => filler.missing(at(""), "related_collection"),
            }
        }
        filler.part(&mut entry.body, "meta", keys::RELATION_META, &known.meta, &mut of);
        if is_object(&entry.body, "schema") || !entry.body.contains_key("schema") {
            let has_key = own.is_none_or(|own| is_object(own, "schema"));
            if has_key && !entry.body.contains_key("schema") && own.is_none() {
                entry.body.insert("schema".into(), Value::Null);
            } else if has_key {
                let (key, known) = (keys::RELATION_SCHEMA, &known.schema);
                filler.part(&mut entry.body, "schema", key, known, &mut of);
            }
        }
        let allowed = ["collection", "field", "related_collection", "meta", "schema"];
        filler.unknown(&entry.body, &allowed, &known.entry, &at(""));
    }
    Filled { snapshot: filled, faults: filler.faults }
}

/// The column of a primary key that counts by itself.
fn counting_key(field: &Map<String, Value>) -> Option<&Value> {
    let schema = field.get("schema")?;
    let flag = |key| schema.get(key).and_then(Value::as_bool) == Some(true);
    (flag("is_primary_key") && flag("has_auto_increment")).then_some(schema)
}

fn is_object(body: &Map<String, Value>, key: &str) -> bool {
    body.get(key).is_some_and(Value::is_object)
}

/// The keys that the running snapshot has beyond our tables: those of a newer Directus.
struct Known {
    entry: BTreeSet<String>,
    meta: BTreeSet<String>,
    schema: BTreeSet<String>,
}

impl Known {
    fn of<'a>(bodies: impl Iterator<Item = &'a Map<String, Value>>) -> Self {
        let mut known =
            Self { entry: BTreeSet::new(), meta: BTreeSet::new(), schema: BTreeSet::new() };
        for body in bodies {
            known.entry.extend(body.keys().cloned());
            for (part, keys) in [("meta", &mut known.meta), ("schema", &mut known.schema)] {
                if let Some(Value::Object(part)) = body.get(part) {
                    keys.extend(
                        part.keys().filter(|key| !keys.contains(*key)).cloned().collect::<Vec<_>>(),
                    );
                }
            }
        }
        known
    }
}

#[derive(Clone, Copy)]
struct Names<'a> {
    collection: &'a str,
    field: Option<&'a str>,
}

impl<'a> Names<'a> {
    fn of(key: &'a FieldKey) -> Self {
        Self { collection: &key.collection, field: Some(&key.field) }
    }
}

/// Whose part is filled.
struct Part<'a> {
    names: Names<'a>,
    /// The running entry.
    own: Option<&'a Map<String, Value>>,
    at: &'a dyn Fn(&str) -> String,
}

struct Filler {
    faults: Vec<ReadError>,
}

impl Filler {
    fn missing(&mut self, place: String, key: &'static str) {
        self.faults.push(ReadError::Missing { place, key });
    }

    /// Fills one part of an entry: all of it from the running one where it is missing.
    fn part(
        &mut self,
        body: &mut Map<String, Value>,
        name: &str,
        table: &[Key],
        known: &BTreeSet<String>,
        of: &mut Part<'_>,
    ) {
        let own = of.own.and_then(|own| own.get(name));
        let part = match (body.get_mut(name), own) {
            (Some(Value::Object(part)), _) => part,
            (None, Some(own)) => {
                body.insert(name.to_owned(), own.clone());
                return;
            }
            // Null stays null: Directus writes it where it means it.
            (Some(_), _) => return,
            (None, None) => {
                let Value::Object(part) =
                    body.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()))
                else {
                    return;
                };
                part
            }
        };
        let own = own.and_then(Value::as_object);
        // The running entry's keys; for something new, those that its like have here.
        let wanted: Vec<&str> = match own {
            Some(own) => own.keys().map(String::as_str).collect(),
            None if known.is_empty() => table.iter().map(|(key, _)| *key).collect(),
            None => known.iter().map(String::as_str).collect(),
        };
        for key in wanted {
            if part.contains_key(key) {
                continue;
            }
            let entry = table.iter().find(|(known, _)| *known == key);
            let value = match (own.and_then(|own| own.get(key)), entry) {
                (Some(value), _) => value.clone(),
                (None, Some((_, Missing::Default(default)))) => default(),
                (None, Some((_, Missing::Collection))) => of.names.collection.into(),
                (None, Some((_, Missing::Field))) => of.names.field.unwrap_or_default().into(),
                (None, Some((key, Missing::Required))) => {
                    self.missing((of.at)(&format!(".{name}")), key);
                    continue;
                }
                // A key of a newer Directus: it knows the default itself.
                (None, None) => continue,
            };
            part.insert(key.to_owned(), value);
        }
        let place = (of.at)(&format!(".{name}"));
        let strangers = part
            .keys()
            .filter(|key| !known.contains(*key) && !table.iter().any(|(known, _)| known == key));
        self.faults.extend(
            strangers.map(|key| ReadError::UnknownKey { place: place.clone(), key: key.clone() }),
        );
    }

    fn unknown(
        &mut self,
        body: &Map<String, Value>,
        allowed: &[&str],
        known: &BTreeSet<String>,
        place: &str,
    ) {
        let strangers =
            body.keys().filter(|key| !allowed.contains(&key.as_str()) && !known.contains(*key));
        self.faults.extend(
            strangers
                .map(|key| ReadError::UnknownKey { place: place.to_owned(), key: key.clone() }),
        );
    }
}
