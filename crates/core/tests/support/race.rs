//! The demo race as tests read it: tracks, zones, and what the independent scorer found.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use biplane_core::agreement::Expected;
use biplane_core::geodesy::Point;
use biplane_core::live::Direction;
use biplane_core::{Fix, Timestamp};
use serde_json::Value;

/// The demo's tracks have one fix per 5 s; the scorer saw one a second.
pub const INTERVAL_MS: i64 = 5_000;

pub struct Zone {
    pub number: u32,
    pub centre: Point,
    /// As the scorer used it.
    pub radius_m: f64,
}

/// A file of the demo as text.
pub fn read(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/meduno-2020-task3");
    let path = folder.join(name);
    let mut text = String::new();
    let mut file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("text");
    } else {
        file.read_to_string(&mut text).expect("text");
    }
    text
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Each competitor's fixes, in order.
pub fn tracks() -> BTreeMap<String, Vec<Fix>> {
    let mut tracks: BTreeMap<String, Vec<Fix>> = BTreeMap::new();
    let text = read("positions.csv.gz");
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.expect("a row");
        let number = |n: usize| row[n].parse::<f64>().expect("a number");
        tracks.entry(row[0].to_owned()).or_default().push(Fix {
            time: time(&row[1]),
            lat: number(2),
            lon: number(3),
            altitude_m: row[6].parse().ok(),
            speed_kmh: None,
            course_deg: None,
            satellites: None,
            hdop: None,
            io: vec![],
        });
    }
    tracks
}

/// The course.
pub fn zones() -> Vec<Zone> {
    let course: Value = serde_json::from_str(&read("course.json")).expect("JSON");
    let zones = course["tasks"][0]["zones"].as_array().expect("zones");
    let number = |zone: &Value, key: &str| zone[key].as_f64().expect("a number");
    zones
        .iter()
        .map(|zone| Zone {
            number: number(zone, "zone") as u32,
            centre: Point { lat: number(zone, "lat"), lon: number(zone, "lon") },
            radius_m: number(zone, "radius_oracle_m"),
        })
        .collect()
}

/// The scorer's crossings, but for those before a track's first fix.
pub fn expected(tracks: &BTreeMap<String, Vec<Fix>>) -> Vec<Expected> {
    let text = read("crossings-oracle.csv");
    csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(|row| row.expect("a row"))
        .map(|row| Expected {
            device: row[1].to_owned(),
            zone: row[2].parse().expect("a zone"),
            direction: if &row[3] == "enter" { Direction::Enter } else { Direction::Exit },
            after: time(&row[4]),
            before: time(&row[5]),
        })
        .filter(|expected| tracks[&expected.device][0].time <= expected.after)
        .collect()
}
