//! The three-way merge of configuration, case by case.

use biplane_schema::items::{
    ItemKey, Items, Merge, Pointer, States, Verdict, Why, collection, merge,
};
use serde_json::{Value, json};

fn key(collection: &str, id: &str) -> ItemKey {
    ItemKey { collection: collection.to_owned(), id: id.to_owned() }
}

/// Items of a list of collection and row.
fn items(rows: &[(&str, Value)]) -> Items {
    rows.iter()
        .map(|(collection, row)| {
            let key = ItemKey::of(collection, &row["id"]).expect("an id");
            (key, row.as_object().expect("a row").clone())
        })
        .collect()
}

fn panel(change: Value) -> (&'static str, Value) {
    let mut row = json!({"id": "p", "name": "Live", "height": 10, "width": 20});
    for (field, value) in change.as_object().expect("columns") {
        row[field] = value.clone();
    }
    ("directus_panels", row)
}

fn states(base: &[(&str, Value)], running: &[(&str, Value)], target: &[(&str, Value)]) -> States {
    States {
        base: items(base),
        running: items(running),
        target: items(target),
        ..States::default()
    }
}

fn verdict<'a>(merge: &'a Merge, id: &str) -> &'a Verdict {
    let entry = merge.report.items.iter().find(|entry| entry.key.id == id);
    &entry.unwrap_or_else(|| panic!("no entry {id}")).verdict
}

fn kept(merge: &Merge) -> Vec<(String, Why)> {
    let entries = merge.report.items.iter().flat_map(|entry| &entry.kept);
    entries.map(|kept| (kept.field.clone(), kept.why)).collect()
}

fn notes(merge: &Merge) -> Vec<String> {
    merge.report.notes().collect()
}

#[test]
fn what_only_config_changed_is_updated() {
    let merge = merge(&states(
        &[panel(json!({}))],
        &[panel(json!({"date_created": "2026-01-01", "show_header": true}))],
        &[panel(json!({"height": 12}))],
    ));
    assert_eq!(verdict(&merge, "p"), &Verdict::Updated(vec!["height".to_owned()]));
    assert_eq!(
        Value::from(merge.writes[&key("directus_panels", "p")].clone()),
        json!({"height": 12})
    );
    assert_eq!(merge.report.summary(), "1 item updated");
}

#[test]
fn what_only_people_changed_is_kept_and_reported() {
    let merge =
        merge(&states(&[panel(json!({}))], &[panel(json!({"height": 30}))], &[panel(json!({}))]));
    assert_eq!(kept(&merge), [("height".to_owned(), Why::Edited)]);
    assert!(merge.writes.is_empty());
    assert_eq!(notes(&merge), ["directus_panels p (Live): height: edited in the admin UI: kept"]);
    assert_eq!(
        merge.report.summary(),
        "nothing to change; 1 kept as people made it: directus_panels"
    );
}

#[test]
fn what_both_changed_is_a_conflict_that_people_win_and_the_other_columns_go_on() {
    let merge = merge(&states(
        &[panel(json!({}))],
        &[panel(json!({"height": 30}))],
        &[panel(json!({"height": 12, "width": 21}))],
    ));
    assert_eq!(kept(&merge), [("height".to_owned(), Why::Conflict)]);
    assert_eq!(verdict(&merge, "p"), &Verdict::Updated(vec!["width".to_owned()]));
}

#[test]
fn what_both_changed_to_the_same_is_no_conflict() {
    let changed = || [panel(json!({"height": 30}))];
    let merge = merge(&states(&[panel(json!({}))], &changed(), &changed()));
    assert_eq!((verdict(&merge, "p"), kept(&merge).len()), (&Verdict::Unchanged, 0));
}

#[test]
fn what_was_deleted_by_hand_stays_deleted_with_all_that_would_belong_to_it() {
    let dashboard = || ("directus_dashboards", json!({"id": "d", "name": "Race"}));
    let own = || panel(json!({"dashboard": "d"}));
    let new = ("directus_panels", json!({"id": "n", "name": "New", "dashboard": "d"}));
    let merge = merge(&states(&[dashboard(), own()], &[], &[dashboard(), own(), new]));
    assert_eq!(verdict(&merge, "d"), &Verdict::DeletedByHand);
    assert_eq!(verdict(&merge, "p"), &Verdict::DeletedByHand);
    assert_eq!(verdict(&merge, "n"), &Verdict::Withheld(key("directus_dashboards", "d")));
    assert!(merge.writes.is_empty());
    assert_eq!(notes(&merge).len(), 3);
}

