//! Published Teltonika bytes with known values (`tests/golden/teltonika.json`).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/hex.rs"]
mod hex;

use std::collections::BTreeMap;

use biplane_core::{Fix, IoValue};
use biplane_protocols::teltonika::TeltonikaSession;
use biplane_protocols::{Event, Session};
use hex::bytes;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    hex: String,
    login: Option<String>,
    records: Option<Vec<Record>>,
    response: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Record {
    time: String,
    lat: f64,
    lon: f64,
    altitude_m: f32,
    course_deg: f32,
    satellites: u8,
    speed_kmh: f32,
    hdop: Option<f32>,
    io: BTreeMap<String, serde_json::Value>,
}

fn record(fix: &Fix) -> Record {
    let io = fix.io.iter().map(|(id, value)| {
        let value = match value {
            IoValue::Unsigned(number) => (*number).into(),
            IoValue::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("0x{hex}").into()
            }
        };
        (id.to_string(), value)
    });
    Record {
        time: fix.time.to_string(),
        lat: fix.lat,
        lon: fix.lon,
        altitude_m: fix.altitude_m.unwrap(),
        course_deg: fix.course_deg.unwrap(),
        satellites: fix.satellites.unwrap(),
        speed_kmh: fix.speed_kmh.unwrap(),
        hdop: fix.hdop,
        io: io.collect(),
    }
}

fn events(session: &mut TeltonikaSession, hex: &str) -> Vec<Event> {
    let bytes = bytes(hex);
    assert_eq!(session.receive(&bytes), bytes.len());
    std::iter::from_fn(|| session.next_event()).collect()
}

#[test]
fn published_bytes_decode_to_their_known_values() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/golden/teltonika.json")).unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let mut session = TeltonikaSession::new();
        if let Some(login) = &case.login {
            let events = events(&mut session, &case.hex);
            assert_eq!(
                events,
                [Event::Login {
                    imei: login
                        .parse()
                        .unwrap_or_else(|_| { biplane_core::Imei::from_digits(login).unwrap() })
                }]
            );
            continue;
        }
        session.decide(true);
        let events = events(&mut session, &case.hex);
        assert_eq!(events.len(), 1, "{}: {events:?}", case.name);
        match (&events[0], &case.records, &case.error) {
            (Event::Records { fixes }, Some(records), None) => {
                let decoded: Vec<_> = fixes.iter().map(record).collect();
                assert_eq!(&decoded, records, "{}", case.name);
                let acknowledgement = session.acknowledge(fixes.len());
                assert_eq!(acknowledgement, (records.len() as u32).to_be_bytes());
            }
            (Event::Malformed { error, .. }, None, Some(code)) => {
                assert_eq!(error.code.as_str(), code, "{}", case.name);
            }
            (Event::Response { text, refused: false }, None, None) => {
                assert_eq!(Some(text), case.response.as_ref(), "{}", case.name);
            }
            (event, ..) => panic!("{}: {event:?}", case.name),
        }
    }
}
