//! What is timed anew is what would have been timed live.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, FenceIndex, Moment, Shape};
use biplane_core::live::Direction;
use biplane_core::plausibility::{Believed, Fault, Plausibility};
use biplane_core::recompute::{Changes, Mark, Recompute, StoredCrossing, StoredFix, changes};
use biplane_core::timing::{Crossing, Device, Flag, FlagVerdict, Setup, Tracker, Verdict};
use biplane_core::{Fix, GeofenceId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const DEVICE: Device = Device {
    id: biplane_core::DeviceId(Uuid::from_u128(1)),
    organization: biplane_core::OrganizationId(Uuid::from_u128(2)),
};
const FENCE: GeofenceId = GeofenceId(Uuid::from_u128(3));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_600_000_000_000 + seconds * 1000)
}

/// A circle of 500 m around 46, 12.
fn setup(flags: Vec<Flag>) -> Setup {
    let centre = serde_json::json!({ "type": "Point", "coordinates": [12.0, 46.0] });
    let shape = Shape::from_geojson("circle", &centre, Some(500.0)).unwrap();
    Setup {
        fences: [(DEVICE.organization, FenceIndex::new(vec![Fence { id: FENCE, shape }]))].into(),
        flags: [(DEVICE.id, flags)].into(),
        ..Setup::default()
    }
}

fn fix(seconds: i64, lat: f64, satellites: u8) -> Fix {
    Fix {
        time: at(seconds),
        lat,
        lon: 12.0,
        altitude_m: None,
        speed_kmh: None,
        course_deg: None,
        satellites: Some(satellites),
        hdop: None,
        io: vec![],
    }
}

/// All kinds of faults that depend on the fix before.
fn limits() -> Plausibility {
    Plausibility { max_acceleration_ms2: 4.0, parked_jitter_m: 30.0, ..Plausibility::default() }
}

/// Crossings as their rows hold them.
fn held(mut crossings: Vec<Crossing>) -> Vec<Crossing> {
    for row in &mut crossings {
        let [lat, lon] = row.place().map(f64::from);
        row.at = Point { lat, lon };
    }
    crossings
}

/// What the table and the crossings hold after fixes came in this order.
fn live(fixes: &[Fix], setup: &Setup) -> (Vec<StoredFix>, Vec<Crossing>) {
    let limits = limits();
    let (mut tracker, mut crossings) = (Tracker::default(), vec![]);
    let mut rows: Vec<StoredFix> = fixes
        .iter()
        .enumerate()
        .map(|(n, fix)| {
            let received_at = at(1_000_000) + n as i64;
            let verdict = tracker.observe(fix, received_at, DEVICE, setup, &limits, &mut crossings);
            let fault = match verdict {
                Verdict::Faulty(fault) => Some(fault.as_str().to_owned()),
                Verdict::Moved | Verdict::Late => None,
                Verdict::Quarantined(_) => panic!("{fix:?}"),
            };
            StoredFix {
                time: fix.time,
                digest: fix.digest(),
                organization: DEVICE.organization,
                received_at,
                lat: fix.lat,
                lon: fix.lon,
                speed_kmh: fix.speed_kmh,
                satellites: fix.satellites,
                hdop: None,
                fault,
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.time, row.received_at));
    (rows, held(crossings))
}

/// As the processor does it: from the last believed fix before the range, until it settles.
fn recompute(
    rows: &mut [StoredFix],
    crossings: &mut Vec<Crossing>,
    (from, until): (Timestamp, Timestamp),
    setup: &Setup,
) -> (Vec<Mark>, Changes) {
    let limits = limits();
    let moment =
        |row: &StoredFix| Moment { time: row.time, at: Point { lat: row.lat, lon: row.lon } };
    let start = rows.iter().rposition(|row| row.time < from && row.fault.is_none());
    let since = start.map(|start| rows[start].time);
    let marked = |as_what: &'static str| {
        rows.iter()
            .filter(move |row| since.is_some_and(|since| since < row.time) && row.time < from)
            .filter(move |row| row.fault.as_deref() == Some(as_what))
    };
    let refused: Vec<_> = marked("impossible_speed").map(moment).collect();
    let stood_until = marked("jitter").map(|row| row.time).max();
    let believed =
        |row: &StoredFix| Believed { stood_until, ..Believed::new(moment(row), row.speed_kmh) };
    let last = start.map(|start| (DEVICE.organization, believed(&rows[start])));
    let mut run = Recompute::new(DEVICE.id, last, refused, until, &limits);
    let (mut since, mut end) = (since, None);
    for row in rows.iter().filter(|row| row.time >= from) {
        run.take(row, setup, &limits);
        since = since.or(Some(row.time));
        end = Some(row.time);
        if run.is_settled() {
            break;
        }
    }
    let marks = run.marks();
    for mark in &marks {
        let row = rows.iter_mut().find(|row| (row.time, row.digest) == (mark.time, mark.digest));
        row.unwrap().fault = mark.fault.map(|fault| fault.as_str().to_owned());
    }
    let within = |row: &Crossing| {
        since.is_none_or(|since| since < row.fix_after_at)
            && end.is_some_and(|end| row.fix_after_at <= end)
    };
    let stored: Vec<_> =
        crossings.iter().filter(|row| within(row)).map(|row| stored(row, false)).collect();
    let changes = changes(&stored, held(run.into_crossings()));
    crossings.retain(|row| !changes.delete.contains(&row.id));
    // The id is the key, as in the table.
    for row in changes.insert.iter().chain(&changes.update) {
        crossings.retain(|old| old.id != row.id);
        crossings.push(row.clone());
    }
    crossings.sort_by_key(|row| (row.crossed_at, row.fix_after_at));
    (marks, changes)
}

