//! Text to snapshot, or the reason why not.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::{Format, ReadError};
use crate::snapshot::{Collection, Field, FieldKey, Relation, Snapshot, SystemField, is_system};
use crate::strict::Strict;
use crate::{DIRECTUS_MAJOR, VENDOR};

/// The keys of a relation's `schema`. Without one of them Directus 11 drops the foreign key.
const FOREIGN_KEY: [&str; 7] = [
    "table",
    "column",
    "foreign_key_table",
    "foreign_key_column",
    "constraint_name",
    "on_update",
    "on_delete",
];

/// How much is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Nothing that could not be applied here.
    Strict,
    /// Another version or vendor, and what points nowhere: warned about. For plans from files.
    Lenient,
}

/// A snapshot with what was let pass.
#[derive(Debug)]
pub struct Warned {
    /// As read.
    pub snapshot: Snapshot,
    /// What a strict reading refuses.
    pub warnings: Vec<ReadError>,
}

impl FromStr for Snapshot {
    type Err = ReadError;

    /// Reads YAML, or JSON where the first character is a brace; refuses what can't be applied.
    fn from_str(text: &str) -> Result<Self, ReadError> {
        Self::read(text, Reading::Strict).map(|read| read.snapshot)
    }
}

impl Snapshot {
    /// Reads YAML, or JSON where the first character is a brace.
    pub fn read(text: &str, reading: Reading) -> Result<Warned, ReadError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = match text.trim_start().chars().next() {
            None => return Err(ReadError::Empty),
            Some('{') => json(text)?,
            Some(_) => yaml(text)?,
        };
        let mut warnings = Vec::new();
        let mut judge = |fault| match reading {
            Reading::Strict => Err(fault),
            Reading::Lenient => {
                warnings.push(fault);
                Ok(())
            }
        };
        let snapshot = parts(document, &mut judge)?;
        check(&snapshot, &mut judge)?;
        Ok(Warned { snapshot, warnings })
    }
}

/// Refuses a fault or takes note of it.
type Judge<'a> = &'a mut dyn FnMut(ReadError) -> Result<(), ReadError>;

fn yaml(text: &str) -> Result<Value, ReadError> {
    let Strict(value) = serde_yaml_ng::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        syntax(Format::Yaml, line, column, &error.to_string())
    })?;
    // A file of comments only, or of `---`.
    if value.is_null() { Err(ReadError::Empty) } else { Ok(value) }
}

fn json(text: &str) -> Result<Value, ReadError> {
    let Strict(value) = serde_json::from_str(text)
        .map_err(|error| syntax(Format::Json, error.line(), error.column(), &error.to_string()))?;
    Ok(value)
}

fn syntax(format: Format, line: usize, column: usize, message: &str) -> ReadError {
    // Both parsers end their message with the place, which the error names by itself.
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(message).to_owned();
    ReadError::Syntax { format, line, column, message }
}

fn parts(document: Value, judge: Judge<'_>) -> Result<Snapshot, ReadError> {
    let mut document = object(document, "the snapshot")?;

    let format = take(&mut document, "the snapshot", "version")?;
    if format != 1 {
        return Err(ReadError::FormatVersion { found: format.to_string() });
    }
    let directus = string(take(&mut document, "the snapshot", "directus")?, "directus")?;
    if directus.split('.').next().and_then(|major| major.parse().ok()) != Some(DIRECTUS_MAJOR) {
        judge(ReadError::Directus { found: directus.clone() })?;
    }
    let vendor = match document.remove("vendor") {
        Some(vendor) => Some(string(vendor, "vendor")?),
        None => {
            judge(ReadError::Missing { place: "the snapshot".to_owned(), key: "vendor" })?;
            None
        }
    };
    if let Some(found) = vendor.clone().filter(|vendor| vendor != VENDOR) {
        judge(ReadError::Vendor { found })?;
    }

    let mut collections = BTreeMap::new();
    for Entry { place, mut body } in entries(&mut document, "collections")? {
        let name = name(&mut body, &place, "collection")?;
        let place = format!("{place} ({name})");
        if collections.insert(name, Collection { body }).is_some() {
            return Err(ReadError::Duplicate { place });
        }
    }
    let fields = keyed(entries(&mut document, "fields")?, |body| Field { body })?;
    let system_fields = match document.contains_key("systemFields") {
        true => Some(keyed(entries(&mut document, "systemFields")?, |body| SystemField { body })?),
        false => None,
    };
    let relations = entries(&mut document, "relations")?;
    if let Err(fault) = whole_to_its_end(&relations) {
        judge(fault)?;
    }
    let relations = keyed(relations, |body| Relation { body })?;
    Ok(Snapshot { directus, vendor, collections, fields, system_fields, relations, rest: document })
}