#[test]
fn a_link_to_what_was_deleted_by_hand_is_not_set() {
    let parent = ("directus_roles", json!({"id": "r", "name": "Parent"}));
    let child =
        |parent: Value| ("directus_roles", json!({"id": "c", "name": "C", "parent": parent}));
    let merge = merge(&states(
        &[parent.clone(), child(json!(null))],
        &[child(json!(null))],
        &[parent, child(json!("r")), ("directus_roles", json!({"id": "n", "parent": "r"}))],
    ));
    assert_eq!(verdict(&merge, "c"), &Verdict::Unchanged);
    assert_eq!(
        kept(&merge),
        [("parent".to_owned(), Why::Dangling), ("parent".to_owned(), Why::Dangling)]
    );
    assert_eq!(Value::from(merge.writes[&key("directus_roles", "n")].clone()), json!({"id": "n"}));
}

#[test]
fn what_was_taken_out_of_config_is_deleted_unless_people_changed_it() {
    let there = || [panel(json!({}))];
    let merged = merge(&states(&there(), &there(), &[]));
    assert_eq!(merged.deletes.iter().collect::<Vec<_>>(), [&key("directus_panels", "p")]);
    let merged = merge(&states(&there(), &[panel(json!({"height": 30}))], &[]));
    assert_eq!(verdict(&merged, "p"), &Verdict::KeptEdited(vec!["height".to_owned()]));
    assert!(merged.deletes.is_empty());
    let merged = merge(&states(&there(), &[], &[]));
    assert_eq!(verdict(&merged, "p"), &Verdict::Forgotten);
}

#[test]
fn what_is_not_in_base_is_adopted_as_it_is() {
    let merge = merge(&states(&[], &[panel(json!({"height": 30}))], &[panel(json!({}))]));
    assert_eq!(verdict(&merge, "p"), &Verdict::Adopted);
    assert_eq!(kept(&merge), [("height".to_owned(), Why::Adopted)]);
    assert!(merge.writes.is_empty() && merge.deletes.is_empty());
}

#[test]
fn a_column_new_in_config_is_updated_where_it_holds_what_directus_gave_it() {
    let mut states = states(
        &[panel(json!({}))],
        &[panel(json!({"show_header": false, "note": null, "color": "#ff0000"}))],
        &[panel(json!({"show_header": true, "note": "Look", "color": "#00ff00"}))],
    );
    let defaults = json!({"show_header": false}).as_object().expect("an object").clone();
    states.defaults.insert("directus_panels".to_owned(), defaults);
    let merge = merge(&states);
    assert_eq!(
        verdict(&merge, "p"),
        &Verdict::Updated(vec!["note".to_owned(), "show_header".to_owned()])
    );
    assert_eq!(kept(&merge), [("color".to_owned(), Why::Conflict)]);
}

#[test]
fn the_one_row_of_settings_is_measured_against_directus_s_defaults() {
    let settings = |name: &str, color: &str| {
        [("directus_settings", json!({"id": 1, "project_name": name, "project_color": color}))]
    };
    let mut states = states(&[], &settings("Directus", "#123456"), &settings("Biplane", "#2F6FDE"));
    let defaults = json!({"project_name": "Directus", "project_color": "#6644FF"});
    states
        .defaults
        .insert("directus_settings".to_owned(), defaults.as_object().expect("an object").clone());
    let merged = merge(&states);
    assert_eq!(verdict(&merged, "1"), &Verdict::Updated(vec!["project_name".to_owned()]));
    assert_eq!(kept(&merged), [("project_color".to_owned(), Why::Conflict)]);
    states.base = std::mem::take(&mut states.target);
    assert!(merge(&states).deletes.is_empty(), "there are always settings");
}

