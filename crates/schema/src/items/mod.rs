//! Configuration as code: the rows of Directus's own collections that a snapshot does not hold.
//!
//! Three states of the same items are merged: *base* (what was applied last), *running* (what the
//! database holds) and *target* (`config/`). What people changed in the admin UI is kept and
//! reported, and so is what they made: an item that is not in base is never deleted.

mod collections;
mod equality;
mod merge;
mod report;
mod rows;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use collections::{AUDIT, COLLECTIONS, Collection, IdKind, Reference, Tie, collection};
pub use equality::same_items;
pub use merge::{Merge, Pointer, States, merge};
pub use report::{Count, Entry, Kept, Report, Verdict, Why};

/// A row, by the names of its columns.
pub type Item = Map<String, Value>;

/// Rows by what they are called.
pub type Items = BTreeMap<ItemKey, Item>;

/// What an item is called, the same in every database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemKey {
    /// Directus's name of the collection, `directus_roles`.
    pub collection: String,
    /// The primary key; a number as its digits.
    pub id: String,
}

impl ItemKey {
    /// The key of a row, if its `id` is a text or a number.
    pub fn of(collection: &str, id: &Value) -> Option<Self> {
        let id = match id {
            Value::String(text) if !text.is_empty() => text.to_ascii_lowercase(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(Self { collection: collection.to_owned(), id })
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.collection, self.id)
    }
}
