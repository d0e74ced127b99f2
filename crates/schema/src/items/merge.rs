//! The three-way merge of configuration, item by item and column by column.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::collections::rank;
use super::equality::same;
use super::{
    AUDIT, Collection, Entry, Item, ItemKey, Items, Kept, Report, Tie, Verdict, Why, collection,
};

/// What Directus shows instead of a secret.
const MASK: &str = "**********";

/// A row that nobody asked about points to one that `config/` said something about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// The row that points.
    pub from: ItemKey,
    /// Where to.
    pub to: ItemKey,
}

/// What is merged.
#[derive(Clone, Debug, Default)]
pub struct States {
    /// What was applied last.
    pub base: Items,
    /// What the database holds, as far as base or target speak of it.
    pub running: Items,
    /// What `config/` says.
    pub target: Items,
    /// By collection, what a column holds when nobody says anything. Columns that are not here
    /// hold null.
    pub defaults: BTreeMap<String, Item>,
    /// Rows that neither base nor target speak of and that would suffer if an item were deleted.
    pub pointers: Vec<Pointer>,
}

/// What is to be done. Base is target afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merge {
    /// Each item's verdict.
    pub report: Report,
    /// New rows as a whole; of rows that are there, the columns to change.
    pub writes: Items,
    /// Rows to delete.
    pub deletes: BTreeSet<ItemKey>,
}

/// Merges three states of configuration.
///
/// Items of collections that are no configuration are left alone.
pub fn merge(states: &States) -> Merge {
    let keys: BTreeSet<&ItemKey> = states.base.keys().chain(states.target.keys()).collect();
    let mut entries: BTreeMap<ItemKey, Entry> = BTreeMap::new();
    let mut writes = Items::new();
    for key in keys {
        let Some(collection) = collection(&key.collection) else { continue };
        let (verdict, kept, write) = merge_item(states, collection, key);
        if !write.is_empty() {
            writes.insert(key.clone(), write);
        }
        let name = name(states, key);
        entries.insert(key.clone(), Entry { key: key.clone(), name, verdict, kept });
    }
    withhold(&mut entries, &mut writes);
    hold(states, &mut entries, &writes);
    let deletes = entries
        .values()
        .filter(|entry| entry.verdict == Verdict::Deleted)
        .map(|entry| entry.key.clone())
        .collect();
    let mut items: Vec<Entry> = entries.into_values().collect();
    items.sort_by_cached_key(|entry| (rank(&entry.key.collection), numeric(&entry.key.id)));
    Merge { report: Report { items }, writes, deletes }
}

/// Numbers in their own order, texts in theirs.
fn numeric(id: &str) -> (u64, String) {
    (id.parse().unwrap_or(0), id.to_owned())
}