#[test]
fn what_people_s_things_hang_on_is_not_deleted() {
    let dashboard = ("directus_dashboards", json!({"id": "d", "name": "Race"}));
    let role = ("directus_roles", json!({"id": "r", "name": "Crew"}));
    let ours = || [dashboard.clone(), role.clone(), panel(json!({"dashboard": "d"}))];
    let mut states = states(&ours(), &ours(), &[]);
    states.pointers =
        vec![Pointer { from: key("directus_users", "u"), to: key("directus_roles", "r") }];
    let merged = merge(&states);
    assert_eq!(verdict(&merged, "r"), &Verdict::KeptInUse(vec![key("directus_users", "u")]));
    assert_eq!(merged.deletes.len(), 2);
    // An edited panel keeps its dashboard.
    states.running.extend(items(&[panel(json!({"dashboard": "d", "height": 30}))]));
    let merged = merge(&states);
    assert_eq!(verdict(&merged, "d"), &Verdict::KeptInUse(vec![key("directus_panels", "p")]));
    assert!(merged.deletes.is_empty());
    assert_eq!(
        notes(&merged),
        [
            "directus_roles r (Crew): was taken out of config/ but is in use by directus_users u: kept, and yours now",
            "directus_dashboards d (Race): was taken out of config/ but is in use by directus_panels p: kept, and yours now",
            "directus_panels p (Live): was taken out of config/ but edited in the admin UI (height): kept, and yours now",
        ]
    );
}

#[test]
fn a_step_is_put_into_a_flow_without_two_that_lead_to_one() {
    let step = |id: &str, next: Value| {
        ("directus_operations", json!({"id": id, "flow": "f", "key": id, "resolve": next}))
    };
    let before = [step("a", json!("z")), step("z", json!(null))];
    let states = states(
        &before,
        &before,
        &[
            step("a", json!("b")),
            step("b", json!("c")),
            step("c", json!("z")),
            step("z", json!(null)),
        ],
    );
    let operations = collection("directus_operations").expect("a collection");
    let rows: Vec<Value> =
        merge(&states).rows(operations, &states.running).into_iter().map(Value::from).collect();
    assert_eq!(
        rows,
        [
            json!({"id": "a", "resolve": null}),
            step("c", json!("z")).1,
            step("b", json!("c")).1,
            json!({"id": "a", "resolve": "b"}),
        ]
    );
}

#[test]
fn a_step_is_taken_out_of_a_flow_even_where_a_crash_came_after_its_links_were_cut() {
    let step = |id: &str, next: Value| {
        ("directus_operations", json!({"id": id, "flow": "f", "key": id, "resolve": next}))
    };
    let before = [step("a", json!("b")), step("b", json!("z")), step("z", json!(null))];
    let after = [step("a", json!("z")), step("z", json!(null))];
    let operations = collection("directus_operations").expect("a collection");
    let mut states = states(&before, &before, &after);
    let merged = merge(&states);
    let rows: Vec<Value> =
        merged.rows(operations, &states.running).into_iter().map(Value::from).collect();
    assert_eq!(
        rows,
        [
            json!({"id": "a", "resolve": null}),
            json!({"id": "b", "resolve": null}),
            json!({"id": "a", "resolve": "z"}),
        ]
    );
    assert_eq!(merged.keys_to_delete(operations), [json!("b")]);
    states.running = items(&[after[0].clone(), step("b", json!(null)), after[1].clone()]);
    assert_eq!(merge(&states).keys_to_delete(operations), [json!("b")]);
}

#[test]
fn a_secret_s_mask_and_the_columns_of_who_and_when_are_not_compared() {
    let before = panel(json!({"token": "one", "date_created": "2025"}));
    let running = panel(json!({"token": "**********", "date_created": "2026"}));
    let merged =
        merge(&states(std::slice::from_ref(&before), &[running], std::slice::from_ref(&before)));
    assert_eq!((verdict(&merged, "p"), kept(&merged).len()), (&Verdict::Unchanged, 0));
}

#[test]
fn the_report_is_a_table_and_json() {
    let merge = merge(&states(
        &[panel(json!({}))],
        &[panel(json!({"height": 30}))],
        &[panel(json!({"width": 1})), ("directus_roles", json!({"id": "r", "name": "Crew"}))],
    ));
    let merged = merge.report;
    assert_eq!(
        merged.to_string(),
        "created  directus_roles r (Crew)\n\
         updated  directus_panels p (Live)  width\n\
         kept     directus_panels p (Live)  height: edited in the admin UI: kept"
    );
    assert_eq!(
        merged.summary(),
        "1 item created, 1 updated; 1 kept as people made it: directus_panels"
    );
    let json = serde_json::to_value(&merged).expect("JSON");
    assert_eq!(json["items"][1]["verdict"], json!({"updated": ["width"]}));
    assert_eq!(json["items"][1]["kept"], json!([{"field": "height", "why": "edited"}]));
    let back: biplane_schema::items::Report = serde_json::from_value(json).expect("a report");
    assert_eq!(back, merged);
}
