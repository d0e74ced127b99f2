//! From fixes to rows of `crossings`: order, faults, courses.

use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, FenceIndex, Moment, Shape};
use biplane_core::live::Direction;
use biplane_core::plausibility::{Fault, OutOfTime, Plausibility};
use biplane_core::timing::{
    Checkpoint, Crossing, CrossingStatus, Device, Entry, Setup, Tracker, Verdict,
};
use biplane_core::{Fix, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const DEVICE: Device = Device {
    id: biplane_core::DeviceId(Uuid::from_u128(1)),
    organization: biplane_core::OrganizationId(Uuid::from_u128(2)),
};
const START: i64 = 1_599_910_800_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

fn fix(seconds: i64, lat: f64, lon: f64) -> Fix {
    Fix {
        time: at(seconds),
        lat,
        lon,
        altitude_m: None,
        speed_kmh: None,
        course_deg: None,
        satellites: None,
        hdop: None,
        io: vec![],
    }
}

/// Two fences of 1 km and 3 km around 46 N 12 E; the smaller is the checkpoint of two events,
/// in one of which it counts entering only, from second 100 to 200.
fn setup() -> Setup {
    let circle = |n, radius| Fence {
        id: Uuid::from_u128(n).into(),
        shape: Shape::circle(Point { lat: 46.0, lon: 12.0 }, radius).expect("a circle"),
    };
    let (race, training) = (Uuid::from_u128(20).into(), Uuid::from_u128(21).into());
    let checkpoint = |n, event, direction| Checkpoint {
        id: Uuid::from_u128(n).into(),
        event,
        direction,
        opens_at: direction.map(|_| at(100)),
        closes_at: direction.map(|_| at(200)),
    };
    Setup {
        fences: [(
            DEVICE.organization,
            FenceIndex::new(vec![circle(10, 1000.0), circle(11, 3000.0)]),
        )]
        .into(),
        entries: [(
            DEVICE.id,
            vec![
                Entry { id: Uuid::from_u128(30).into(), event: race },
                Entry { id: Uuid::from_u128(31).into(), event: training },
            ],
        )]
        .into(),
        checkpoints: [(
            Uuid::from_u128(10).into(),
            vec![checkpoint(40, race, Some(Direction::Enter)), checkpoint(41, training, None)],
        )]
        .into(),
        ..Setup::default()
    }
}

fn run(fixes: &[Fix], setup: &Setup) -> (Tracker, Vec<Verdict>, Vec<Crossing>) {
    run_within(&Plausibility::default(), fixes, setup)
}

fn run_within(
    limits: &Plausibility,
    fixes: &[Fix],
    setup: &Setup,
) -> (Tracker, Vec<Verdict>, Vec<Crossing>) {
    let (mut tracker, mut crossings) = (Tracker::default(), vec![]);
    let verdicts = fixes
        .iter()
        .map(|fix| tracker.observe(fix, at(100_000), DEVICE, setup, limits, &mut crossings))
        .collect();
    (tracker, verdicts, crossings)
}

#[test]
fn a_first_fix_inside_a_fence_is_no_crossing() {
    let (tracker, verdicts, crossings) = run(&[fix(0, 46.0, 12.0), fix(5, 46.001, 12.0)], &setup());
    assert_eq!(verdicts, [Verdict::Moved, Verdict::Moved]);
    assert_eq!(crossings, []);
    assert_eq!(
        tracker.last.map(|last| last.moment),
        Some(Moment { time: at(5), at: Point { lat: 46.001, lon: 12.0 } })
    );
}

#[test]
fn a_fence_in_two_courses_makes_a_row_for_each_that_counts_the_direction() {
    // In at about second 50 (too early for the race), out at 150.
    let fixes = [fix(0, 46.015, 12.0), fix(100, 46.0, 12.0), fix(200, 46.015, 12.0)];
    let (_, _, crossings) = run(&fixes, &setup());
    let rows: Vec<_> = crossings
        .iter()
        .map(|c| {
            let checkpoint = c.course.map(|(_, _, checkpoint)| checkpoint.0.as_u128());
            (c.geofence.0.as_u128(), checkpoint, c.direction, c.status)
        })
        .collect();
    assert_eq!(
        rows,
        [
            (10, Some(40), Direction::Enter, CrossingStatus::OutsideWindow),
            (10, Some(41), Direction::Enter, CrossingStatus::Valid),
            (10, Some(41), Direction::Exit, CrossingStatus::Valid),
        ]
    );
    assert!(
        crossings.iter().all(|c| c.fix_before_at < c.crossed_at && c.crossed_at < c.fix_after_at)
    );
}

#[test]
fn a_fence_of_no_course_makes_a_row_without_entry() {
    let (_, _, crossings) = run(&[fix(0, 46.05, 12.0), fix(100, 46.015, 12.0)], &setup());
    assert_eq!(crossings.len(), 1);
    assert_eq!((crossings[0].geofence.0.as_u128(), crossings[0].course), (11, None));
}

#[test]
fn a_late_fix_and_one_of_a_known_time_move_nothing() {
    let fixes = [fix(100, 46.05, 12.0), fix(50, 46.0, 12.0), fix(100, 46.0, 12.0)];
    let (tracker, verdicts, crossings) = run(&fixes, &setup());
    assert_eq!(verdicts, [Verdict::Moved, Verdict::Late, Verdict::Late]);
    assert_eq!(crossings, []);
    assert_eq!(tracker.last.map(|last| last.moment.at.lat), Some(46.05));
}

#[test]
fn what_cannot_be_true_is_marked_with_its_reason_and_moves_nothing() {
    let mut no_satellites = fix(20, 46.0, 12.0);
    no_satellites.satellites = Some(0);
    let fixes = [
        fix(0, 46.05, 12.0),
        fix(5, f64::NAN, 12.0),
        fix(6, 91.0, 12.0),
        fix(10, 0.0, 0.0),
        no_satellites,
        fix(30, 50.0, 12.0),
        fix(100_000 + 3_600, 46.0, 12.0),
        fix(100_000 + 90_000, 46.0, 12.0),
        fix(-700_000_000, 46.0, 12.0),
    ];
    let (tracker, verdicts, crossings) = run(&fixes, &setup());
    assert_eq!(
        verdicts[1..],
        [
            Verdict::Faulty(Fault::Coordinates),
            Verdict::Faulty(Fault::Coordinates),
            Verdict::Faulty(Fault::Zero),
            Verdict::Faulty(Fault::NoSatellites),
            Verdict::Faulty(Fault::ImpossibleSpeed),
            Verdict::Faulty(Fault::Future),
            Verdict::Quarantined(OutOfTime::Future),
            Verdict::Quarantined(OutOfTime::Past),
        ]
    );
    assert_eq!(crossings, []);
    assert_eq!(tracker.last.map(|last| last.moment.time), Some(at(0)));
}

#[test]
fn what_limits_are_set_to_refuse_is_marked_with_its_reason() {
    let good = |seconds| Fix { satellites: Some(5), hdop: Some(2.5), ..fix(seconds, 46.05, 12.0) };
    let fixes = [
        good(99_000),
        Fix { satellites: Some(4), ..good(99_010) },
        Fix { satellites: Some(0), ..good(99_020) },
        Fix { hdop: Some(2.6), ..good(99_030) },
        Fix { hdop: Some(f32::NAN), ..good(99_040) },
        // Who does not tell is believed.
        Fix { satellites: None, hdop: None, ..good(99_050) },
        good(96_399),
    ];
    let limits = Plausibility {
        min_satellites: 5,
        max_hdop: 2.5,
        max_age_s: 3_600,
        ..Plausibility::default()
    };
    let (_, verdicts, _) = run_within(&limits, &fixes, &setup());
    assert_eq!(
        verdicts,
        [
            Verdict::Moved,
            Verdict::Faulty(Fault::FewSatellites),
            Verdict::Faulty(Fault::NoSatellites),
            Verdict::Faulty(Fault::PoorHdop),
            Verdict::Faulty(Fault::PoorHdop),
            Verdict::Moved,
            Verdict::Faulty(Fault::Outdated),
        ]
    );
}

#[test]
fn a_change_of_speed_that_nothing_makes_in_that_time_is_marked_where_it_is_told() {
    let limits = Plausibility { max_acceleration_ms2: 8.0, ..Plausibility::default() };
    let fixes: Vec<Fix> = [
        (0, Some(20.0)),
        // 79 km/h in 2 s are 11 m/s².
        (2, Some(100.0)),
        // Judged by the last that is believed.
        (3, Some(25.0)),
        (4, Some(f32::NAN)),
        (5, None),
        (6, Some(90.0)),
        // As hard as it may: 57.5 km/h in 2 s, and 1 km/h for the rounding.
        (8, Some(31.5)),
        (9, Some(0.0)),
        (100, Some(f32::INFINITY)),
    ]
    .map(|(seconds, speed_kmh)| Fix { speed_kmh, ..fix(seconds, 46.05, 12.0) })
    .into();
    let (_, verdicts, _) = run_within(&limits, &fixes, &setup());
    let jolt = Verdict::Faulty(Fault::ImpossibleAcceleration);
    let moved = Verdict::Moved;
    assert_eq!(verdicts, [moved, jolt, moved, moved, moved, moved, moved, jolt, jolt]);
    let (_, verdicts, _) = run(&fixes, &setup());
    assert_eq!(verdicts, [moved; 9], "off unless it is set");
}

#[test]
fn jitter_of_a_device_that_stands_is_marked_and_leaves_it_where_it_is() {
    let limits = Plausibility { parked_jitter_m: 30.0, ..Plausibility::default() };
    // 0.0001 degrees are 11 m.
    let fixes: Vec<Fix> = [
        (0, 46.05, Some(20.0)),
        // It comes to a stand here.
        (5, 46.0501, Some(0.0)),
        (10, 46.0502, Some(0.0)),
        (15, 46.0503, Some(3.0)),
        (20, 46.0502, Some(3.1)),
        (25, 46.0503, Some(0.0)),
        (30, 46.0504, Some(0.0)),
        // Who tells no speed may creep; who is far enough away has moved.
        (35, 46.0504, None),
        (40, 46.0504, Some(0.0)),
        (45, 46.0507, Some(0.0)),
        (50, 46.0507, Some(f32::NAN)),
    ]
    .map(|(seconds, lat, speed_kmh)| Fix { speed_kmh, ..fix(seconds, lat, 12.0) })
    .into();
    let (_, verdicts, _) = run_within(&limits, &fixes, &setup());
    let (jitter, moved) = (Verdict::Faulty(Fault::Jitter), Verdict::Moved);
    assert_eq!(
        verdicts,
        [moved, moved, jitter, jitter, moved, moved, jitter, moved, moved, moved, moved]
    );
    let (_, verdicts, _) = run(&fixes, &setup());
    assert_eq!(verdicts, [moved; 11], "off unless it is set");
}

#[test]
fn a_device_that_stood_for_hours_left_after_its_last_word_from_there() {
    let limits = Plausibility { parked_jitter_m: 30.0, ..Plausibility::default() };
    let told = |(seconds, lat, speed): (i64, f64, f32)| Fix {
        speed_kmh: Some(speed),
        ..fix(seconds, lat, 12.0)
    };
    let left = |fixes: &[(i64, f64, f32)]| {
        let fixes: Vec<Fix> = fixes.iter().copied().map(told).collect();
        let (_, _, crossings) = run_within(&limits, &fixes, &setup());
        assert_eq!(crossings.len(), 1, "{crossings:?}");
        (crossings[0].fix_before_at, crossings[0].crossed_at, crossings[0].fix_after_at)
    };
    let (stands, stood, away) = ((0, 46.0, 0.0), (10_800, 46.0001, 0.0), (10_900, 46.015, 20.0));
    let (before, crossed, after) = left(&[stands, stood, away]);
    assert_eq!((before, after), (at(10_800), at(10_900)));
    assert!(before < crossed && crossed < after, "{crossed}");
    // By its last word from there it can't be elsewhere a second later; by the one that moved it, it could.
    let (_, verdicts, _) =
        run_within(&limits, &[stands, stood, (10_801, 46.05, 20.0)].map(told), &setup());
    assert_eq!(verdicts.last(), Some(&Verdict::Faulty(Fault::ImpossibleSpeed)));
    // The one that comes last is older: what is timed again in order has the better answer.
    let (before, ..) = left(&[stands, (10_950, 46.0001, 0.0), away]);
    assert_eq!(before, at(0));
}

#[test]
fn a_device_that_is_really_far_away_is_believed_once_it_can_have_come_there() {
    // 445 km take 27 minutes at 1,000 km/h.
    let fixes =
        [fix(0, 46.0, 12.0), fix(60, 50.0, 12.0), fix(1_500, 50.0, 12.0), fix(1_700, 50.0, 12.0)];
    let (_, verdicts, _) = run(&fixes, &setup());
    let fault = Verdict::Faulty(Fault::ImpossibleSpeed);
    assert_eq!(verdicts, [Verdict::Moved, fault, fault, Verdict::Moved]);
}

const FAR: Verdict = Verdict::Faulty(Fault::ImpossibleSpeed);

/// The next fix was believed when 9,000 km could have been flown: after nine hours.
#[test]
fn one_wrong_first_fix_silenced_a_device_for_hours() {
    let mut fixes = vec![fix(0, 46.0, 130.0)];
    fixes.extend((1..=7).map(|n| fix(n * 5, 46.0, 12.0)));
    fixes.push(fix(50, 46.02, 12.0));
    let (_, verdicts, crossings) = run(&fixes, &setup());
    assert_eq!(verdicts[..5], [Verdict::Moved, FAR, FAR, FAR, FAR]);
    assert_eq!(verdicts[5..], [Verdict::Moved; 4]);
    // None on the way from nowhere; the way out of the inner fence is timed as ever.
    assert!(crossings.iter().all(|c| c.fix_before_at == at(35)), "{crossings:?}");
    assert!(!crossings.is_empty());
}

#[test]
fn fixes_that_jump_about_or_come_twice_are_not_believed_for_their_number() {
    let mut fixes = vec![fix(0, 46.0, 12.0)];
    fixes.extend((1..20).map(|n| fix(n * 5, 46.0, if n % 2 == 0 { 80.0 } else { 130.0 })));
    fixes.extend(vec![fix(100, 60.0, 12.0); 9]);
    let (tracker, verdicts, _) = run(&fixes, &setup());
    assert!(verdicts[1..].iter().all(|verdict| *verdict == FAR), "{verdicts:?}");
    assert_eq!(tracker.last.map(|last| last.moment.time), Some(at(0)));
}

#[test]
fn a_fix_of_the_believed_place_ends_a_run_of_others() {
    let far = |n: i64| fix(n * 5, 60.0, 12.0);
    let fixes: Vec<Fix> =
        (1..=4).map(far).chain([fix(25, 46.0, 12.0)]).chain((6..=10).map(far)).collect();
    let (_, verdicts, _) = run(&[&[fix(0, 46.0, 12.0)], &fixes[..]].concat(), &setup());
    let ended = [FAR, FAR, FAR, FAR, Verdict::Moved, FAR, FAR, FAR, FAR, Verdict::Moved];
    assert_eq!(verdicts[1..], ended);
}

#[test]
fn a_crossings_id_stays_the_same_over_releases() {
    let id = biplane_core::timing::crossing_id(
        DEVICE.id,
        Uuid::from_u128(10).into(),
        None,
        Direction::Enter,
        at(0),
    );
    // Another id doubles every crossing that is computed again across an update.
    let name = "00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-00000000000a/-/enter/1599910800000";
    let namespace: Uuid = "9f4f7d9e-2c55-5d0c-8f3a-6b1d7b0f2a11".parse().expect("a UUID");
    assert_eq!(id, Uuid::new_v5(&namespace, name.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, in whatever order: what moved the device, replayed alone and in order of
    /// time from nothing, finds the same crossings and ends in the same state.
    #[test]
    fn what_was_found_live_is_what_a_replay_of_the_believed_fixes_finds(
        track in prop::collection::vec((0i64..600, -0.05..0.05f64, -0.05..0.05f64, 0u8..20), 1..60),
    ) {
        let setup = setup();
        let fixes: Vec<Fix> = track.iter().map(|&(seconds, lat, lon, satellites)| {
            Fix { satellites: Some(satellites), ..fix(seconds * 20, 46.0 + lat, 12.0 + lon) }
        }).collect();
        // A device that insists on another place is believed for the fixes that were not.
        let limits = Plausibility { believe_after: u32::MAX, ..Plausibility::default() };
        let (live, verdicts, found) = run_within(&limits, &fixes, &setup);
        let mut believed: Vec<Fix> = fixes.iter().zip(&verdicts)
            .filter(|(_, verdict)| **verdict == Verdict::Moved)
            .map(|(fix, _)| fix.clone()).collect();
        believed.sort_by_key(|fix| fix.time);
        let (replayed, _, again) = run_within(&limits, &believed, &setup);
        prop_assert_eq!(live.last, replayed.last);
        prop_assert_eq!(&found, &again);

        let ids: std::collections::HashSet<_> = found.iter().map(|c| c.id).collect();
        prop_assert_eq!(ids.len(), found.len());
        for course in [None, Some(41)] {
            for geofence in [10, 11] {
                let directions: Vec<_> = found.iter()
                    .filter(|c| c.geofence.0.as_u128() == geofence)
                    .filter(|c| c.course.map(|(_, _, checkpoint)| checkpoint.0.as_u128()) == course)
                    .map(|c| c.direction).collect();
                prop_assert!(directions.windows(2).all(|pair| pair[0] != pair[1]));
            }
        }
    }

    /// A processor may end between any two fixes; the next one knows the rows only.
    #[test]
    fn a_tracker_that_was_resumed_from_its_rows_decides_as_if_nothing_had_happened(
        track in prop::collection::vec((1i64..60, 0usize..3, -0.01..0.01f64), 1..60), cut in 0usize..60,
    ) {
        let setup = setup();
        let mut seconds = 0;
        let fixes: Vec<Fix> = track.iter().map(|&(later, place, lat)| {
            seconds += later;
            fix(seconds, [46.0, 50.0, 20.0][place] + lat, 12.0)
        }).collect();
        let limits = Plausibility { believe_after: 3, ..Plausibility::default() };
        let (whole, verdicts, found) = run_within(&limits, &fixes, &setup);

        let (before, after) = fixes.split_at(cut.min(fixes.len()));
        let (stopped, _, mut crossings) = run_within(&limits, before, &setup);
        let moment = |fix: &Fix| Moment { time: fix.time, at: Point { lat: fix.lat, lon: fix.lon } };
        let refused: Vec<Moment> = before.iter().map(moment)
            .filter(|moment| stopped.last.is_some_and(|last| last.moment.time < moment.time)).collect();
        let latest = refused.len().saturating_sub(2);
        let mut tracker = Tracker::resume(stopped.last, refused[latest..].iter().copied(), &limits);
        let decided: Vec<Verdict> = after.iter()
            .map(|fix| tracker.observe(fix, at(100_000), DEVICE, &setup, &limits, &mut crossings))
            .collect();
        prop_assert_eq!(&decided, &verdicts[before.len()..]);
        prop_assert_eq!(tracker.last, whole.last);
        prop_assert_eq!(crossings, found);
    }
}
