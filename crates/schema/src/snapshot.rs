//! A snapshot's parts, by name.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// A field's or a relation's name: collection and field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKey {
    /// The collection that has it.
    pub collection: String,
    /// Its name there.
    pub field: String,
}

impl FieldKey {
    /// The name of `field` in `collection`.
    pub fn new(collection: impl Into<String>, field: impl Into<String>) -> Self {
        Self { collection: collection.into(), field: field.into() }
    }
}

impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.collection, self.field)
    }
}

/// A collection: a table, or a folder of the navigation when it has no `schema`.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// Everything but the name, as it came. A missing key is not null: to Directus they differ.
    pub body: Map<String, Value>,
}

impl Collection {
    /// Whether it is a table, which a folder is not.
    pub fn has_table(&self) -> bool {
        is_object(&self.body, "schema")
    }
}

/// A field: a column, or an alias when it has no `schema`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Everything but collection and name, as it came.
    pub body: Map<String, Value>,
}

impl Field {
    /// Whether it is a column, which an alias is not.
    pub fn has_column(&self) -> bool {
        is_object(&self.body, "schema")
    }

    /// The table that the column's foreign key points to.
    pub fn foreign_key_table(&self) -> Option<&str> {
        self.body.get("schema")?.get("foreign_key_table")?.as_str()
    }
}

/// What a snapshot says of a column of Directus's own tables: whether it has an index.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemField {
    /// Everything but collection and name, as it came.
    pub body: Map<String, Value>,
}

/// A relation, by the field on its "many" side.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// Everything but collection and field, as it came.
    pub body: Map<String, Value>,
}

impl Relation {
    /// The collection on its "one" side; none for a many-to-any relation.
    pub fn related_collection(&self) -> Option<&str> {
        self.body.get("related_collection")?.as_str()
    }

    /// Whether a foreign key backs it.
    pub fn has_foreign_key(&self) -> bool {
        is_object(&self.body, "schema")
    }
}

/// What `directus schema snapshot` wrote, checked: nothing twice, nothing that points nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The version of Directus that took it, such as `11.17.4`.
    pub directus: String,
    /// The database vendor, as Directus names it; absent in snapshots of old versions.
    pub vendor: Option<String>,
    /// Collections and folders by name.
    pub collections: BTreeMap<String, Collection>,
    /// Fields by name, those that were added to Directus's own collections among them.
    pub fields: BTreeMap<FieldKey, Field>,
    /// Columns of Directus's own tables; absent in snapshots of older versions.
    pub system_fields: Option<BTreeMap<FieldKey, SystemField>>,
    /// Relations by the field on their "many" side.
    pub relations: BTreeMap<FieldKey, Relation>,
    /// What else stood at the top, as it came.
    pub rest: Map<String, Value>,
}

/// Whether a collection is Directus's own: never in a snapshot, always in the database.
pub(crate) fn is_system(collection: &str) -> bool {
    collection.starts_with("directus_")
}

fn is_object(body: &Map<String, Value>, key: &str) -> bool {
    body.get(key).is_some_and(Value::is_object)
}
