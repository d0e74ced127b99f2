//! Two snapshots held against each other: what a plan promised and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde_json::{Map, Value};

use crate::facets::{Section, apart};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// What differs in `other`, a line each: `fields devices.imei: type`; none when they are one.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let (one, two) = (&self.collections, &other.collections);
        compare("collection", Section::Collections, one, two, |entry| &entry.body, &mut found);
        let (one, two) = (&self.fields, &other.fields);
        compare("field", Section::Fields, one, two, |entry| &entry.body, &mut found);
        if let (Some(one), Some(two)) = (&self.system_fields, &other.system_fields) {
            let section = Section::SystemFields;
            compare("system field", section, one, two, |entry| &entry.body, &mut found);
        }
        let (one, two) = (&self.relations, &other.relations);
        compare("relation", Section::Relations, one, two, |entry| &entry.body, &mut found);
        found
    }
}

fn compare<K: Ord + Display, V>(
    kind: &str,
    section: Section,
    one: &BTreeMap<K, V>,
    two: &BTreeMap<K, V>,
    body: impl Fn(&V) -> &Map<String, Value>,
    found: &mut Vec<String>,
) {
    let names: BTreeSet<_> = one.keys().chain(two.keys()).collect();
    for name in names {
        match (one.get(name), two.get(name)) {
            (Some(_), None) => found.push(format!("{kind} {name}: is missing")),
            (None, Some(_)) => found.push(format!("{kind} {name}: should not be there")),
            (Some(one), Some(two)) => {
                let (one, two) = (apart(section, body(one)), apart(section, body(two)));
                let paths: BTreeSet<_> = one.keys().chain(two.keys()).collect();
                for path in paths.into_iter().filter(|path| one.get(*path) != two.get(*path)) {
                    let said = |value: Option<&Value>| {
                        value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
                    };
                    let (should, is) = (said(one.get(path)), said(two.get(path)));
                    found.push(format!("{kind} {name}: {path} should be {should} and is {is}"));
                }
            }
            (None, None) => {}
        }
    }
}
