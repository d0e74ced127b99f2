//! What is no snapshot to apply, and what is said about it.

use biplane_schema::{Lineage, Snapshot};
use serde_json::{Value, json};

fn good() -> Value {
    let relation = json!({
        "table": "races", "column": "place", "foreign_key_table": "places",
        "foreign_key_column": "id", "constraint_name": "races_place_foreign",
        "on_update": "NO ACTION", "on_delete": "SET NULL",
    });
    json!({
        "version": 1,
        "directus": "11.17.4",
        "vendor": "postgres",
        "collections": [
            {"collection": "places", "meta": {}, "schema": {"name": "places"}},
            {"collection": "races", "meta": {}, "schema": {"name": "races"}},
        ],
        "fields": [
            {"collection": "places", "field": "id", "type": "uuid", "meta": {}, "schema": {}},
            {"collection": "races", "field": "id", "type": "uuid", "meta": {}, "schema": {}},
            {"collection": "races", "field": "place", "type": "uuid", "meta": {},
             "schema": {"foreign_key_table": "places"}},
        ],
        "systemFields": [],
        "relations": [
            {"collection": "races", "field": "place", "related_collection": "places", "meta": {},
             "schema": relation},
        ],
    })
}

/// What is said of the good snapshot after a change: code and sentence.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut document = good();
    change(&mut document);
    refusal_of(&document.to_string())
}

fn refusal_of(text: &str) -> String {
    match text.parse::<Snapshot>() {
        Ok(_) => "it reads".into(),
        Err(error) => format!("{} {error}", error.code()),
    }
}

fn remove(value: &mut Value, key: &str) {
    value.as_object_mut().expect("an object").remove(key).expect("it was there");
}

fn list<'a>(value: &'a mut Value, section: &str) -> &'a mut Vec<Value> {
    value[section].as_array_mut().expect("a list")
}

#[test]
fn the_good_one_reads() {
    assert_eq!(refusal(|_| {}), "it reads");
}

#[test]
fn an_empty_file_is_refused() {
    let said = "SNAPSHOT_EMPTY the snapshot is empty; applied, it would delete everything";
    for text in ["", " \n\t\n", "\u{feff}", "---\n", "# nothing here\n"] {
        assert_eq!(refusal_of(text), said, "{text:?}");
    }
}

#[test]
fn broken_yaml_is_refused_with_its_line() {
    assert_eq!(
        refusal_of("version: 1\ndirectus: 11.17.4\n  vendor: postgres\n"),
        "SNAPSHOT_SYNTAX the snapshot is not valid YAML at line 3, column 9: \
         mapping values are not allowed in this context"
    );
}

#[test]
fn broken_json_is_refused_with_its_line() {
    let whole = serde_json::to_string_pretty(&good()).expect("JSON");
    let cut: String = whole.lines().take(10).collect::<Vec<_>>().join("\n");
    assert!(
        refusal_of(&cut)
            .starts_with("SNAPSHOT_SYNTAX the snapshot is not valid JSON at line 10, column "),
        "{}",
        refusal_of(&cut)
    );
}

#[test]
fn the_marks_of_an_unfinished_merge_are_refused() {
    let text =
        "version: 1\n<<<<<<< HEAD\ndirectus: 11.17.4\n=======\ndirectus: 11.17.5\n>>>>>>> x\n";
    assert!(refusal_of(text).starts_with("SNAPSHOT_SYNTAX "), "{}", refusal_of(text));
}

