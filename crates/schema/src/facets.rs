//! An entry taken apart into what can change by itself, and put together again.
//!
//! Two people who change a field's note and its width have not contradicted each other; two who
//! change its type and its length have.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The parts of an entry by their paths.
pub(crate) type Facets = BTreeMap<String, Value>;

/// The kinds of entries, which are taken apart differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Collections,
    Fields,
    SystemFields,
    Relations,
}

/// A field's type with all that makes it up.
pub(crate) const TYPE: &str = "type";
/// A relation's other side with its foreign key.
const FOREIGN_KEY: &str = "related_collection";

/// What of a column's schema can change apart from its type.
const COLUMN_OPTIONS: [&str; 4] = ["default_value", "is_nullable", "is_unique", "is_indexed"];
/// What of a column's schema its relation says.
const OF_THE_RELATION: [&str; 2] = ["foreign_key_table", "foreign_key_column"];

/// Takes an entry apart.
pub(crate) fn apart(section: Section, body: &Map<String, Value>) -> Facets {
    let mut facets = Facets::new();
    for (key, value) in body {
        match (section, key.as_str(), value) {
            (_, "meta", Value::Object(meta)) => {
                for (key, value) in meta {
                    facets.insert(format!("meta.{key}"), value.clone());
                }
            }
            (Section::Fields, "schema" | TYPE, _) => {}
            (Section::Relations, "schema" | FOREIGN_KEY, _) => {}
            // A folder's missing schema and a null one are the same.
            (_, "schema", Value::Null) => {}
            _ => {
                facets.insert(key.clone(), value.clone());
            }
        }
    }
    match section {
        Section::Fields => {
            let mut group = Map::new();
            group.insert(TYPE.into(), body.get(TYPE).cloned().unwrap_or_default());
            if let Some(Value::Object(schema)) = body.get("schema") {
                let mut column = schema.clone();
                for key in COLUMN_OPTIONS {
                    if let Some(value) = column.remove(key) {
                        facets.insert(format!("schema.{key}"), value);
                    }
                }
                for key in OF_THE_RELATION {
                    column.remove(key);
                }
                group.insert("schema".into(), Value::Object(column));
            }
            facets.insert(TYPE.into(), Value::Object(group));
        }
        Section::Relations => {
            let mut group = Map::new();
            for key in [FOREIGN_KEY, "schema"] {
                let value = body.get(key).cloned().unwrap_or_default();
                group.insert(key.into(), value);
            }
            facets.insert(FOREIGN_KEY.into(), Value::Object(group));
        }
        Section::Collections | Section::SystemFields => {}
    }
    facets
}

/// Puts an entry together. A field's foreign key comes from its relation, not from here.
pub(crate) fn together(section: Section, facets: &Facets) -> Map<String, Value> {
    let mut body = Map::new();
    let mut meta = Map::new();
    let mut options = Vec::new();
    for (path, value) in facets {
        if let Some(key) = path.strip_prefix("meta.") {
            meta.insert(key.into(), value.clone());
        } else if let (Section::Fields, Some(key)) = (section, path.strip_prefix("schema.")) {
            options.push((key, value));
        } else if let (
            Section::Fields | Section::Relations,
            TYPE | FOREIGN_KEY,
            Value::Object(group),
        ) = (section, path.as_str(), value)
        {
            body.extend(group.iter().map(|(key, value)| (key.clone(), value.clone())));
        } else {
            body.insert(path.clone(), value.clone());
        }
    }
    if let Some(Value::Object(column)) = body.get_mut("schema") {
        column.extend(options.into_iter().map(|(key, value)| (key.to_owned(), value.clone())));
        if section == Section::Fields {
            for key in OF_THE_RELATION {
                column.insert(key.into(), Value::Null);
            }
        }
    }
    if !meta.is_empty() {
        body.insert("meta".into(), Value::Object(meta));
    }
    body
}
