//! The rows of a merge in an order in which the database takes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Collection, Item, ItemKey, Items, Merge, Tie};

impl Merge {
    /// What to write into a collection, row by row, in one transaction.
    ///
    /// Where no two rows may point to the same one, links that change are cut first. New rows come
    /// after those that they point to. A row whose key is there already says only what changes.
    pub fn rows(&self, collection: &Collection, running: &Items) -> Vec<Item> {
        let of_collection = |key: &&ItemKey| key.collection == collection.name;
        let written: Vec<&ItemKey> = self.writes.keys().filter(of_collection).collect();
        let deleted = self.deletes.iter().filter(of_collection);
        if written.is_empty() {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for key in written.iter().copied().chain(deleted) {
            rows.extend(self.cut_links(collection, running, key));
        }
        let (old, new): (Vec<_>, Vec<_>) =
            written.into_iter().partition(|key| running.contains_key(*key));
        for key in self.after_what_they_point_to(collection, new).into_iter().chain(old) {
            let Some(write) = self.writes.get(key) else { continue };
            let mut row = write.clone();
            row.insert("id".to_owned(), id(collection, key));
            rows.push(row);
        }
        rows
    }

    /// The keys to delete of a collection, as Directus writes them.
    pub fn keys_to_delete(&self, collection: &Collection) -> Vec<Value> {
        let keys = self.deletes.iter().filter(|key| key.collection == collection.name);
        keys.map(|key| id(collection, key)).collect()
    }

    fn cut_links(&self, collection: &Collection, running: &Items, key: &ItemKey) -> Option<Item> {
        let now = running.get(key)?;
        let is_deleted = self.deletes.contains(key);
        let write = self.writes.get(key);
        let mut row = Item::new();
        for reference in collection.references {
            let changes =
                is_deleted || write.is_some_and(|write| write.contains_key(reference.field));
            let is_set = now.get(reference.field).is_some_and(|value| !value.is_null());
            if reference.tie == Tie::UniqueLink && changes && is_set {
                row.insert(reference.field.to_owned(), Value::Null);
            }
        }
        if row.is_empty() {
            return None;
        }
        row.insert("id".to_owned(), id(collection, key));
        Some(row)
    }

    /// New rows, those first that others of them point to; in a circle, as they come.
    fn after_what_they_point_to<'a>(
        &self,
        collection: &Collection,
        new: Vec<&'a ItemKey>,
    ) -> Vec<&'a ItemKey> {
        let mut waiting: BTreeSet<&ItemKey> = new.iter().copied().collect();
        let mut sorted = Vec::new();
        let mut rest = new;
        while !rest.is_empty() {
            let (ready, later): (Vec<_>, Vec<_>) = rest.iter().partition(|key| {
                let Some(write) = self.writes.get(*key) else { return true };
                collection.references.iter().all(|reference| {
                    let to = write
                        .get(reference.field)
                        .and_then(|value| ItemKey::of(reference.to, value));
                    to.is_none_or(|to| !waiting.contains(&to))
                })
            });
            if ready.is_empty() {
                sorted.extend(later);
                break;
            }
            for key in &ready {
                waiting.remove(key);
            }
            sorted.extend(ready);
            rest = later;
        }
        sorted
    }
}

/// A key as Directus writes it.
fn id(collection: &Collection, key: &ItemKey) -> Value {
    match collection.id {
        super::IdKind::Integer => key.id.parse::<u64>().map_or_else(|_| json!(key.id), Value::from),
        super::IdKind::Uuid => json!(key.id),
    }
}
