//! What holds of every merge of configuration.

use biplane_schema::items::{
    COLLECTIONS, Item, ItemKey, Items, Merge, States, Verdict, collection, merge,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const COLUMNS: [&str; 4] = ["name", "height", "options", "note"];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        // Not 1, which is as good as true.
        Just(json!(2)),
        Just(json!("a")),
        Just(json!({"b": [1, 2]})),
        Just(json!(true)),
    ]
}

/// A row, with a link where its collection has one.
fn items() -> impl Strategy<Value = Items> {
    let row = (
        prop::collection::btree_map(prop::sample::select(&COLUMNS[..]), value(), 0..4),
        prop::option::of(0..3_usize),
    );
    let key = (prop::sample::select(vec![0, 4, 5, 6, 7_usize]), 0..3_usize);
    prop::collection::btree_map(key, row, 0..9).prop_map(|rows| {
        rows.into_iter()
            .map(|((kind, id), (columns, link))| {
                let kind = &COLLECTIONS[kind];
                let mut item: Item =
                    columns.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
                let id = format!("{}-{id}", kind.name);
                item.insert("id".to_owned(), json!(id));
                for reference in kind.references {
                    let to = link.map(|to| format!("{}-{to}", reference.to));
                    item.insert(reference.field.to_owned(), json!(to));
                }
                (ItemKey { collection: kind.name.to_owned(), id }, item)
            })
            .collect()
    })
}

fn states() -> impl Strategy<Value = States> {
    (items(), items(), items(), any::<u8>()).prop_map(|(base, running, target, same)| States {
        // Often nobody changed anything.
        running: if same % 3 == 0 { base.clone() } else { running },
        target: if same % 4 == 0 { base.clone() } else { target },
        base,
        ..States::default()
    })
}

/// What the database holds afterwards, if it does as it is told.
fn applied(states: &States, merge: &Merge) -> Items {
    let mut running = states.running.clone();
    for kind in &COLLECTIONS {
        for row in merge.rows(kind, &states.running) {
            let key = ItemKey::of(kind.name, &row["id"]).expect("an id");
            running.entry(key).or_default().extend(row);
        }
    }
    running.retain(|key, _| !merge.deletes.contains(key));
    running
}

proptest! {
    #[test]
    fn a_second_time_nothing_changes(states in states()) {
        let first = merge(&states);
        let again = States { running: applied(&states, &first), base: states.target.clone(), ..states };
        let second = merge(&again);
        prop_assert!(second.writes.is_empty(), "{:?}", second.writes);
        prop_assert!(second.deletes.is_empty(), "{:?}", second.deletes);
    }

    #[test]
    fn a_crash_before_base_is_written_costs_nothing(states in states()) {
        let first = merge(&states);
        let again = States { running: applied(&states, &first), ..states.clone() };
        prop_assert!(merge(&again).writes.is_empty());
        prop_assert!(merge(&again).deletes.is_empty());
        let whole: Items = applied(&states, &first);
        prop_assert_eq!(applied(&again, &merge(&again)), whole);
    }

    #[test]
    fn nothing_is_deleted_that_base_lacks_or_that_config_has_or_that_people_changed(states in states()) {
        for key in merge(&states).deletes {
            prop_assert!(states.base.contains_key(&key));
            prop_assert!(!states.target.contains_key(&key));
            let kind = collection(&key.collection).expect("a collection");
            for (field, before) in &states.base[&key] {
                let now = &states.running[&key].get(field).unwrap_or(&Value::Null);
                let cut = now.is_null() && kind.reference(field).is_some();
                prop_assert!(*now == before || cut || before == &json!(null), "{} of {}", field, key);
            }
        }
    }

    #[test]
    fn an_edit_is_never_overwritten(states in states()) {
        let merge = merge(&states);
        for (key, write) in &merge.writes {
            let Some(running) = states.running.get(key) else { continue };
            let base = &states.base[key];
            for field in write.keys() {
                let now = running.get(field).unwrap_or(&Value::Null);
                prop_assert_eq!(now, base.get(field).unwrap_or(&Value::Null), "{} of {}", field, key);
            }
        }
    }

    #[test]
    fn nothing_that_stays_points_to_what_is_deleted(states in states()) {
        let merge = merge(&states);
        for (key, item) in applied(&states, &merge) {
            // Of what base and target don't speak, `pointers` would.
            if !states.base.contains_key(&key) && !states.target.contains_key(&key) {
                continue;
            }
            for reference in collection(&key.collection).expect("a collection").references {
                let to = item.get(reference.field).and_then(|to| ItemKey::of(reference.to, to));
                prop_assert!(to.is_none_or(|to| !merge.deletes.contains(&to)), "{}", key);
            }
        }
    }

    #[test]
    fn each_item_has_one_verdict_and_writes_agree_with_it(states in states()) {
        let merge = merge(&states);
        let entries = &merge.report.items;
        let mut keys: Vec<_> = entries.iter().map(|entry| &entry.key).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), entries.len());
        for entry in entries {
            let writes = merge.writes.contains_key(&entry.key);
            prop_assert_eq!(writes, matches!(entry.verdict, Verdict::Created | Verdict::Updated(_)));
            prop_assert_eq!(merge.deletes.contains(&entry.key), entry.verdict == Verdict::Deleted);
        }
    }
}