fn check(snapshot: &Snapshot, judge: Judge<'_>) -> Result<(), ReadError> {
    let collection = |place: String, name: &str| {
        if is_system(name) || snapshot.collections.contains_key(name) {
            return Ok(());
        }
        Err(ReadError::UnknownCollection { place, collection: name.to_owned() })
    };

    for (key, field) in &snapshot.fields {
        let place = || format!("fields ({key})");
        if let Err(fault) = collection(place(), &key.collection) {
            judge(fault)?;
        }
        // A foreign key to a table that Directus does not track is nobody's relation.
        let Some(table) = field.foreign_key_table() else { continue };
        let described = snapshot.relations.get(key).is_some_and(Relation::has_foreign_key);
        if !described && (is_system(table) || snapshot.collections.contains_key(table)) {
            judge(ReadError::NoRelation { place: place(), table: table.to_owned() })?;
        }
    }
    for (key, relation) in &snapshot.relations {
        let place = || format!("relations ({key})");
        let names = [Some(key.collection.as_str()), relation.related_collection()];
        for name in names.into_iter().flatten() {
            if let Err(fault) = collection(place(), name) {
                judge(fault)?;
            }
        }
        if !is_system(&key.collection) && !snapshot.fields.contains_key(key) {
            judge(ReadError::UnknownField {
                place: place(),
                collection: key.collection.clone(),
                field: key.field.clone(),
            })?;
        }
    }
    Ok(())
}

/// A file that was cut off ends in the middle of an entry. Elsewhere a missing key is one that the
/// version of Directus which wrote the file did not know, and can be filled in.
fn whole_to_its_end(relations: &[Entry]) -> Result<(), ReadError> {
    let Some(Entry { place, body }) = relations.last() else { return Ok(()) };
    require(body, place, &["related_collection", "meta"])?;
    if let Some(Value::Object(schema)) = body.get("schema") {
        require(schema, &format!("{place}.schema"), &FOREIGN_KEY)?;
    }
    Ok(())
}

fn keyed<T>(
    entries: Vec<Entry>,
    make: impl Fn(Map<String, Value>) -> T,
) -> Result<BTreeMap<FieldKey, T>, ReadError> {
    let mut all = BTreeMap::new();
    for Entry { place, mut body } in entries {
        let key = FieldKey {
            collection: name(&mut body, &place, "collection")?,
            field: name(&mut body, &place, "field")?,
        };
        let place = format!("{place} ({key})");
        if all.insert(key, make(body)).is_some() {
            return Err(ReadError::Duplicate { place });
        }
    }
    Ok(all)
}

/// One object of a section.
struct Entry {
    /// Where it stands in the document.
    place: String,
    body: Map<String, Value>,
}

fn entries(
    document: &mut Map<String, Value>,
    section: &'static str,
) -> Result<Vec<Entry>, ReadError> {
    let Value::Array(items) = take(document, "the snapshot", section)? else {
        return Err(ReadError::Shape { place: section.to_owned(), expected: "a list" });
    };
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let place = format!("{section}[{index}]");
            object(item, &place).map(|body| Entry { place, body })
        })
        .collect()
}

fn name(
    body: &mut Map<String, Value>,
    place: &str,
    key: &'static str,
) -> Result<String, ReadError> {
    let name = string(take(body, place, key)?, &format!("{place}.{key}"))?;
    if name.is_empty() {
        return Err(ReadError::Shape { place: format!("{place}.{key}"), expected: "a name" });
    }
    Ok(name)
}

fn take(body: &mut Map<String, Value>, place: &str, key: &'static str) -> Result<Value, ReadError> {
    body.remove(key).ok_or_else(|| ReadError::Missing { place: place.to_owned(), key })
}

fn require(body: &Map<String, Value>, place: &str, keys: &[&'static str]) -> Result<(), ReadError> {
    match keys.iter().find(|key| !body.contains_key(**key)) {
        Some(key) => Err(ReadError::Missing { place: place.to_owned(), key }),
        None => Ok(()),
    }
}

fn object(value: Value, place: &str) -> Result<Map<String, Value>, ReadError> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(ReadError::Shape { place: place.to_owned(), expected: "an object" }),
    }
}

fn string(value: Value, place: &str) -> Result<String, ReadError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(ReadError::Shape { place: place.to_owned(), expected: "a text" }),
    }
}
