//! Snapshots as Directus writes them, built by hand.

use biplane_schema::Snapshot;
use serde_json::{Value, json};

/// A snapshot under construction.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    collections: Vec<Value>,
    fields: Vec<Value>,
    relations: Vec<Value>,
}

/// A table's entry.
pub fn table(name: &str) -> Value {
    json!({"collection": name, "meta": meta_of(name), "schema": {"name": name}})
}

fn meta_of(name: &str) -> Value {
    json!({"accountability": "all", "archive_app_filter": true, "archive_field": null, "archive_value": null,
        "collapse": "open", "collection": name, "color": null, "display_template": null, "group": null,
        "hidden": false, "icon": null, "item_duplication_fields": null, "note": null, "preview_url": null,
        "singleton": false, "sort": null, "sort_field": null, "translations": null, "unarchive_value": null,
        "versioning": false})
}

/// A column's entry: `type` and `data_type`, with what else PostgreSQL gives it.
pub fn column(collection: &str, field: &str, kind: &str) -> Value {
    let (data_type, length, precision, scale) = match kind {
        "string" => ("character varying", json!(255), json!(null), json!(null)),
        "integer" => ("integer", json!(null), json!(32), json!(0)),
        "bigInteger" => ("bigint", json!(null), json!(64), json!(0)),
        "decimal" => ("numeric", json!(null), json!(10), json!(5)),
        other => (other, json!(null), json!(null), json!(null)),
    };
    json!({"collection": collection, "field": field, "type": kind,
        "meta": {"collection": collection, "conditions": null, "display": null, "display_options": null,
            "field": field, "group": null, "hidden": false, "interface": null, "note": null, "options": null,
            "readonly": false, "required": false, "searchable": true, "sort": null, "special": null,
            "translations": null, "validation": null, "validation_message": null, "width": "full"},
        "schema": {"name": field, "table": collection, "data_type": data_type, "default_value": null,
            "max_length": length, "numeric_precision": precision, "numeric_scale": scale,
            "is_nullable": true, "is_unique": false, "is_indexed": false, "is_primary_key": false,
            "is_generated": false, "generation_expression": null, "has_auto_increment": false,
            "foreign_key_table": null, "foreign_key_column": null}})
}

/// A relation's entry.
pub fn relation(collection: &str, field: &str, to: &str) -> Value {
    json!({"collection": collection, "field": field, "related_collection": to,
        "meta": {"junction_field": null, "many_collection": collection, "many_field": field,
            "one_allowed_collections": null, "one_collection": to, "one_collection_field": null,
            "one_deselect_action": "nullify", "one_field": null, "sort_field": null},
        "schema": {"table": collection, "column": field, "foreign_key_table": to, "foreign_key_column": "id",
            "constraint_name": format!("{collection}_{field}_foreign"), "on_update": "NO ACTION",
            "on_delete": "SET NULL"}})
}

impl Draft {
    /// Adds a table with an integer key.
    #[must_use]
    pub fn table(mut self, name: &str) -> Self {
        self.collections.push(table(name));
        let mut key = column(name, "id", "integer");
        key["schema"]["is_primary_key"] = json!(true);
        key["schema"]["is_nullable"] = json!(false);
        key["schema"]["is_unique"] = json!(true);
        self.fields.push(key);
        self
    }

    /// Adds a folder.
    #[must_use]
    pub fn folder(mut self, name: &str) -> Self {
        self.collections.push(json!({"collection": name, "meta": meta_of(name)}));
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, collection: &str, field: &str, kind: &str) -> Self {
        self.fields.push(column(collection, field, kind));
        self
    }

    /// Adds an alias.
    #[must_use]
    pub fn alias(mut self, collection: &str, field: &str, special: &[&str]) -> Self {
        let mut entry = column(collection, field, "alias");
        entry.as_object_mut().expect("an object").remove("schema");
        entry["meta"]["special"] = json!(special);
        self.fields.push(entry);
        self
    }

    /// Adds a column that points to a table.
    #[must_use]
    pub fn points(mut self, collection: &str, field: &str, to: &str) -> Self {
        let mut entry = column(collection, field, "integer");
        entry["schema"]["foreign_key_table"] = json!(to);
        entry["schema"]["foreign_key_column"] = json!("id");
        entry["meta"]["special"] = json!(["m2o"]);
        self.fields.push(entry);
        self.relations.push(relation(collection, field, to));
        self
    }

    /// Changes the entry of a collection, `a`, or of a field, `a.b`.
    #[must_use]
    pub fn edit(mut self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        change(self.entry(name));
        self
    }

    /// Changes the relation of a field, `a.b`.
    #[must_use]
    pub fn edit_relation(mut self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let found = self.relations.iter_mut().find(|entry| named(entry) == name);
        change(found.unwrap_or_else(|| panic!("no relation {name}")));
        self
    }

    /// Sets the note of a collection or field.
    #[must_use]
    pub fn note(self, name: &str, note: &str) -> Self {
        self.edit(name, |entry| entry["meta"]["note"] = json!(note))
    }

    /// Takes a collection, `a`, or a field, `a.b`, away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        let goes = |entry: &Value| named(entry) == name || entry["collection"] == name;
        for entries in [&mut self.collections, &mut self.fields, &mut self.relations] {
            entries.retain(|entry| !goes(entry));
        }
        self
    }

    fn entry(&mut self, name: &str) -> &mut Value {
        let mut all = self.collections.iter_mut().chain(&mut self.fields);
        all.find(|entry| named(entry) == name).unwrap_or_else(|| panic!("no entry {name}"))
    }

    /// As Directus writes it.
    pub fn json(&self) -> Value {
        // What every Directus 11.17 has indexes on.
        let indexed = |collection, field| json!({"collection": collection, "field": field, "schema": {"is_indexed": true}});
        json!({"version": 1, "directus": "11.17.4", "vendor": "postgres",
            "collections": self.collections, "fields": self.fields,
            "systemFields": [indexed("directus_activity", "timestamp"), indexed("directus_revisions", "activity"),
                indexed("directus_revisions", "parent")],
            "relations": self.relations})
    }

    /// Read, with the relations' other side in order.
    pub fn read(&self) -> Snapshot {
        self.json().to_string().parse().unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn named(entry: &Value) -> String {
    let collection = entry["collection"].as_str().unwrap_or_default();
    match entry["field"].as_str() {
        Some(field) => format!("{collection}.{field}"),
        None => collection.to_owned(),
    }
}
