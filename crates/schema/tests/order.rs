//! The hash names the schema, not the way it was written down.

use std::fmt::Write as _;

use biplane_schema::{Lineage, Snapshot, SnapshotHash};
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("2024-01-01")),
        Just(Value::from("no")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z$_]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A snapshot with one alias field for each name, so that any set of names is a whole one.
fn document() -> impl Strategy<Value = Value> {
    let fields = prop::collection::btree_map("[a-z]{1,8}", value(), 0..5);
    (prop::collection::btree_map("[a-z]{1,8}", fields, 1..5), value()).prop_map(|(tree, extra)| {
        let mut document = json!({
            "version": 1, "directus": "11.17.4", "vendor": "postgres", "x": extra,
            "collections": [], "fields": [], "relations": [],
        });
        let mut add = |section: &str, entry: Value| {
            document[section].as_array_mut().expect("a list").push(entry);
        };
        for (collection, fields) in tree {
            add("collections", json!({"collection": collection, "meta": null, "schema": {}}));
            for (field, meta) in fields {
                add(
                    "fields",
                    json!({"collection": collection, "field": field, "type": "alias", "meta": meta}),
                );
            }
        }
        document
    })
}

/// JSON with the keys of every object in an order of `random`'s choice.
fn scrambled(value: &Value, random: &mut impl FnMut(usize) -> usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            shuffle(&mut entries, random);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                let comma = if index > 0 { " ," } else { "" };
                writeln!(out, "{comma}{}:", Value::from(key.as_str())).expect("a String");
                scrambled(value, random, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                scrambled(item, random, out);
            }
            out.push(']');
        }
        scalar => write!(out, "{scalar}").expect("a String"),
    }
}

fn shuffle<T>(items: &mut [T], random: &mut impl FnMut(usize) -> usize) {
    for end in (1..items.len()).rev() {
        items.swap(end, random(end + 1));
    }
}

fn read(text: &str) -> Snapshot {
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_entries_and_keys_does_not_matter(
        document in document(),
        seed in any::<u64>(),
    ) {
        let mut state = seed | 1;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut other = document.clone();
        for section in ["collections", "fields", "relations"] {
            shuffle(other[section].as_array_mut().expect("a list"), &mut random);
        }
        let mut text = String::new();
        scrambled(&other, &mut random, &mut text);
        prop_assert_eq!(read(&text).hash(), read(&document.to_string()).hash());
    }

    #[test]
    fn yaml_and_json_of_one_schema_have_one_hash(document in document()) {
        let yaml = serde_yaml_ng::to_string(&document).expect("YAML");
        prop_assert_eq!(read(&yaml).hash(), read(&document.to_string()).hash());
    }

    #[test]
    fn nothing_is_lost(document in document()) {
        let snapshot = read(&document.to_string());
        prop_assert_eq!(read(&snapshot.to_value().to_string()), snapshot.clone());
        let mut expected = document;
        for section in ["collections", "fields"] {
            expected[section].as_array_mut().expect("a list").sort_by_key(|entry| {
                [&entry["collection"], &entry["field"]].map(|name| name.as_str().map(str::to_owned))
            });
        }
        prop_assert_eq!(json(&snapshot.to_value()), json(&expected));
    }

    #[test]
    fn a_missing_key_and_a_null_are_two_schemas(document in document()) {
        let mut with_null = document.clone();
        with_null["collections"][0]["added"] = Value::Null;
        prop_assert_ne!(
            read(&document.to_string()).hash(),
            read(&with_null.to_string()).hash()
        );
    }

    #[test]
    fn a_hash_reads_as_it_was_written(bytes in any::<[u8; 32]>()) {
        let hash = SnapshotHash(bytes);
        prop_assert_eq!(hash.to_string().parse(), Ok(hash));
    }
}

/// Numbers as JavaScript has them: 3.0 is 3.
fn json(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Number(n) if n.is_f64() => match n.as_f64() {
            Some(n) if n.fract() == 0.0 => (n as i64).into(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

#[test]
fn the_order_of_choices_matters() {
    let with = |choices: Value| {
        json!({
            "version": 1, "directus": "11.17.4", "vendor": "postgres",
            "collections": [{"collection": "a", "meta": choices}], "fields": [], "relations": [],
        })
        .to_string()
    };
    assert_ne!(read(&with(json!([1, 2]))).hash(), read(&with(json!([2, 1]))).hash());
}

#[test]
fn a_lineage_grows_at_its_end_and_knows_its_members() {
    let [old, new, strange] = [1, 2, 3].map(|byte| SnapshotHash([byte; 32]));
    let mut lineage = Lineage::default();
    assert_eq!(lineage.current(), None);
    for hash in [old, new, new] {
        lineage.push(hash);
    }
    assert_eq!(lineage.to_string(), format!("{old}\n{new}\n"));
    assert_eq!(lineage.to_string().parse(), Ok(lineage.clone()));
    assert_eq!(lineage.current(), Some(&new));
    assert!(lineage.contains(&old) && lineage.contains(&new) && !lineage.contains(&strange));
}