#[test]
fn a_key_twice_in_one_object_is_refused() {
    assert_eq!(
        refusal_of("version: 1\nvendor: postgres\nvendor: mysql\n"),
        "SNAPSHOT_SYNTAX the snapshot is not valid YAML at line 1, column 1: \
         the key `vendor` is there twice in one object"
    );
    assert_eq!(
        refusal_of(r#"{"version": 1, "version": 1}"#),
        "SNAPSHOT_SYNTAX the snapshot is not valid JSON at line 1, column 28: \
         the key `version` is there twice in one object"
    );
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    assert!(refusal_of("version: .nan\n").contains("a number that is not finite"));
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["hello", "[]", "- version: 1", "42"] {
        assert_eq!(refusal_of(text), "SNAPSHOT_SHAPE the snapshot: expected an object", "{text:?}");
    }
    assert_eq!(
        refusal(|s| s["fields"][1] = "races".into()),
        "SNAPSHOT_SHAPE fields[1]: expected an object"
    );
    assert_eq!(refusal(|s| s["fields"] = json!({})), "SNAPSHOT_SHAPE fields: expected a list");
    assert_eq!(
        refusal(|s| s["fields"][1]["field"] = 7.into()),
        "SNAPSHOT_SHAPE fields[1].field: expected a text"
    );
    assert_eq!(
        refusal(|s| s["collections"][0]["collection"] = "".into()),
        "SNAPSHOT_SHAPE collections[0].collection: expected a name"
    );
}

#[test]
fn a_snapshot_without_one_of_its_parts_is_refused() {
    for part in ["version", "directus", "vendor", "collections", "fields", "relations"] {
        assert_eq!(
            refusal(|s| remove(s, part)),
            format!(
                "SNAPSHOT_INCOMPLETE the snapshot: `{part}` is missing; is the snapshot cut off?"
            )
        );
    }
}

#[test]
fn an_older_snapshot_without_system_fields_reads() {
    assert_eq!(refusal(|s| remove(s, "systemFields")), "it reads");
}

#[test]
fn another_vendor_version_or_format_is_refused() {
    assert_eq!(
        refusal(|s| s["vendor"] = "mysql".into()),
        "SNAPSHOT_VENDOR vendor: the snapshot is of a mysql database; Biplane runs on postgres"
    );
    for version in ["10.13.4", "12.4.1", "1.1.0", "", "eleven"] {
        assert_eq!(
            refusal(|s| s["directus"] = version.into()),
            format!(
                "SNAPSHOT_VERSION directus: the snapshot is of Directus {version}; \
                 Biplane runs on Directus 11"
            )
        );
    }
    assert_eq!(
        refusal(|s| s["version"] = 2.into()),
        "SNAPSHOT_SHAPE version: snapshots of format 1 are read, this one is of format 2"
    );
}

#[test]
fn anything_twice_is_refused() {
    for (section, place) in [
        ("collections", "collections[2] (places)"),
        ("fields", "fields[3] (places.id)"),
        ("relations", "relations[1] (races.place)"),
    ] {
        let said = refusal(|s| {
            let first = s[section][0].clone();
            list(s, section).push(first);
        });
        assert_eq!(
            said,
            format!(
                "SNAPSHOT_DUPLICATE {place}: is there twice; does the file hold an unfinished merge?"
            )
        );
    }
}

#[test]
fn a_field_of_no_collection_is_refused_unless_it_is_directus_own() {
    let stray = |collection: &str| json!({"collection": collection, "field": "x", "type": "string", "meta": {}, "schema": {}});
    assert_eq!(
        refusal(|s| list(s, "fields").push(stray("boats"))),
        "SNAPSHOT_DANGLING fields (boats.x): there is no collection `boats`"
    );
    assert_eq!(refusal(|s| list(s, "fields").push(stray("directus_users"))), "it reads");
}

#[test]
fn a_relation_to_nowhere_is_refused() {
    assert_eq!(
        refusal(|s| s["relations"][0]["related_collection"] = "boats".into()),
        "SNAPSHOT_DANGLING relations (races.place): there is no collection `boats`"
    );
    let stray = |collection: &str, field: &str| json!({"collection": collection, "field": field, "related_collection": "places", "meta": {}});
    assert_eq!(
        refusal(|s| list(s, "relations").push(stray("boats", "place"))),
        "SNAPSHOT_DANGLING relations (boats.place): there is no collection `boats`"
    );
    assert_eq!(
        refusal(|s| list(s, "relations").push(stray("races", "start"))),
        "SNAPSHOT_DANGLING relations (races.start): there is no field `start` in `races`"
    );
    assert_eq!(
        refusal(|s| s["relations"][0]["related_collection"] = "directus_files".into()),
        "it reads"
    );
    // Many-to-any.
    assert_eq!(refusal(|s| s["relations"][0]["related_collection"] = Value::Null), "it reads");
}

#[test]
fn a_foreign_key_that_directus_would_drop_is_refused() {
    let said = "SNAPSHOT_DANGLING fields (races.place): has a foreign key to `places`, but no \
                relation describes it; is the snapshot cut off?";
    assert_eq!(refusal(|s| list(s, "relations").clear()), said);
    assert_eq!(refusal(|s| remove(&mut s["relations"][0], "schema")), said);
    assert_eq!(
        refusal(|s| remove(&mut s["relations"][0]["schema"], "on_delete")),
        "SNAPSHOT_INCOMPLETE relations[0].schema: `on_delete` is missing; is the snapshot cut off?"
    );
}

#[test]
fn a_foreign_key_to_a_table_that_directus_does_not_track_is_let_be() {
    let change = |s: &mut Value| s["fields"][0]["schema"] = json!({"foreign_key_table": "legacy"});
    assert_eq!(refusal(change), "it reads");
}

#[test]
fn a_lineage_line_that_is_no_hash_is_refused_by_number() {
    let hash = "0123456789abcdef".repeat(4);
    for bad in ["<<<<<<< HEAD", &hash[1..], &hash.to_uppercase(), &format!("{hash}0")] {
        let error = format!("{hash}\n\n{bad}\n").parse::<Lineage>().expect_err("refused");
        assert_eq!(
            format!("{} {error}", error.code()),
            format!(
                "SNAPSHOT_LINEAGE lineage, line 3: `{bad}` is not a SHA-256 in 64 lower-case \
                 hexadecimal digits"
            )
        );
    }
}
