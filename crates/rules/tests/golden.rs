//! The golden cases, read natively and on wasm32; the extension's tests read the same files.

use biplane_rules::{Call, Context, Event, Kind, Outcome, call};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default = "filter")]
    kind: Kind,
    rule: String,
    #[serde(default)]
    collection: String,
    event: Option<Event>,
    payload: Value,
    #[serde(default)]
    now_ms: f64,
    #[serde(default)]
    keys: Vec<Value>,
    #[serde(default)]
    results: std::collections::BTreeMap<String, Value>,
    user: Option<String>,
    #[serde(default)]
    admin: bool,
    expect: String,
    message: Option<String>,
    /// Every answer that it asks for.
    needs: Option<Vec<String>>,
    patch: Option<Value>,
    result: Option<Value>,
    answer: Option<Value>,
    effects: Option<Value>,
}

fn filter() -> Kind {
    Kind::Filter
}

fn verdict(outcome: &Outcome) -> &str {
    match outcome.reject.first() {
        Some(rejection) => rejection.code.as_str(),
        None if !outcome.need.is_empty() => "need",
        None => "ok",
    }
}

/// As in JavaScript, 1 and 1.0 are one number.
fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| same(value, it)))
        }
        _ => found == expected,
    }
}

fn check(text: &str) {
    let golden: Golden = serde_json::from_str(text).expect("golden cases");
    assert!(!golden.cases.is_empty());
    for case in golden.cases {
        let ctx = Context {
            collection: case.collection,
            keys: case.keys,
            results: case.results,
            user: case.user,
            admin: case.admin,
            now_ms: case.now_ms,
            ..Context::default()
        };
        let outcome = call(&Call {
            kind: case.kind,
            name: case.rule,
            event: case.event,
            payload: case.payload,
            flat: None,
            ctx,
        });
        assert_eq!(verdict(&outcome), case.expect, "{}: {outcome:?}", case.name);
        if let Some(message) = case.message {
            let rejection = outcome.reject.first().expect("a case with a sentence is a rejection");
            assert_eq!(rejection.message, message, "{}", case.name);
        }
        let mut outcome = serde_json::to_value(&outcome).expect("an outcome is JSON");
        if outcome["answer"]["type"] == "json" {
            let text = outcome["answer"]["text"].take();
            let body: Value = serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
            outcome["answer"] = serde_json::json!({ "type": "json", "body": body });
        }
        let asked = || outcome["need"].as_array().into_iter().flatten().map(|it| it["as"].clone());
        if let Some(needs) = case.needs {
            assert_eq!(asked().collect::<Vec<_>>(), needs, "{}", case.name);
        }
        for (part, expected) in [
            ("patch", case.patch),
            ("result", case.result),
            ("answer", case.answer),
            ("effects", case.effects),
        ] {
            if let Some(expected) = expected {
                let found = &outcome[part];
                assert!(same(found, &expected), "{}: {part}: {found}", case.name);
            }
        }
    }
}

#[test]
fn geofences_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/geofences.json"));
}

#[test]
fn devices_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/devices.json"));
}

#[test]
fn profiles_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/profiles.json"));
}

#[test]
fn tenancy_is_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/tenancy.json"));
}

#[test]
fn events_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/events.json"));
}

#[test]
fn reviews_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/reviews.json"));
}

#[test]
fn positions_are_answered_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/positions.json"));
}

#[test]
fn endpoints_and_operations_answer_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/answers.json"));
}

#[test]
fn commands_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/commands.json"));
}

#[test]
fn entries_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/entries.json"));
}

#[test]
fn courses_are_judged_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/courses.json"));
}

#[test]
fn a_fleet_is_told_of_as_the_golden_cases_say() {
    check(include_str!("../../../tests/golden/fleet.json"));
}
