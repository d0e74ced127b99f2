//! The demo race against an independent scorer's crossings.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use biplane_core::agreement::{Agreement, Counts, Expected, Found, compare};
use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, FenceIndex, Shape};
use biplane_core::live::Direction;
use biplane_core::plausibility::Plausibility;
use biplane_core::timing::{Device, Setup, Tracker};
use biplane_core::{Fix, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// The demo's tracks have one fix per 5 s; the scorer saw one a second.
const INTERVAL_MS: i64 = 5_000;

fn read(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/meduno-2020-task3");
    let path = folder.join(name);
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("text");
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).expect("text");
    }
    text
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn tracks() -> BTreeMap<String, Vec<Fix>> {
    let mut tracks: BTreeMap<String, Vec<Fix>> = BTreeMap::new();
    let text = read("positions.csv.gz");
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.expect("a row");
        let number = |n: usize| row[n].parse::<f64>().expect("a number");
        tracks.entry(row[0].to_owned()).or_default().push(Fix {
            time: time(&row[1]),
            lat: number(2),
            lon: number(3),
            altitude_m: None,
            speed_kmh: None,
            course_deg: None,
            satellites: None,
            hdop: None,
            io: vec![],
        });
    }
    tracks
}

fn zones() -> FenceIndex {
    let course: Value = serde_json::from_str(&read("course.json")).expect("JSON");
    let zones = course["tasks"][0]["zones"].as_array().expect("zones");
    let number = |zone: &Value, key: &str| zone[key].as_f64().expect("a number");
    let fences = zones.iter().map(|zone| Fence {
        id: Uuid::from_u128(number(zone, "zone") as u128).into(),
        shape: Shape::circle(
            Point { lat: number(zone, "lat"), lon: number(zone, "lon") },
            number(zone, "radius_oracle_m"),
        )
        .expect("a circle"),
    });
    FenceIndex::new(fences.collect())
}

/// Computed once for all tests.
static AGREEMENT: LazyLock<Agreement> = LazyLock::new(agreement);

fn agreement() -> Agreement {
    let tracks = tracks();
    let device = Device { id: Uuid::nil().into(), organization: Uuid::nil().into() };
    let setup =
        Setup { fences: HashMap::from([(device.organization, zones())]), ..Setup::default() };
    let mut found = vec![];
    for (name, fixes) in &tracks {
        let (mut tracker, mut crossings) = (Tracker::default(), vec![]);
        for fix in fixes {
            let limits = Plausibility::default();
            tracker.observe(fix, fix.time, device, &setup, &limits, &mut crossings);
        }
        found.extend(crossings.iter().map(|crossing| Found {
            device: name.clone(),
            zone: crossing.geofence.0.as_u128() as u32,
            direction: crossing.direction,
            at: crossing.crossed_at,
        }));
    }
    let text = read("crossings-oracle.csv");
    let expected: Vec<Expected> = csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(|row| row.expect("a row"))
        .map(|row| Expected {
            device: row[1].to_owned(),
            zone: row[2].parse().expect("a zone"),
            direction: if &row[3] == "enter" { Direction::Enter } else { Direction::Exit },
            after: time(&row[4]),
            before: time(&row[5]),
        })
        // The scorer saw what came before the demo's first fix.
        .filter(|expected| tracks[&expected.device][0].time <= expected.after)
        .collect();
    compare(&expected, &found, INTERVAL_MS)
}

/// Measured, and the same every time: 595 of the scorer's 605 crossings, 12 that it does not list.
#[test]
fn the_scorers_crossings_are_found_in_the_demo_race() {
    let agreement = &*AGREEMENT;
    let counts = |zone: u32| {
        let Counts { matched, missed, extra } = agreement.zones[&zone];
        (matched, missed, extra)
    };
    let zones: Vec<_> = (1..=8).map(counts).collect();
    assert_eq!(
        zones,
        [
            (224, 8, 0),
            (70, 2, 0),
            (50, 0, 0),
            (122, 0, 0),
            (40, 0, 0),
            (36, 0, 0),
            (27, 0, 2),
            (26, 0, 10),
        ],
        "missed {:#?}, extra {:#?}",
        agreement.missed,
        agreement.extra
    );
}

/// In and out again, or out and in, between two fixes of the demo: they are not in its data.
#[test]
fn what_is_missed_in_the_demo_race_happened_between_two_of_its_fixes() {
    let missed = &AGREEMENT.missed;
    for one in missed {
        let back = missed.iter().any(|other| {
            (&other.device, other.zone) == (&one.device, one.zone)
                && other.direction != one.direction
                && (other.before - one.after).abs().max((one.before - other.after).abs())
                    < INTERVAL_MS
        });
        assert!(back, "{one:?}");
    }
}

/// Of zones 7 and 8 the scorer lists only what counts for the task; counted over the whole
/// track there are as many more as we find.
#[test]
fn what_is_extra_in_the_demo_race_is_in_zones_that_the_scorer_lists_in_part() {
    let course: Value = serde_json::from_str(&read("course.json")).expect("JSON");
    let agreement = &*AGREEMENT;
    for zone in course["tasks"][0]["zones"].as_array().expect("zones") {
        let count = |key: &str| zone[key].as_u64().expect("a count") as usize;
        let unlisted = count("recomputed_crossings") - count("oracle_crossings");
        let number = zone["zone"].as_u64().expect("a number") as u32;
        assert_eq!(agreement.zones[&number].extra, unlisted, "zone {number}");
    }
}
