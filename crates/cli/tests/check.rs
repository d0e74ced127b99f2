//! `biplane check`: what the real binary says of files of every format, good and bad.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const SQUARE: &str =
    r#"{"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}"#;
const BOW_TIE: &str =
    r#"{"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]]}"#;

/// Exit code, standard output and standard error.
fn check(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut child = Command::new(env!("CARGO_BIN_EXE_biplane"))
        .arg("check")
        .args(arguments)
        .env("BIPLANE_PROJECT", project)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // It may end before it has read all.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// The verdicts on standard input, and the exit code.
fn verdicts(collection: &str, format: &str, input: &str) -> (i32, Vec<Value>) {
    let (code, out, said) =
        check(&[collection, "-", "--format", format, "--json"], input.as_bytes());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{said}"));
    assert_eq!(report.as_object().expect("an object").len(), 1);
    (code, report["items"].as_array().expect("items").clone())
}

/// What is said of a file that can't be read.
fn unreadable(format: &str, input: &[u8]) -> String {
    let (code, out, said) = check(&["geofences", "-", "--format", format, "--json"], input);
    assert_eq!((code, out.as_str()), (2, ""), "{said}");
    said.trim_end().strip_prefix("biplane: ").expect("our name").to_owned()
}

fn ok(id: impl Into<Value>) -> Value {
    json!({"id": id.into(), "valid": true, "errors": []})
}

fn codes(verdict: &Value) -> Vec<&str> {
    let errors = verdict["errors"].as_array().expect("errors");
    errors.iter().map(|error| error["code"].as_str().expect("a code")).collect()
}

/// Of [`BOW_TIE`]; its sentence is the golden cases' business.
fn assert_crossing(verdict: &Value, id: impl Into<Value>) {
    assert_eq!((&verdict["id"], &verdict["valid"]), (&id.into(), &json!(false)), "{verdict}");
    assert_eq!(codes(verdict), ["GEOFENCE_SELF_INTERSECTION"]);
    let error = &verdict["errors"][0];
    assert_eq!(error["field"], "geometry");
    assert!(error["message"].as_str().expect("a sentence").starts_with("geometry: "), "{error}");
}

#[test]
fn json_is_an_array_of_items_or_one() {
    let items = format!(r#"[{{"geometry": {SQUARE}}}, {{"id": "b", "geometry": {BOW_TIE}}}]"#);
    let (code, items) = verdicts("geofences", "json", &items);
    assert_eq!((code, items.len(), &items[0]), (1, 2, &ok(1)));
    assert_crossing(&items[1], "b");
    let one = format!("\u{feff} {{\"id\": 7, \"geometry\": {SQUARE}}}\n");
    assert_eq!(verdicts("geofences", "json", &one), (0, vec![ok(7)]));
    assert_eq!(verdicts("geofences", "json", "[]"), (0, vec![]));
}

#[test]
fn json_lines_are_an_item_each() {
    let lines = format!("{{\"geometry\": {SQUARE}}}\n\n{{\"geometry\": {BOW_TIE}}}\r\n");
    let (code, items) = verdicts("geofences", "jsonl", &lines);
    assert_eq!((code, items.len(), &items[0]), (1, 2, &ok(1)));
    assert_crossing(&items[1], 2);
    assert_eq!(verdicts("geofences", "jsonl", ""), (0, vec![]));
}

#[test]
fn features_are_items_by_properties_and_geometry() {
    let feature = |more: &str, geometry: &str| {
        format!(r#"{{"type": "Feature", {more} "geometry": {geometry}}}"#)
    };
    let collection = format!(
        r#"{{"features": [{}, {}, {}, 5, {{"type": "Point"}}], "type": "FeatureCollection"}}"#,
        feature(r#""properties": {"kind": "polygon"},"#, SQUARE),
        feature(r#""id": "f", "properties": null,"#, BOW_TIE),
        feature(r#""properties": {"kind": "circle", "id": "c"},"#, SQUARE),
    );
    let (code, items) = verdicts("geofences", "geojson", &collection);
    assert_eq!((code, &items[0]), (1, &ok(1)));
    assert_crossing(&items[1], "f");
    assert_eq!((items[2]["id"].as_str(), codes(&items[2])), (Some("c"), vec!["GEOFENCE_KIND"]));
    assert_eq!(items[3]["errors"][0]["message"], "a feature is an object, this is a number");
    assert_eq!((codes(&items[4]), items.len()), (vec!["INVALID_PAYLOAD"], 5));
    let one = feature("", SQUARE);
    assert_eq!(verdicts("geofences", "geojson", &one), (0, vec![ok(1)]));
}

#[test]
fn csv_is_read_as_the_importer_of_directus_does() {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let point = quoted(r#"{"type": "Point", "coordinates": [12, 46]}"#);
    let rows = format!(
        " kind ,radius_m,geometry\r\ncircle,400,{point}\r\n,,{}\r\ncircle,,{point}\r\npolygon,1,{},9\r\n",
        quoted(SQUARE),
        quoted(BOW_TIE),
    );
    let (code, items) = verdicts("geofences", "csv", &rows);
    assert_eq!((code, &items[0], &items[1]), (1, &ok(1), &ok(2)));
    assert_eq!(codes(&items[2]), ["GEOFENCE_RADIUS"]);
    assert_eq!(items[3]["errors"][0]["message"], "line 5 has 4 cells, the header names 3");

    let semicolons = "imei;name\n356307042441013;a, b\n356307042441014;c\n";
    let (code, items) = verdicts("devices", "csv", semicolons);
    assert_eq!((code, &items[0], codes(&items[1])), (1, &ok(1), vec!["DEVICE_IMEI"]));
    assert_eq!(verdicts("devices", "csv", "imei\n"), (0, vec![]));
}

#[test]
fn what_is_no_item_is_told_from_the_others() {
    let (code, items) = verdicts("geofences", "json", r#"[null, [], "x", true]"#);
    assert_eq!((code, items.len()), (1, 4));
    for (item, kind) in items.iter().zip(["null", "an array", "a text", "true or false"]) {
        let message = format!("an item is an object of fields, this is {kind}");
        let errors = json!([{"code": "INVALID_PAYLOAD", "field": null, "message": message}]);
        assert_eq!(item["errors"], errors);
    }
}

#[test]
fn broken_files_are_refused_with_line_and_column() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("json", b"", "line 1, column 0: EOF while parsing a value"),
        ("json", b"[{}\n {}]", "line 2, column 2: expected `,` or `]`"),
        ("json", b"[{}, ", "line 1, column 5: EOF while parsing a value"),
        ("json", b"[{}] x", "line 1, column 6: trailing characters"),
        ("json", b"[{\"a\": \"\xff\"}]", "line 1, column 9: invalid unicode code point"),
        (
            "json",
            b"7",
            "line 1, column 1: invalid type: integer `7`, expected an array of items or one item",
        ),
        (
            "json",
            br#"{"type": "FeatureCollection", "features": []}"#,
            "line 1, column 45: this is GeoJSON: add --format geojson",
        ),
        ("jsonl", b"{}\n{\"a\": }\n", "line 2, column 7: expected value"),
        (
            "geojson",
            b"[]",
            "line 1, column 2: an array is neither a FeatureCollection nor a Feature",
        ),
        (
            "geojson",
            br#"{"type": "Point"}"#,
            "line 1, column 17: `Point` is neither a FeatureCollection nor a Feature",
        ),
        (
            "geojson",
            br#"{"type": "FeatureCollection"}"#,
            "line 1, column 29: the FeatureCollection has no `features`",
        ),
        ("csv", b"", "line 1, column 1: the file is empty: a header must name the fields"),
        ("csv", b"a,b, a\n", "line 1, column 1: the header names `a` twice"),
        ("csv", b"a,b\n1,2\n3,\xff\n", "line 3, column 1: the cell 2 of this row is not UTF-8"),
        (
            "csv",
            b"a,b\n1,2\n3,\"4\n5,6\n",
            "line 3, column 1: a quotation mark of this row is never closed",
        ),
    ];
    for (format, input, said) in cases {
        assert_eq!(unreadable(format, input), *said, "{format} {}", input.escape_ascii());
    }
    let deep = "[".repeat(200);
    assert!(unreadable("json", deep.as_bytes()).contains("recursion limit exceeded"));
}

#[test]
fn an_item_that_would_fill_the_memory_is_refused() {
    let text = format!("[{{}}, {{\"name\": \"{}\"}}]", "x".repeat(65 << 20));
    assert_eq!(unreadable("json", text.as_bytes()), "the item 2 is larger than 64 MiB");
}

#[test]
fn an_item_that_the_host_would_not_hand_over_is_refused() {
    let large = format!(r#"[{{"geometry": "{}"}}]"#, "x".repeat(1 << 20));
    let deep = format!(r#"[{{"geometry": {}{}}}]"#, "[".repeat(70), "]".repeat(70));
    for items in [large, deep] {
        let (code, items) = verdicts("geofences", "json", &items);
        assert_eq!((code, codes(&items[0])), (1, vec!["PAYLOAD_TOO_LARGE"]));
    }
}

#[test]
fn files_are_found_by_name_and_their_format_by_extension() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("a.NDJSON"), format!("{{\"geometry\": {BOW_TIE}}}")).expect("a file");
    assert_eq!(check(&["geofences", &path("a.NDJSON")], b"").0, 1);
    std::fs::write(path("a.txt"), "[]").expect("a file");
    let (code, _, said) = check(&["geofences", &path("a.txt")], b"");
    assert_eq!(code, 2);
    assert!(said.ends_with("add --format json, jsonl, geojson or csv\n"), "{said}");
    let (code, _, said) = check(&["geofences", &path("none.csv")], b"");
    assert_eq!(code, 2);
    assert!(said.contains("none.csv: No such file or directory"), "{said}");
    assert_eq!(check(&["geofences", &path(""), "--format", "json"], b"").0, 2);
    assert_eq!(check(&["geofences", "-"], b"[]").0, 2);
}

#[test]
fn an_unknown_collection_is_told_which_there_are() {
    let (code, out, said) = check(&["geofence", "-", "--format", "json"], b"[]");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(said.starts_with("biplane: there is no collection `geofence`; there is: "), "{said}");
    assert!(said.contains("devices, entries, events, geofences"), "{said}");
}

#[test]
fn people_read_a_line_a_fault_and_what_was_not_checked() {
    let items = format!(
        r#"[{{"geometry": {SQUARE}, "organization": "o"}}, {{"name": "a\u001bb", "geometry": {BOW_TIE}, "colour": "red"}}]"#
    );
    let (code, out, said) = check(&["geofences", "-", "--format", "json"], items.as_bytes());
    assert_eq!(code, 1);
    let start = "item 2 (a\\u{1b}b): GEOFENCE_SELF_INTERSECTION: geometry: ";
    assert!(out.starts_with(start), "{out}");
    assert!(out.ends_with("\n2 items of `geofences`: 1 valid, 1 not\n"), "{out}");
    assert_eq!(out.lines().count(), 2);
    assert_eq!(
        said,
        "note: not checked, since a database has it: memberships\n\
         note: `geofences` has no field colour\n"
    );
    let id = "5f0c8a52-1111-4222-8333-944455556666";
    let entry = json!({"event": id, "device": id, "organization": id, "number": "7"}).to_string();
    let (code, out, said) = check(&["entries", "-", "--format", "json"], entry.as_bytes());
    assert_eq!((code, out.as_str()), (0, "1 item of `entries`: all valid\n"), "{said}");
    let unchecked =
        "not checked, since a database has it: memberships, device, event, numbers, own event";
    assert!(said.contains(unchecked), "{said}");
}

#[test]
fn required_fields_are_missed_where_that_is_asked_for() {
    let item = format!(r#"{{"geometry": {SQUARE}, "organization": null}}"#);
    let arguments = ["geofences", "-", "--format", "json", "--complete", "--json"];
    let (code, out, _) = check(&arguments, item.as_bytes());
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 1);
    let missing = |field| {
        let message = format!("{field}: is required");
        json!({"code": "FAILED_VALIDATION", "field": field, "message": message})
    };
    assert_eq!(report["items"][0]["errors"], json!([missing("name"), missing("organization")]));
}

#[test]
fn the_golden_cases_of_geofences_have_the_same_verdicts() {
    let golden = include_str!("../../../tests/golden/geofences.json");
    let golden: Value = serde_json::from_str(golden).expect("golden cases");
    let cases = golden["cases"].as_array().expect("cases").iter();
    // A missing kind is the column's default, which the rule by itself does not know.
    let created =
        |case: &&Value| case["event"] == "items.create" && case["payload"].get("kind").is_some();
    let cases: Vec<&Value> = cases.filter(created).collect();
    assert!(cases.len() > 50, "{}", cases.len());
    let items = Value::Array(cases.iter().map(|case| case["payload"].clone()).collect());
    let (_, found) = verdicts("geofences", "json", &items.to_string());
    assert_eq!(found.len(), cases.len());
    for (case, verdict) in cases.iter().zip(&found) {
        let code = codes(verdict).first().copied().unwrap_or("ok");
        assert_eq!(case["expect"], code, "{}: {verdict}", case["name"]);
        if let Some(message) = case.get("message") {
            assert_eq!(&verdict["errors"][0]["message"], message, "{}", case["name"]);
        }
    }
}
