//! What Directus holds, as far as configuration is about it.

use std::collections::{BTreeMap, BTreeSet};

use biplane_schema::items::{COLLECTIONS, Collection, Item, ItemKey, Items, Pointer, collection};
use serde_json::{Value, json};

use super::ConfigurationError;
use crate::directus::Client;

/// The columns of a collection.
pub(super) struct Columns {
    /// Their names.
    pub names: BTreeSet<String>,
    /// What they hold when nobody says anything, but for those that hold null.
    pub defaults: Item,
}

/// What suffers when a role goes, beside other configuration: where, its column, how many are asked
/// for. Directus suspends the users.
const OTHERS: [(&str, &str, &str, &str); 2] = [
    ("directus_users", "/users", "role", "directus_roles"),
    ("directus_shares", "/shares", "role", "directus_roles"),
];

/// The columns of the collections that these items are in.
pub(super) async fn columns(
    client: &Client,
    keys: impl Iterator<Item = &ItemKey>,
) -> Result<BTreeMap<String, Columns>, ConfigurationError> {
    let names: BTreeSet<&str> = keys.map(|key| &*key.collection).collect();
    let mut columns = BTreeMap::new();
    for name in names {
        let answer = client.read(&format!("/fields/{name}")).await;
        let fields = answer.map_err(ConfigurationError::directus(format!("reading {name}")))?;
        let mut found = Columns { names: BTreeSet::new(), defaults: Item::new() };
        // Without a schema it is no column, but a list of other rows or an ornament.
        for field in list(&fields).filter(|field| field["schema"].is_object()) {
            let Some(name) = field["field"].as_str() else { continue };
            found.names.insert(name.to_owned());
            found.defaults.insert(name.to_owned(), field["schema"]["default_value"].clone());
        }
        columns.insert(name.to_owned(), found);
    }
    Ok(columns)
}

/// The items of base and target that are there, with the columns that either speaks of.
pub(super) async fn read(
    client: &Client,
    columns: &BTreeMap<String, Columns>,
    base: &Items,
    target: &Items,
) -> Result<Items, ConfigurationError> {
    let mut running = Items::new();
    for collection in &COLLECTIONS {
        let Some(columns) = columns.get(collection.name) else { continue };
        let (mut ids, mut fields) = (BTreeSet::new(), BTreeSet::from(["id"]));
        for (key, item) in base.iter().chain(target) {
            if key.collection == collection.name {
                ids.insert(&*key.id);
                fields.extend(item.keys().map(String::as_str));
            }
        }
        // Another version of Directus may have taken a column away that base speaks of.
        fields.retain(|field| columns.names.contains(*field));
        let rows = if collection.singleton {
            singleton(client, collection).await
        } else {
            let filter = json!({ "id": { "_in": ids } });
            let query = json!({ "filter": filter, "fields": fields, "limit": -1 });
            client.search(collection.path, &query).await
        };
        let doing = format!("reading {}", collection.name);
        let rows = rows.map_err(ConfigurationError::directus(doing))?;
        for row in list(&rows) {
            // Directus adds permissions to the list that are in no table and have no key.
            let key = ItemKey::of(collection.name, &row["id"]);
            if let (Some(key), Some(row)) = (key, row.as_object()) {
                running.insert(key, row.clone());
            }
        }
    }
    Ok(running)
}

/// The one row as a list, under the one key that it has in `config/`.
async fn singleton(
    client: &Client,
    collection: &Collection,
) -> Result<Value, crate::directus::ApiError> {
    let mut row = client.read(&format!("{}?fields=*", collection.path)).await?;
    // Without a row Directus answers with its defaults.
    if row["id"].is_null() {
        return Ok(json!([]));
    }
    row["id"] = json!(1);
    Ok(json!([row]))
}

/// What would suffer, of rows that are not configuration, if what was taken out of it were deleted.
pub(super) async fn pointers(
    client: &Client,
    base: &Items,
    running: &Items,
    target: &Items,
) -> Result<Vec<Pointer>, ConfigurationError> {
    let ours = |key: &ItemKey| base.contains_key(key) || target.contains_key(key);
    let taken_out: Vec<&ItemKey> = base
        .keys()
        .filter(|key| running.contains_key(*key) && !target.contains_key(*key))
        .collect();
    let configured = COLLECTIONS.iter().filter(|from| !from.singleton).flat_map(|from| {
        let references = from.references.iter();
        references.map(|reference| (from.name, from.path, reference.field, reference.to))
    });
    let mut pointers = Vec::new();
    for (from, path, field, to) in OTHERS.into_iter().chain(configured) {
        let ids: Vec<&str> =
            taken_out.iter().filter(|key| key.collection == to).map(|key| &*key.id).collect();
        if ids.is_empty() {
            continue;
        }
        let filter = json!({ field: { "_in": ids } });
        let query = json!({ "filter": filter, "fields": ["id", field], "limit": -1 });
        let rows = client.search(path, &query).await;
        let rows = rows.map_err(ConfigurationError::directus(format!("reading {from}")))?;
        for row in list(&rows) {
            let keys = ItemKey::of(from, &row["id"]).zip(ItemKey::of(to, &row[field]));
            if let Some((from, to)) = keys
                && !(collection(&from.collection).is_some() && ours(&from))
            {
                pointers.push(Pointer { from, to });
            }
        }
    }
    Ok(pointers)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