fn stored(row: &Crossing, edited: bool) -> StoredCrossing {
    StoredCrossing {
        id: row.id,
        organization: row.organization,
        crossed_at: row.crossed_at,
        geofence: row.geofence,
        course: row.course,
        direction: row.direction,
        fix_before_at: row.fix_before_at,
        fix_after_at: row.fix_after_at,
        status: row.status.as_str().to_owned(),
        place: row.place(),
        edited,
    }
}

const ALL: (Timestamp, Timestamp) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));

/// In and out of the circle, standing now and then, with fixes that can't be true between.
fn walk() -> impl Strategy<Value = Vec<Fix>> {
    proptest::collection::vec((1..20i64, -60..60i32, 0..12u8, 0..5usize), 1..60).prop_map(|steps| {
        let (mut time, mut stands) = (0, 46.0);
        let mut fixes = vec![];
        for (pause, place, kind, speed) in steps {
            time += pause;
            let lat = match kind {
                0 => 50.0 + f64::from(place) / 1e4,
                2..=5 => stands + f64::from(place) / 3e5,
                _ => 46.0 + f64::from(place) / 1e4,
            };
            if kind > 5 {
                stands = lat;
            }
            let speed_kmh = [None, Some(0.0), Some(0.0), Some(40.0), Some(90.0)][speed];
            fixes.push(Fix { speed_kmh, ..fix(time, lat, if kind == 1 { 0 } else { 9 }) });
        }
        fixes
    })
}

proptest! {
    #[test]
    fn what_came_in_order_is_recomputed_to_what_it_was(
        fixes in walk(), from in 0..400i64, long in 0..400i64,
    ) {
        let setup = setup(vec![]);
        let (mut rows, mut crossings) = live(&fixes, &setup);
        for range in [ALL, (at(from), at(from + long))] {
            let (marks, changes) = recompute(&mut rows, &mut crossings, range, &setup);
            prop_assert_eq!(marks, vec![]);
            prop_assert_eq!(changes, Changes::default());
        }
    }

    #[test]
    fn ranges_of_what_came_late_give_what_all_of_it_gives(fixes in walk(), seed in any::<u64>()) {
        let setup = setup(vec![]);
        let mut arrival = fixes.clone();
        // Some come later than they should.
        let mut state = seed | 1;
        for n in 1..arrival.len() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if state >> 62 == 0 {
                arrival.swap(n - 1, n);
            }
        }
        let (mut rows, mut crossings) = live(&arrival, &setup);
        let mut latest = arrival[0].time;
        for fix in &arrival {
            if fix.time < latest {
                recompute(&mut rows, &mut crossings, (fix.time, fix.time), &setup);
            }
            latest = latest.max(fix.time);
        }
        let (mut expected, mut all) = live(&fixes, &setup);
        all.sort_by_key(|row| (row.crossed_at, row.fix_after_at));
        for (row, wanted) in rows.iter().zip(&mut expected) {
            wanted.received_at = row.received_at;
            prop_assert_eq!(row, &*wanted);
        }
        prop_assert_eq!(crossings, all);
    }

    #[test]
    fn a_flag_and_its_removal_leave_what_was(fixes in walk(), from in 0..400i64, long in 0..200i64) {
        let (before, original) = live(&fixes, &setup(vec![]));
        let (mut rows, mut crossings) = (before.clone(), original.clone());
        let range = (at(from), at(from + long));
        let flags = vec![Flag { from: range.0, until: range.1, says: FlagVerdict::Faulty }];
        recompute(&mut rows, &mut crossings, range, &setup(flags));
        let flagged = rows.iter().filter(|row| row.fault.as_deref() == Some(Fault::Flagged.as_str()));
        prop_assert_eq!(flagged.count(), rows.iter().filter(|row| range.0 <= row.time && row.time <= range.1).count());
        recompute(&mut rows, &mut crossings, range, &setup(vec![]));
        prop_assert_eq!(rows, before);
        prop_assert_eq!(crossings, original);
    }
}

