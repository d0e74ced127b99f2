//! A column or table that keeps its data under another name.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::snapshot::{Collection, Field, FieldKey, Relation, Snapshot};

/// What is called otherwise from now on. Written `devices.imei -> devices.serial`, or
/// `devices -> trackers`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rename {
    /// A table with everything in it.
    Collection {
        /// As it is called in the database.
        from: String,
        /// As the snapshot calls it.
        to: String,
    },
    /// A column.
    Field {
        /// As it is called in the database.
        from: FieldKey,
        /// What the snapshot calls it, in the same collection.
        to: String,
    },
}

/// Why a text is no rename.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no rename: write `collection.field -> collection.other` or `collection -> other`"
)]
pub struct RenameError(String);

impl FromStr for Rename {
    type Err = RenameError;

    fn from_str(text: &str) -> Result<Self, RenameError> {
        let error = || RenameError(text.to_owned());
        let (from, to) =
            text.split_once("->").or_else(|| text.split_once('=')).ok_or_else(error)?;
        let (from, to) = (from.trim(), to.trim());
        let named = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
        if !named(from) || !named(to) || from == to {
            return Err(error());
        }
        match (from.split_once('.'), to.split_once('.')) {
            (None, None) => Ok(Self::Collection { from: from.into(), to: to.into() }),
            (Some((collection, field)), Some((same, to))) if collection == same => {
                Ok(Self::Field { from: FieldKey::new(collection, field), to: to.into() })
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collection { from, to } => write!(f, "{from} -> {to}"),
            Self::Field { from, to } => write!(f, "{from} -> {}.{to}", from.collection),
        }
    }
}

impl Serialize for Rename {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Snapshot {
    /// The same schema after a rename: what PostgreSQL and Directus's tables hold when it is done.
    #[must_use]
    pub fn renamed(&self, rename: &Rename) -> Self {
        let mut snapshot = self.clone();
        match rename {
            Rename::Field { from, to } => snapshot.rename_field(from, to),
            Rename::Collection { from, to } => snapshot.rename_collection(from, to),
        }
        snapshot
    }

    fn rename_field(&mut self, from: &FieldKey, to: &str) {
        let table = from.collection.as_str();
        let Some(mut field) = self.fields.remove(from) else { return };
        set(&mut field.body, "meta", "field", &from.field, to);
        set(&mut field.body, "schema", "name", &from.field, to);
        self.fields.insert(FieldKey::new(table, to), field);
        if let Some(mut relation) = self.relations.remove(from) {
            set(&mut relation.body, "meta", "many_field", &from.field, to);
            set(&mut relation.body, "schema", "column", &from.field, to);
            let key = format!("{table}_{}_foreign", from.field);
            set(
                &mut relation.body,
                "schema",
                "constraint_name",
                &key,
                &format!("{table}_{to}_foreign"),
            );
            self.relations.insert(FieldKey::new(table, to), relation);
        }
        if let Some(collection) = self.collections.get_mut(table) {
            for key in ["sort_field", "archive_field"] {
                set(&mut collection.body, "meta", key, &from.field, to);
            }
        }
        for (key, Field { body }) in &mut self.fields {
            if key.collection == table {
                set(body, "meta", "group", &from.field, to);
            }
            if text(body, "schema", "foreign_key_table") == Some(table) {
                set(body, "schema", "foreign_key_column", &from.field, to);
            }
        }
        for (key, Relation { body }) in &mut self.relations {
            if key.collection == table {
                set(body, "meta", "sort_field", &from.field, to);
                set(body, "meta", "junction_field", &from.field, to);
                set(body, "meta", "one_collection_field", &from.field, to);
            }
            if text(body, "meta", "one_collection") == Some(table) {
                set(body, "meta", "one_field", &from.field, to);
            }
            if text(body, "meta", "junction_field") == Some(&from.field) && key.collection == table
            {
                set(body, "meta", "junction_field", &from.field, to);
            }
            if text(body, "schema", "foreign_key_table") == Some(table) {
                set(body, "schema", "foreign_key_column", &from.field, to);
            }
        }
    }

    fn rename_collection(&mut self, from: &str, to: &str) {
        let Some(mut collection) = self.collections.remove(from) else { return };
        set(&mut collection.body, "meta", "collection", from, to);
        set(&mut collection.body, "schema", "name", from, to);
        self.collections.insert(to.to_owned(), collection);
        for Collection { body } in self.collections.values_mut() {
            set(body, "meta", "group", from, to);
        }
        let fields = std::mem::take(&mut self.fields);
        self.fields = fields
            .into_iter()
            .map(|(mut key, mut field)| {
                if key.collection == from {
                    set(&mut field.body, "meta", "collection", from, to);
                    set(&mut field.body, "schema", "table", from, to);
                    to.clone_into(&mut key.collection);
                }
                set(&mut field.body, "schema", "foreign_key_table", from, to);
                (key, field)
            })
            .collect();
        let relations = std::mem::take(&mut self.relations);
        self.relations = relations
            .into_iter()
            .map(|(mut key, mut relation)| {
                let body = &mut relation.body;
                if key.collection == from {
                    set(body, "meta", "many_collection", from, to);
                    set(body, "schema", "table", from, to);
                    let (old, new) = (
                        format!("{from}_{}_foreign", key.field),
                        format!("{to}_{}_foreign", key.field),
                    );
                    set(body, "schema", "constraint_name", &old, &new);
                    to.clone_into(&mut key.collection);
                }
                set(body, "meta", "one_collection", from, to);
                set(body, "schema", "foreign_key_table", from, to);
                if body.get("related_collection").and_then(Value::as_str) == Some(from) {
                    body.insert("related_collection".into(), to.into());
                }
                if let Some(Value::Array(allowed)) =
                    body.get_mut("meta").and_then(|meta| meta.get_mut("one_allowed_collections"))
                {
                    for name in allowed.iter_mut().filter(|name| name.as_str() == Some(from)) {
                        *name = to.into();
                    }
                }
                (key, relation)
            })
            .collect();
    }
}

fn text<'a>(body: &'a Map<String, Value>, part: &str, key: &str) -> Option<&'a str> {
    body.get(part)?.get(key)?.as_str()
}

/// Sets a part's key to `to` where it is `from`.
fn set(body: &mut Map<String, Value>, part: &str, key: &str, from: &str, to: &str) {
    if text(body, part, key) == Some(from)
        && let Some(Value::Object(part)) = body.get_mut(part)
    {
        part.insert(key.to_owned(), to.into());
    }
}