fn merge_item(
    states: &States,
    collection: &Collection,
    key: &ItemKey,
) -> (Verdict, Vec<Kept>, Item) {
    let nothing = |verdict| (verdict, Vec::new(), Item::new());
    // A singleton is always there, so that nobody can have made it.
    let empty = Item::new();
    let base = states.base.get(key).or(collection.singleton.then_some(&empty));
    let (running, target) = (states.running.get(key), states.target.get(key));
    match (base, running, target) {
        (_, None, None) => nothing(Verdict::Forgotten),
        (None, Some(_), None) => nothing(Verdict::Unchanged),
        (Some(base), Some(running), None) => {
            let edited = edited(collection, base, running);
            nothing(match () {
                // There is nothing to go back to.
                () if collection.singleton => Verdict::Forgotten,
                () if edited.is_empty() => Verdict::Deleted,
                () => Verdict::KeptEdited(edited),
            })
        }
        (Some(_), None, Some(_)) if !collection.singleton => nothing(Verdict::DeletedByHand),
        (_, None, Some(target)) => {
            let audit = |field: &String| AUDIT.contains(&field.as_str());
            let target = target.iter().filter(|(field, _)| !audit(field));
            (Verdict::Created, Vec::new(), target.map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        (base, Some(running), Some(target)) => {
            let defaults = states.defaults.get(&key.collection);
            merge_columns(collection, defaults, base, running, target)
        }
    }
}

fn merge_columns(
    collection: &Collection,
    defaults: Option<&Item>,
    base: Option<&Item>,
    running: &Item,
    target: &Item,
) -> (Verdict, Vec<Kept>, Item) {
    let (mut kept, mut write) = (Vec::new(), Item::new());
    for (field, wanted) in target {
        if field == "id" || AUDIT.contains(&field.as_str()) {
            continue;
        }
        let before = base.map(|base| {
            let default = || defaults.and_then(|defaults| defaults.get(field));
            base.get(field).or_else(default).unwrap_or(&Value::Null)
        });
        let now = running.get(field).unwrap_or(&Value::Null);
        // A secret's mask says only that there is one.
        let now = if now == MASK { before.unwrap_or(wanted) } else { now };
        let same = |left, right| same(collection, field, left, right);
        let why = match before {
            _ if same(now, wanted) => continue,
            None => Why::Adopted,
            Some(before) if same(now, before) => {
                write.insert(field.clone(), wanted.clone());
                continue;
            }
            Some(before) if same(wanted, before) => Why::Edited,
            Some(_) => Why::Conflict,
        };
        kept.push(Kept { field: field.clone(), why });
    }
    let verdict = match base {
        None => Verdict::Adopted,
        Some(_) if write.is_empty() => Verdict::Unchanged,
        Some(_) => Verdict::Updated(write.keys().cloned().collect()),
    };
    (verdict, kept, write)
}

/// The columns of an item that people changed since it was applied.
fn edited(collection: &Collection, base: &Item, running: &Item) -> Vec<String> {
    let is_edited = |field: &String, before: &Value| {
        let now = running.get(field).unwrap_or(&Value::Null);
        // Cutting these links is the first step of deleting; a crash may have come after it.
        let cut = now.is_null()
            && collection
                .reference(field)
                .is_some_and(|reference| reference.tie == Tie::UniqueLink);
        let ignored = field == "id" || AUDIT.contains(&field.as_str()) || now == MASK;
        !(ignored || cut || same(collection, field, now, before))
    };
    let edited = base.iter().filter(|(field, before)| is_edited(field, before));
    edited.map(|(field, _)| field.clone()).collect()
}

fn name(states: &States, key: &ItemKey) -> Option<String> {
    let item = states.running.get(key).or(states.target.get(key)).or(states.base.get(key))?;
    let text =
        |field: &str| item.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(name) = text("name") {
        return Some(name.to_owned());
    }
    let collection = text("collection")?;
    Some(match text("action") {
        Some(action) => format!("{action} {collection}"),
        None => collection.to_owned(),
    })
}

/// What the columns of `item` point to.
fn pointed<'a>(
    collection: &str,
    item: &'a Item,
) -> impl Iterator<Item = (&'static super::Reference, ItemKey)> + use<'a> {
    let references = self::collection(collection).map_or(&[][..], |found| found.references);
    references.iter().filter_map(|reference| {
        let to = ItemKey::of(reference.to, item.get(reference.field)?)?;
        Some((reference, to))
    })
}

/// Leaves out what would point to items that are not there because somebody deleted them.
fn withhold(entries: &mut BTreeMap<ItemKey, Entry>, writes: &mut Items) {
    let is_absent = |entries: &BTreeMap<ItemKey, Entry>, key: &ItemKey| {
        let verdict = entries.get(key).map(|entry| &entry.verdict);
        matches!(verdict, Some(Verdict::DeletedByHand | Verdict::Withheld(_)))
    };
    // What is withheld may make others be withheld.
    while let Some((key, owner)) = writes.iter().find_map(|(key, write)| {
        let is_new = entries.get(key).is_some_and(|entry| entry.verdict == Verdict::Created);
        let mut parts = pointed(&key.collection, write)
            .filter(|(reference, to)| reference.tie == Tie::Part && is_absent(entries, to));
        parts.next().filter(|_| is_new).map(|(_, to)| (key.clone(), to))
    }) {
        writes.remove(&key);
        if let Some(entry) = entries.get_mut(&key) {
            entry.verdict = Verdict::Withheld(owner);
        }
    }
    let dangling: Vec<(ItemKey, &str)> = writes
        .iter()
        .flat_map(|(key, write)| {
            let dangling = pointed(&key.collection, write).filter(|(_, to)| is_absent(entries, to));
            dangling.map(|(reference, _)| (key.clone(), reference.field)).collect::<Vec<_>>()
        })
        .collect();
    for (key, field) in dangling {
        let is_empty = writes.get_mut(&key).is_some_and(|write| {
            write.remove(field);
            write.is_empty()
        });
        if is_empty {
            writes.remove(&key);
        }
        let Some(entry) = entries.get_mut(&key) else { continue };
        entry.kept.push(Kept { field: field.to_owned(), why: Why::Dangling });
        if let Verdict::Updated(fields) = &mut entry.verdict {
            fields.retain(|updated| updated != field);
            if fields.is_empty() {
                entry.verdict = Verdict::Unchanged;
            }
        }
    }
}

/// Keeps what was taken out of `config/` where something that stays hangs on it: Directus would
/// delete, suspend or unlink that too.
fn hold(states: &States, entries: &mut BTreeMap<ItemKey, Entry>, writes: &Items) {
    loop {
        let is_deleted =
            |key: &ItemKey| entries.get(key).is_some_and(|entry| entry.verdict == Verdict::Deleted);
        let mut holders: BTreeMap<ItemKey, BTreeSet<ItemKey>> = BTreeMap::new();
        let mut note = |from: &ItemKey, to: ItemKey| {
            if is_deleted(&to) && !is_deleted(from) {
                holders.entry(to).or_default().insert(from.clone());
            }
        };
        for pointer in &states.pointers {
            note(&pointer.from, pointer.to.clone());
        }
        // As they will be: running, with what is written.
        for key in states.running.keys().chain(writes.keys()) {
            let mut item = states.running.get(key).cloned().unwrap_or_default();
            item.extend(writes.get(key).cloned().unwrap_or_default());
            for (_, to) in pointed(&key.collection, &item) {
                note(key, to);
            }
        }
        if holders.is_empty() {
            return;
        }
        for (key, holders) in holders {
            if let Some(entry) = entries.get_mut(&key) {
                entry.verdict = Verdict::KeptInUse(holders.into_iter().collect());
            }
        }
    }
}