#[test]
fn a_flag_takes_a_crossing_away_and_another_lets_in_what_nobody_would_believe() {
    // In at 15, out at 35.
    let fixes = [fix(0, 46.01, 9), fix(20, 46.002, 9), fix(40, 46.01, 9), fix(50, 46.01, 9)];
    let (mut rows, mut crossings) = live(&fixes, &setup(vec![]));
    assert_eq!(crossings.len(), 2);
    let faulty = Flag { from: at(20), until: at(20), says: FlagVerdict::Faulty };
    let (marks, changes) =
        recompute(&mut rows, &mut crossings, (at(20), at(20)), &setup(vec![faulty]));
    assert_eq!((marks.len(), changes.delete.len(), changes.insert.len()), (1, 2, 0));
    assert_eq!(crossings, []);

    let doubtful = [fix(0, 46.01, 9), fix(20, 46.0, 0), fix(40, 46.01, 9)];
    let (mut rows, mut crossings) = live(&doubtful, &setup(vec![]));
    let valid = Flag { from: at(10), until: at(30), says: FlagVerdict::Valid };
    let (marks, changes) =
        recompute(&mut rows, &mut crossings, (at(10), at(30)), &setup(vec![valid]));
    assert_eq!(marks, [Mark { time: at(20), digest: doubtful[1].digest(), fault: None }]);
    assert_eq!(changes.insert.len(), 2);

    let contrary = vec![valid, Flag { from: at(20), until: at(20), says: FlagVerdict::Faulty }];
    assert_eq!(setup(contrary).flagged(DEVICE.id, at(20)), Some(FlagVerdict::Faulty));
    // A place that is none stays faulty whatever people say.
    let nowhere = [fix(0, 46.01, 9), fix(20, 95.0, 9)];
    let (rows, _) = live(&nowhere, &setup(vec![valid]));
    assert_eq!(rows[1].fault.as_deref(), Some("invalid_coordinates"));
}

#[test]
fn a_crossing_whose_place_alone_differs_is_set_right() {
    let fixes = [fix(0, 46.0, 9), fix(20, 46.01, 9)];
    let (mut rows, original) = live(&fixes, &setup(vec![]));
    let mut crossings = original.clone();
    crossings[0].at.lat += 1e-3;
    let (_, changes) = recompute(&mut rows, &mut crossings, ALL, &setup(vec![]));
    assert_eq!((changes.update.len(), changes.insert.len(), changes.delete.len()), (1, 0, 0));
    assert_eq!(crossings, original);
}

#[test]
fn a_crossing_that_somebody_edited_stays_and_what_was_found_in_its_place_is_not_added() {
    let fixes = [fix(0, 46.01, 9), fix(20, 46.0, 9), fix(40, 46.01, 9)];
    let (_, crossings) = live(&fixes, &setup(vec![]));
    // A fix between, that came late, tells another time of the same crossing.
    let better = [fix(0, 46.01, 9), fix(10, 46.009, 9), fix(20, 46.0, 9), fix(40, 46.01, 9)];
    let (_, found) = live(&better, &setup(vec![]));
    assert_ne!(crossings[0].id, found[0].id);
    assert_eq!(crossings[1].id, found[1].id);

    let rows = [stored(&crossings[0], true), stored(&crossings[1], false)];
    assert_eq!(changes(&rows, found.clone()), Changes::default());
    let rows = [stored(&crossings[0], false), stored(&crossings[1], true)];
    let unedited = changes(&rows, found.clone());
    assert_eq!((unedited.delete, unedited.insert.len()), (vec![crossings[0].id], 1));
    // The edit is of the other direction: it stands for nothing here.
    let mut exit = stored(&crossings[0], true);
    exit.direction = Direction::Exit;
    assert_eq!(changes(&[exit], found).insert.len(), 2);
}
