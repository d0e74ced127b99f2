use std::collections::HashSet;

use serde_json::json;

use super::guarded::{COLLECTIONS, FIELDS};
use super::*;
use crate::{Context, Kind};

const ORGANIZATION: &str = "0aaaaaaa-0000-4000-8000-00000000000a";
const EVENT: &str = "0ddddddd-0000-4000-8000-000000000001";
const DEVICE: &str = "0ddddddd-0000-4000-8000-000000000002";

fn ask(collection: &str, event: Event, payload: Value) -> Outcome {
    let ctx = Context {
        collection: collection.to_owned(),
        keys: vec![json!("0ddddddd-0000-4000-8000-000000000003")],
        user: Some("0eeeeeee-0000-4000-8000-00000000000e".to_owned()),
        ..Context::default()
    };
    let name = MEMBER.name.to_owned();
    member(&Call { kind: Kind::Filter, name, event: Some(event), payload, flat: None, ctx })
}

#[test]
fn the_manifest_names_what_the_table_guards() {
    let names: Vec<_> = GUARDED.iter().map(|guarded| guarded.collection).collect();
    assert_eq!(names, COLLECTIONS);
    let fields: HashSet<_> = GUARDED.iter().flat_map(Guarded::fields).collect();
    assert_eq!(fields, FIELDS.iter().copied().collect());
}

#[test]
fn of_an_existing_item_its_organization_and_its_references_are_read() {
    for guarded in GUARDED {
        let references = guarded.references.iter().map(|reference| reference.field);
        let expected: Vec<_> = std::iter::once("organization").chain(references).collect();
        assert_eq!(guarded.read, expected, "{}", guarded.collection);
    }
}

#[test]
fn all_that_has_to_be_known_is_asked_for_at_once_and_may_be_kept_for_an_import() {
    let payload = json!({ "organization": ORGANIZATION, "event": EVENT, "device": DEVICE });
    let need = serde_json::to_value(ask("entries", Event::Create, payload).need).expect("JSON");
    let read = |name: &str, collection: &str, key: &str| {
        json!({
            "op": "items.read", "as": name, "collection": collection, "keys": [key],
            "fields": ["organization"], "keep": true,
        })
    };
    let memberships = json!({
        "op": "items.find", "as": "memberships", "collection": "organization_members",
        "filter": { "user": { "_eq": "0eeeeeee-0000-4000-8000-00000000000e" } },
        "fields": ["organization", "role"], "keep": true,
    });
    let expected = [memberships, read("event", "events", EVENT), read("device", "devices", DEVICE)];
    assert_eq!(need, json!(expected));
}

#[test]
fn an_item_that_is_about_to_change_is_never_kept() {
    let need = ask("entries", Event::Update, json!({ "device": DEVICE })).need;
    assert!(matches!(&need[0], Need::ItemsRead { name: "items", keep: false, .. }), "{need:?}");
}
