//! Small schemas to merge.
#![allow(dead_code, reason = "each test takes what it needs")]

use biplane_schema::{Ancestry, Change, Merge, Plan, Rename, Snapshot, Verdict};
use serde_json::{Value, json};

/// A snapshot under construction.
#[derive(Clone)]
pub struct Draft {
    collections: Vec<Value>,
    fields: Vec<Value>,
    relations: Vec<Value>,
}

/// Short, for counter-examples.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for entry in &self.collections {
            write!(f, "{}(note {}) ", entry["collection"], entry["meta"]["note"])?;
        }
        for entry in self.fields.iter().filter(|entry| entry["field"] != "id") {
            let (of, name) = (&entry["collection"], &entry["field"]);
            let (kind, to) = (&entry["type"], &entry["schema"]["foreign_key_table"]);
            write!(f, "{of}.{name}:{kind}(note {}, to {to}) ", entry["meta"]["note"])?;
        }
        Ok(())
    }
}

impl Draft {
    /// No collections.
    pub fn new() -> Self {
        Self { collections: Vec::new(), fields: Vec::new(), relations: Vec::new() }
    }

    /// Adds a table with its key.
    #[must_use]
    pub fn table(mut self, name: &str) -> Self {
        self.collections.push(
            json!({"collection": name, "meta": {"collection": name, "note": null, "group": null,
            "translations": null}, "schema": {"name": name}}),
        );
        self.field(name, "id", "uuid", |field| field["schema"]["is_primary_key"] = json!(true))
    }

    /// Adds a folder.
    #[must_use]
    pub fn folder(mut self, name: &str) -> Self {
        self.collections.push(
            json!({"collection": name, "meta": {"collection": name, "note": null, "group": null}}),
        );
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(self, collection: &str, field: &str, data_type: &str) -> Self {
        self.field(collection, field, data_type, |_| {})
    }

    /// Adds an alias.
    #[must_use]
    pub fn alias(mut self, collection: &str, field: &str) -> Self {
        self.fields.push(json!({"collection": collection, "field": field, "type": "alias",
            "meta": {"collection": collection, "field": field, "note": null, "group": null}}));
        self
    }

    /// Adds a column and changes it.
    #[must_use]
    pub fn field(
        mut self,
        collection: &str,
        field: &str,
        data_type: &str,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let mut body = json!({"collection": collection, "field": field, "type": data_type,
            "meta": {"collection": collection, "field": field, "note": null, "group": null},
            "schema": {"name": field, "table": collection, "data_type": data_type, "default_value": null,
                "max_length": null, "numeric_precision": null, "numeric_scale": null, "is_nullable": true,
                "is_unique": false, "is_indexed": false, "is_primary_key": false, "is_generated": false,
                "generation_expression": null, "has_auto_increment": false,
                "foreign_key_table": null, "foreign_key_column": null}});
        change(&mut body);
        self.fields.push(body);
        self
    }

    /// Adds a column that points to a collection, with its relation.
    #[must_use]
    pub fn points(self, collection: &str, field: &str, to: &str) -> Self {
        let mut draft = self.field(collection, field, "uuid", |body| {
            body["schema"]["foreign_key_table"] = json!(to);
            body["schema"]["foreign_key_column"] = json!("id");
        });
        draft.relations.push(json!({"collection": collection, "field": field, "related_collection": to,
            "meta": {"many_collection": collection, "many_field": field, "one_collection": to, "one_field": null,
                "junction_field": null, "sort_field": null, "one_allowed_collections": null,
                "one_collection_field": null, "one_deselect_action": "nullify"},
            "schema": {"table": collection, "column": field, "foreign_key_table": to, "foreign_key_column": "id",
                "constraint_name": format!("{collection}_{field}_foreign"), "on_update": "NO ACTION", "on_delete": "SET NULL"}}));
        draft
    }

    /// Changes a collection.
    #[must_use]
    pub fn edit(mut self, collection: &str, change: impl FnOnce(&mut Value)) -> Self {
        let entry = self.collections.iter_mut().find(|entry| entry["collection"] == collection);
        change(entry.expect("a collection of that name"));
        self
    }

    /// Changes a field.
    #[must_use]
    pub fn edit_field(
        mut self,
        collection: &str,
        field: &str,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let mut all = self.fields.iter_mut();
        let entry = all.find(|entry| entry["collection"] == collection && entry["field"] == field);
        change(entry.expect("a field of that name"));
        self
    }

    /// Changes a relation.
    #[must_use]
    pub fn edit_relation(
        mut self,
        collection: &str,
        field: &str,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let mut all = self.relations.iter_mut();
        let entry = all.find(|entry| entry["collection"] == collection && entry["field"] == field);
        change(entry.expect("a relation of that name"));
        self
    }

    /// Takes a collection away with what belongs to it.
    #[must_use]
    pub fn without(mut self, collection: &str) -> Self {
        for entries in [&mut self.collections, &mut self.fields, &mut self.relations] {
            entries.retain(|entry| entry["collection"] != collection);
        }
        self
    }

    /// Takes a field away with its relation.
    #[must_use]
    pub fn without_field(mut self, collection: &str, field: &str) -> Self {
        for entries in [&mut self.fields, &mut self.relations] {
            entries.retain(|entry| entry["collection"] != collection || entry["field"] != field);
        }
        self
    }

    /// As Directus would write it.
    pub fn json(&self) -> Value {
        json!({"version": 1, "directus": "11.17.4", "vendor": "postgres", "collections": self.collections,
            "fields": self.fields, "systemFields": [], "relations": self.relations})
    }

    /// Read.
    pub fn read(&self) -> Snapshot {
        self.json().to_string().parse().expect("a good snapshot")
    }
}

/// A merge of three drafts, the target a descendant.
pub fn plan(base: Option<&Draft>, running: &Draft, target: &Draft) -> Plan {
    plan_as(Ancestry::Descendant, base, running, target, &[])
}

/// A merge of three drafts.
pub fn plan_as(
    ancestry: Ancestry,
    base: Option<&Draft>,
    running: &Draft,
    target: &Draft,
    renames: &[Rename],
) -> Plan {
    let base = base.map(Draft::read);
    let (running, target) = (running.read(), target.read());
    Merge {
        base: base.as_ref(),
        running: &running,
        target: &target,
        ancestry,
        renames,
        lenient: false,
    }
    .plan()
    .expect("a plan")
}

/// `verdict name reason` of each change.
pub fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &Change| {
        format!("{} {} {}", change.verdict.as_str(), change.item, change.reason.code())
    };
    plan.changes.iter().map(line).collect()
}

/// Whether a plan takes anything away.
pub fn deletes(plan: &Plan) -> bool {
    plan.of(Verdict::Deleted).next().is_some()
}
