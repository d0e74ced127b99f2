//! The demo race against an independent scorer's crossings.

#![cfg(not(target_arch = "wasm32"))]

#[path = "support/race.rs"]
mod race;

use std::collections::HashMap;
use std::sync::LazyLock;

use biplane_core::agreement::{Agreement, Counts, Found, compare};
use biplane_core::geodesy::{Point, distance_m};
use biplane_core::geofence::{Fence, FenceIndex, Shape};
use biplane_core::plausibility::Plausibility;
use biplane_core::timing::{Device, Setup, Tracker, Verdict};
use serde_json::Value;
use uuid::Uuid;

fn fences() -> FenceIndex {
    let fences = race::zones().into_iter().map(|zone| Fence {
        id: Uuid::from_u128(zone.number.into()).into(),
        shape: Shape::circle(zone.centre, zone.radius_m).expect("a circle"),
    });
    FenceIndex::new(fences.collect())
}

/// Computed once for all tests.
static AGREEMENT: LazyLock<Agreement> = LazyLock::new(agreement);

fn agreement() -> Agreement {
    let tracks = race::tracks();
    let device = Device { id: Uuid::nil().into(), organization: Uuid::nil().into() };
    let setup =
        Setup { fences: HashMap::from([(device.organization, fences())]), ..Setup::default() };
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
    compare(&race::expected(&tracks), &found, race::INTERVAL_MS)
}

/// The demo tells no speeds: each fix has that of the way to it here, jitter included.
#[test]
fn nothing_in_the_demo_race_accelerates_like_something_that_can_not_be() {
    let device = Device { id: Uuid::nil().into(), organization: Uuid::nil().into() };
    let limits = Plausibility { max_acceleration_ms2: 10.0, ..Plausibility::default() };
    let mut judged = 0;
    for (name, mut fixes) in race::tracks() {
        let moments: Vec<_> =
            fixes.iter().map(|fix| (fix.time, Point { lat: fix.lat, lon: fix.lon })).collect();
        for (fix, way) in fixes[1..].iter_mut().zip(moments.windows(2)) {
            let hours = (way[1].0 - way[0].0) as f64 / 3_600_000.0;
            fix.speed_kmh = Some((distance_m(way[0].1, way[1].1) / 1000.0 / hours) as f32);
        }
        let (mut tracker, mut crossings) = (Tracker::default(), vec![]);
        for fix in &fixes {
            let verdict =
                tracker.observe(fix, fix.time, device, &Setup::default(), &limits, &mut crossings);
            assert_eq!(verdict, Verdict::Moved, "{name} at {}", fix.time);
            judged += 1;
        }
    }
    assert!(judged > 50_000, "{judged}");
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
                    < race::INTERVAL_MS
        });
        assert!(back, "{one:?}");
    }
}

/// Of zones 7 and 8 the scorer lists only what counts for the task; counted over the whole
/// track there are as many more as we find.
#[test]
fn what_is_extra_in_the_demo_race_is_in_zones_that_the_scorer_lists_in_part() {
    let course: Value = serde_json::from_str(&race::read("course.json")).expect("JSON");
    let agreement = &*AGREEMENT;
    for zone in course["tasks"][0]["zones"].as_array().expect("zones") {
        let count = |key: &str| zone[key].as_u64().expect("a count") as usize;
        let unlisted = count("recomputed_crossings") - count("oracle_crossings");
        let number = zone["zone"].as_u64().expect("a number") as u32;
        assert_eq!(agreement.zones[&number].extra, unlisted, "zone {number}");
    }
}
