//! Published GT06, H02 and OsmAnd bytes with known values (`tests/golden/`).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/hex.rs"]
mod hex;

use biplane_core::{Fix, Imei, Timestamp};
use biplane_protocols::gt06::Gt06Session;
use biplane_protocols::h02::H02Session;
use biplane_protocols::{Event, Session, osmand};
use hex::bytes;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    hex: Option<String>,
    text: Option<String>,
    login: Option<String>,
    records: Option<Vec<Record>>,
    response: Option<String>,
    error: Option<String>,
    /// What the server says to it: hexadecimal digits, or text where the protocol is text.
    answer: Option<String>,
    /// What `answer` tells the device to do.
    command: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    name: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    body: String,
    imei: Option<String>,
    records: Option<Vec<Record>>,
    error: Option<String>,
}

/// Places as exactly as they were published, which is to a metre.
#[derive(Deserialize, Debug)]
struct Record {
    time: String,
    lat: f64,
    lon: f64,
    altitude_m: Option<f32>,
    speed_kmh: Option<f32>,
    course_deg: Option<f32>,
    satellites: Option<u8>,
}

fn same(fixes: &[Fix], records: &[Record], name: &str) {
    assert_eq!(fixes.len(), records.len(), "{name}");
    let close = |a: Option<f32>, b: Option<f32>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-3,
        (a, b) => a == b,
    };
    for (fix, record) in fixes.iter().zip(records) {
        assert_eq!(fix.time.to_string(), record.time, "{name}");
        assert!((fix.lat - record.lat).abs() < 1e-5, "{name}: {fix:?}");
        assert!((fix.lon - record.lon).abs() < 1e-5, "{name}: {fix:?}");
        assert!(close(fix.altitude_m, record.altitude_m), "{name}: {fix:?}");
        assert!(close(fix.speed_kmh, record.speed_kmh), "{name}: {fix:?}");
        assert!(close(fix.course_deg, record.course_deg), "{name}: {fix:?}");
        assert_eq!(fix.satellites, record.satellites, "{name}");
    }
}

fn run(json: &str, session: fn() -> Box<dyn Session>, least: usize, logs_in: bool) {
    let cases: Vec<Case> = serde_json::from_str(json).unwrap();
    assert!(cases.len() >= least);
    for Case { name, hex, text, login, records, response, error, answer, command } in cases {
        let mut session = session();
        let answer = answer.map(|answer| match &text {
            Some(_) => answer.into_bytes(),
            None => bytes(&answer),
        });
        if logs_in {
            session.decide(true);
        }
        if let Some(command) = command {
            assert_eq!(session.command(&command), answer, "{name}");
            continue;
        }
        let sent = text.map_or_else(|| bytes(&hex.unwrap()), String::into_bytes);
        assert_eq!(session.receive(&sent), sent.len(), "{name}");
        let mut answered = Vec::new();
        let (mut seen, mut stored) = (None, None);
        while let Some(event) = session.next_event() {
            match event {
                Event::Login { imei } => {
                    seen = Some(imei.to_string());
                    answered.extend(session.decide(true));
                }
                Event::Records { fixes } => {
                    answered.extend(session.acknowledge(fixes.len()));
                    same(&fixes, records.as_deref().unwrap(), &name);
                    stored = Some(fixes.len());
                }
                Event::Response { text, refused: false } => {
                    assert_eq!(Some(text), response, "{name}");
                    stored = Some(0);
                }
                Event::Malformed { error: found, .. } => {
                    assert_eq!(Some(found.code.as_str()), error.as_deref(), "{name}: {found}");
                    stored = Some(0);
                }
                event => panic!("{name}: {event:?}"),
            }
        }
        assert_eq!(seen, login, "{name}");
        assert_eq!(stored.is_some(), records.is_some() || response.is_some() || error.is_some());
        if let Some(answer) = answer {
            assert_eq!(answered, answer, "{name}");
        }
    }
}

#[test]
fn published_gt06_frames_decode_to_their_known_values_and_are_answered_as_published() {
    let json = include_str!("../../../tests/golden/gt06.json");
    run(json, || Box::new(Gt06Session::new()), 12, true);
}

#[test]
fn published_h02_messages_decode_to_their_known_values() {
    let json = include_str!("../../../tests/golden/h02.json");
    run(json, || Box::new(H02Session::new()), 8, false);
}

#[test]
fn published_osmand_requests_are_reports_with_their_known_values() {
    let requests: Vec<Request> =
        serde_json::from_str(include_str!("../../../tests/golden/osmand.json")).unwrap();
    assert!(requests.len() >= 9);
    let now: Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
    for Request { name, query, body, imei, records, error } in requests {
        match osmand::report(&query, &body, now) {
            Ok(report) => {
                assert_eq!(Some(report.imei), imei.map(|imei| Imei::from_digits(&imei).unwrap()));
                same(&report.fixes, &records.unwrap(), &name);
            }
            Err(found) => {
                assert_eq!(Some(found.code.as_str()), error.as_deref(), "{name}: {found}");
            }
        }
    }
}
