//! The keys that Directus writes into a snapshot, and what a missing one stands for.
//!
//! Source: `utils/sanitize-schema.js` and the columns of `directus_collections`,
//! `directus_fields` and `directus_relations` of Directus 11.17.4.

use serde_json::{Value, json};

/// What a missing key of something new stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// The default that Directus gives it.
    Default(fn() -> Value),
    /// The same as the entry's own name or that of its collection.
    Field,
    /// As above.
    Collection,
    /// Nothing that may be guessed.
    Required,
}

use Missing::{Collection, Default, Field, Required};

/// A key and what stands for it when it is missing.
pub(crate) type Key = (&'static str, Missing);

const NULL: Missing = Default(|| Value::Null);
const FALSE: Missing = Default(|| json!(false));
const TRUE: Missing = Default(|| json!(true));

/// `collections[].meta`.
pub(crate) const COLLECTION_META: &[Key] = &[
    ("accountability", Default(|| json!("all"))),
    ("archive_app_filter", TRUE),
    ("archive_field", NULL),
    ("archive_value", NULL),
    ("collapse", Default(|| json!("open"))),
    ("collection", Collection),
    ("color", NULL),
    ("display_template", NULL),
    ("group", NULL),
    ("hidden", FALSE),
    ("icon", NULL),
    ("item_duplication_fields", NULL),
    ("note", NULL),
    ("preview_url", NULL),
    ("singleton", FALSE),
    ("sort", NULL),
    ("sort_field", NULL),
    ("translations", NULL),
    ("unarchive_value", NULL),
    ("versioning", FALSE),
];

/// `collections[].schema`.
pub(crate) const COLLECTION_SCHEMA: &[Key] = &[("name", Collection)];

/// `fields[].meta`.
pub(crate) const FIELD_META: &[Key] = &[
    ("collection", Collection),
    ("conditions", NULL),
    ("display", NULL),
    ("display_options", NULL),
    ("field", Field),
    ("group", NULL),
    ("hidden", FALSE),
    ("interface", NULL),
    ("note", NULL),
    ("options", NULL),
    ("readonly", FALSE),
    ("required", FALSE),
    ("searchable", TRUE),
    ("sort", NULL),
    ("special", NULL),
    ("translations", NULL),
    ("validation", NULL),
    ("validation_message", NULL),
    ("width", Default(|| json!("full"))),
];

/// `fields[].schema`, in the order in which Directus writes them.
pub(crate) const FIELD_SCHEMA: &[Key] = &[
    ("name", Field),
    ("table", Collection),
    ("data_type", Required),
    ("default_value", NULL),
    ("max_length", NULL),
    ("numeric_precision", NULL),
    ("numeric_scale", NULL),
    ("is_nullable", TRUE),
    ("is_unique", FALSE),
    ("is_indexed", FALSE),
    ("is_primary_key", FALSE),
    ("is_generated", FALSE),
    ("generation_expression", NULL),
    ("has_auto_increment", FALSE),
    ("foreign_key_table", NULL),
    ("foreign_key_column", NULL),
];

/// `systemFields[].schema`.
pub(crate) const SYSTEM_FIELD_SCHEMA: &[Key] = &[("is_indexed", Required)];

/// `relations[].meta`.
pub(crate) const RELATION_META: &[Key] = &[
    ("junction_field", NULL),
    ("many_collection", Collection),
    ("many_field", Field),
    ("one_allowed_collections", NULL),
    ("one_collection", Required),
    ("one_collection_field", NULL),
    ("one_deselect_action", Default(|| json!("nullify"))),
    ("one_field", NULL),
    ("sort_field", NULL),
];

/// `relations[].schema`, in the order in which Directus writes them.
pub(crate) const RELATION_SCHEMA: &[Key] = &[
    ("table", Collection),
    ("column", Field),
    ("foreign_key_table", Required),
    ("foreign_key_column", Required),
    ("constraint_name", Required),
    ("on_update", Required),
    ("on_delete", Required),
];

/// The keys of an entry itself, in the order in which Directus writes them.
pub(crate) const ENTRY: [&str; 8] =
    ["collection", "field", "type", "related_collection", "meta", "schema", "name", "children"];
