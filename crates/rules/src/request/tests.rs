use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const fn parameter(name: &'static str, place: Place, kind: ParameterKind) -> Parameter {
    Parameter::new(name, place, kind, "")
}

const ALL: &[Parameter] = &[
    Parameter { required: true, ..parameter("device", Place::Path, ParameterKind::Uuid) },
    parameter("from", Place::Query, ParameterKind::Time),
    Parameter {
        default: Some("100"),
        ..parameter("limit", Place::Query, ParameterKind::Integer { min: 1, max: 1000 })
    },
    parameter("faulty", Place::Query, ParameterKind::Boolean),
    parameter("format", Place::Query, ParameterKind::Choice { of: &["json", "csv"] }),
    parameter(
        "tolerance_m",
        Place::Query,
        ParameterKind::Number { min: 0.0, max: 1000.0, unit: "m" },
    ),
    parameter("devices", Place::Body, ParameterKind::Uuids { max: 2 }),
    parameter("reason", Place::Body, ParameterKind::Text { max_length: 10 }),
];

const DEVICE: &str = "0ddddddd-0000-4000-8000-000000000002";

fn call(kind: Kind, payload: Value) -> Call {
    Call {
        kind,
        name: String::new(),
        event: None,
        payload,
        flat: None,
        ctx: crate::Context::default(),
    }
}

fn read(query: Value, body: Value) -> Result<Arguments, Vec<String>> {
    let payload = json!({ "path": { "device": DEVICE }, "query": query, "body": body });
    let told = |rejection: Rejection| format!("{} {}", rejection.code, rejection.message);
    Arguments::read(&call(Kind::Endpoint, payload), ALL)
        .map_err(|rejections| rejections.into_iter().map(told).collect())
}

#[test]
fn everything_is_read_as_what_it_is_declared_to_be() {
    let arguments = read(
        json!({ "from": "2026-05-01T09:00:00Z", "faulty": "true", "format": "csv", "tolerance_m": "2.5" }),
        json!({ "devices": [DEVICE, DEVICE.to_uppercase()], "reason": " drift " }),
    )
    .expect("all well");
    assert_eq!(arguments.text("device"), Some(DEVICE));
    assert_eq!(
        arguments.time("from").map(|time| time.to_string()).as_deref(),
        Some("2026-05-01T09:00:00.000Z")
    );
    assert_eq!(arguments.integer("limit"), Some(100), "the default");
    assert!(arguments.is("faulty"));
    assert_eq!(arguments.text("format"), Some("csv"));
    assert_eq!(arguments.number("tolerance_m"), Some(2.5));
    assert_eq!(arguments.list("devices"), Some(&[DEVICE.to_owned(), DEVICE.to_owned()][..]));
    assert_eq!(arguments.text("reason"), Some("drift"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let faults = read(
        json!({ "from": "today", "limit": "0", "faulty": "yes", "format": "xml", "depth": "1" }),
        json!({ "devices": [DEVICE, DEVICE, DEVICE], "reason": "longer than that" }),
    )
    .expect_err("all wrong");
    assert_eq!(
        faults,
        [
            "PARAMETER_UNKNOWN depth: there is no such parameter; there is: from, limit, faulty, format, tolerance_m, devices, reason",
            "PARAMETER_INVALID from: `today` is not a time like 2026-05-01T09:30:00Z (RFC 3339)",
            "PARAMETER_INVALID limit: `0` is not a whole number from 1 to 1000",
            "PARAMETER_INVALID faulty: `yes` is not true or false",
            "PARAMETER_INVALID format: `xml` is not one of json, csv",
            "PARAMETER_INVALID devices: an array of 3 is not a list of 1 to 2 UUIDs",
            "PARAMETER_INVALID reason: `longer than that` is not a text of 1 to 10 characters",
        ]
    );
}

#[test]
fn what_is_given_twice_or_is_no_number_is_refused() {
    for query in [
        json!({ "limit": ["1", "2"] }),
        json!({ "tolerance_m": "NaN" }),
        json!({ "tolerance_m": "inf" }),
        json!({ "limit": "1.5" }),
    ] {
        let faults = read(query.clone(), Value::Null).expect_err("refused");
        assert!(
            faults.len() == 1 && faults[0].starts_with("PARAMETER_INVALID"),
            "{query} {faults:?}"
        );
    }
}

#[test]
fn a_body_that_is_no_object_is_refused_and_none_is_none() {
    assert!(read(json!({}), Value::Null).is_ok());
    let faults = read(json!({}), json!([1])).expect_err("refused");
    assert_eq!(faults, ["PARAMETER_INVALID body: must be a JSON object"]);
}

#[test]
fn a_token_in_the_query_is_for_directus() {
    assert!(read(json!({ "access_token": "t" }), Value::Null).is_ok());
}

#[test]
fn what_is_required_is_asked_for() {
    let payload = json!({ "path": {}, "query": {}, "body": null });
    let faults = Arguments::read(&call(Kind::Endpoint, payload), ALL).expect_err("missing");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, ErrorCode::ParameterMissing);
    assert_eq!(faults[0].message, "device: is required: a UUID");
}

#[test]
fn options_of_an_operation_may_be_themselves_or_text() {
    const OPTIONS: &[Parameter] = &[
        parameter("limit", Place::Option, ParameterKind::Integer { min: 1, max: 9 }),
        parameter("faulty", Place::Option, ParameterKind::Boolean),
        parameter("item", Place::Option, ParameterKind::Json),
    ];
    for payload in [
        json!({ "limit": 3, "faulty": true, "item": { "a": 1 } }),
        json!({ "limit": "3", "faulty": "true", "item": { "a": 1 } }),
    ] {
        let arguments = Arguments::read(&call(Kind::Operation, payload), OPTIONS).expect("well");
        assert_eq!(arguments.integer("limit"), Some(3));
        assert!(arguments.is("faulty"));
        assert_eq!(arguments.json("item"), Some(&json!({ "a": 1 })));
    }
}

proptest! {
    #[test]
    fn no_text_is_taken_for_a_uuid_that_postgresql_would_not_take(text in ".{0,40}") {
        let hex = text.len() == 36 && text.char_indices().all(|(place, c)| match place {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
        prop_assert_eq!(is_uuid(&text), hex);
    }

    #[test]
    fn whatever_a_query_holds_is_read_or_refused(name in "[a-z_]{0,12}", value in ".{0,80}") {
        let _ = read(json!({ name.clone(): value.clone() }), json!({ name: value }));
    }
}
