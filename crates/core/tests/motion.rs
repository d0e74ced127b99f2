//! Stops, trips and excesses of speed, told from fixes.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_core::geodesy::{Point, distance_m};
use biplane_core::geofence::Moment;
use biplane_core::motion::{Happened, Motion, MotionLimits, Trip};
use biplane_core::{DeviceId, Fix, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
/// Degrees of latitude.
const METRE: f64 = 1.0 / 111_194.93;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_600_000_000_000 + seconds * 1000)
}

/// So many metres north and east of 46, 12.
fn place(north_m: f64, east_m: f64) -> Point {
    Point { lat: 46.0 + north_m * METRE, lon: 12.0 + east_m * METRE / 46.0_f64.to_radians().cos() }
}

fn fix(seconds: i64, north_m: f64, speed_kmh: Option<f32>) -> Fix {
    fix_at(seconds, place(north_m, 0.0), speed_kmh)
}

fn fix_at(seconds: i64, Point { lat, lon }: Point, speed_kmh: Option<f32>) -> Fix {
    Fix {
        time: at(seconds),
        lat,
        lon,
        altitude_m: None,
        speed_kmh,
        course_deg: None,
        satellites: None,
        hdop: None,
        io: vec![],
    }
}

fn take(motion: &mut Motion, fix: &Fix, limits: &MotionLimits, happened: &mut Vec<Happened>) {
    let now = Moment { time: fix.time, at: Point { lat: fix.lat, lon: fix.lon } };
    motion.take(now, fix.speed_kmh, limits, happened);
}

fn run(fixes: &[Fix], limits: &MotionLimits) -> (Motion, Vec<Happened>) {
    let first = Moment { time: fixes[0].time, at: Point { lat: fixes[0].lat, lon: fixes[0].lon } };
    let (mut motion, mut happened) = (Motion::begin(first), vec![]);
    for fix in fixes {
        take(&mut motion, fix, limits, &mut happened);
    }
    (motion, happened)
}

fn ended(happened: &[Happened]) -> Vec<(Trip, Moment)> {
    let ended = |it: &Happened| match it {
        Happened::Trip(trip, Some(end)) => Some((*trip, *end)),
        _ => None,
    };
    happened.iter().filter_map(ended).collect()
}

/// Stands for 10 minutes, drives 2 km in 100 s, stands for 10 minutes; a fix each 5 s.
fn drive() -> Vec<Fix> {
    (0..=260)
        .map(|n| {
            let seconds = n * 5;
            let north_m = ((seconds - 600).clamp(0, 100) * 20) as f64;
            fix(seconds, north_m, Some(if (600..700).contains(&seconds) { 72.0 } else { 0.0 }))
        })
        .collect()
}

#[test]
fn a_trip_goes_from_where_a_device_stood_to_where_it_stands_next() {
    let fixes = drive();
    let limits = MotionLimits::default();
    let (motion, happened) = run(&fixes[..130], &limits);
    assert_eq!(motion.since(), at(600));
    assert_eq!(motion.trip().unwrap().start, place(0.0, 0.0));
    assert_eq!(ended(&happened), []);

    let (motion, happened) = run(&fixes, &limits);
    let [(trip, end)] = ended(&happened)[..] else { panic!("{happened:?}") };
    assert_eq!((trip.started_at, end.time), (at(600), at(700)));
    assert!((trip.distance_m - 2000.0).abs() < 0.1, "{trip:?}");
    assert_eq!((trip.max_speed_kmh, end.at), (72.0, place(2000.0, 0.0)));
    assert_eq!((motion.trip(), motion.since()), (None, at(700)));
    // Its beginning, its first kilometre, its end: one row.
    assert_eq!(happened.len(), 3);
    assert!(happened.iter().all(|it| it.id(DEVICE) == happened[0].id(DEVICE)));
}

#[test]
fn a_trips_id_stays_the_same_over_releases() {
    // Another one doubles the trips that are under way at an update.
    let (_, happened) = run(&drive(), &MotionLimits::default());
    assert_eq!(happened[0].id(DEVICE).to_string(), "fce134bc-d90d-54b5-a661-2ad5931a23ff");
}

#[test]
fn a_traffic_light_ends_no_trip_and_a_single_fix_aside_begins_none_and_delays_no_stop() {
    let limits = MotionLimits::default();
    let mut fixes = drive();
    // 200 s more at the same place do not make 300.
    for fix in fixes.iter_mut().filter(|fix| fix.time > at(650)) {
        fix.time = fix.time + 200_000;
    }
    let (_, happened) = run(&fixes, &limits);
    assert_eq!(ended(&happened).len(), 1);

    let mut fixes = drive();
    fixes[60] = fix(300, 900.0, None);
    fixes[170] = fix(850, 9_000.0, None);
    let (motion, happened) = run(&fixes, &limits);
    let [(trip, end)] = ended(&happened)[..] else { panic!("{happened:?}") };
    assert_eq!((trip.started_at, end.time), (at(600), at(700)));
    assert!((trip.distance_m - 2000.0).abs() < 0.1 && trip.max_speed_kmh == 72.0, "{trip:?}");
    assert_eq!(motion.since(), at(700));
}

#[test]
fn a_device_that_falls_silent_on_its_way_ended_its_trip_there_unless_it_is_still_there() {
    let limits = MotionLimits::default();
    // Driving; then nothing for two hours.
    let way: Vec<Fix> = drive().into_iter().filter(|fix| fix.time <= at(650)).collect();
    let again = |north_m| {
        let mut fixes = way.clone();
        fixes.extend([fix(7850, north_m, Some(0.0)), fix(7855, north_m, Some(0.0))]);
        run(&fixes, &limits)
    };
    let (motion, happened) = again(50_000.0);
    let [(trip, end)] = ended(&happened)[..] else { panic!("{happened:?}") };
    assert_eq!((end.time, end.at), (at(650), place(1000.0, 0.0)));
    assert!((trip.distance_m - 1000.0).abs() < 0.1, "{trip:?}");
    assert_eq!((motion.trip(), motion.since()), (None, at(7850)));

    // Switched off on arrival: it stands there since.
    let (motion, happened) = again(1000.0);
    let [(_, end)] = ended(&happened)[..] else { panic!("{happened:?}") };
    assert_eq!((end.time, motion.trip(), motion.since()), (at(650), None, at(650)));
}

#[test]
fn a_device_that_is_heard_of_once_an_hour_sets_out_when_its_speed_says() {
    let limits = MotionLimits::default();
    let sparse = |speed| {
        let fixes = [
            fix(0, 0.0, Some(0.0)),
            fix(3000, 0.0, Some(0.0)),
            fix(6000, 200.0, speed),
            fix(6010, 400.0, Some(72.0)),
        ];
        run(&fixes, &limits).0.since()
    };
    assert_eq!(sparse(Some(72.0)), at(5990));
    // It has arrived already, or does not say: some time since it was seen there.
    assert_eq!(sparse(Some(0.0)), at(3000));
    assert_eq!(sparse(Some(f32::NAN)), at(3000));
    assert_eq!(sparse(None), at(3000));
}

#[test]
fn an_excess_of_speed_is_told_once_it_lasts_with_its_maximum_and_its_end() {
    let limits =
        MotionLimits { overspeed_kmh: 80.0, overspeed_for_s: 10, ..MotionLimits::default() };
    let drive = |speeds: &[f32]| {
        let fixes: Vec<Fix> =
            (0..).zip(speeds).map(|(n, v)| fix(n * 5, 100.0 * n as f64, Some(*v))).collect();
        let told = |it: &Happened| match it {
            Happened::Overspeed(excess, end) => {
                Some((excess.since, excess.max_speed_kmh, *end, it.id(DEVICE)))
            }
            _ => None,
        };
        run(&fixes, &limits).1.iter().filter_map(told).collect::<Vec<_>>()
    };
    // At the limit is not above it; too short; then from 25 on.
    let told = drive(&[80.0, 90.0, 90.0, 70.0, 80.0, 85.0, 90.0, 81.0, 95.0, 94.0, 80.0, 100.0]);
    let id = told[0].3;
    assert_eq!(
        told,
        [(at(25), 90.0, None, id), (at(25), 95.0, None, id), (at(25), 95.0, Some(at(50)), id)]
    );
    let two = drive(&[0.0, 90.0, 90.0, 90.0, 0.0, 90.0, 90.0, 90.0]);
    assert_eq!(two.len(), 3);
    assert_ne!(two[0].3, two[2].3);
    let off = run(&super_fast(), &MotionLimits::default()).1;
    assert!(off.iter().all(|it| matches!(it, Happened::Trip(..))), "off unless it is set");
}

fn super_fast() -> Vec<Fix> {
    (0..10).map(|n| fix(n * 5, 5_000.0 * n as f64, Some(f32::MAX))).collect()
}

#[test]
fn what_is_under_way_ends_when_a_device_changes_hands() {
    let limits = MotionLimits { overspeed_kmh: 60.0, ..MotionLimits::default() };
    let (mut motion, _) = run(&drive()[..130], &limits);
    let mut happened = vec![];
    motion.end(&mut happened);
    let [(trip, end)] = ended(&happened)[..] else { panic!("{happened:?}") };
    assert_eq!((end.time, end.at), (at(645), place(900.0, 0.0)));
    assert!((trip.distance_m - 900.0).abs() < 0.1, "{trip:?}");
    assert!(matches!(happened[1], Happened::Overspeed(_, Some(until)) if until == at(645)));
    assert_eq!((motion.trip(), motion.since()), (None, at(645)));
    motion.end(&mut happened);
    assert_eq!(happened.len(), 2, "nothing ends twice");
}

#[test]
fn bytes_of_another_version_or_cut_short_are_no_state() {
    let (motion, _) = run(&drive()[..130], &MotionLimits::default());
    let bytes = motion.to_bytes();
    assert_eq!(Motion::from_bytes(&bytes), Ok(motion));
    assert!(Motion::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(Motion::from_bytes(&[]).unwrap_err().to_string().contains("empty"));
    assert!(Motion::from_bytes(&[9, 0]).unwrap_err().to_string().contains("version 9"));
}

/// Driving, standing, straying, falling silent.
fn anything() -> impl Strategy<Value = Vec<Fix>> {
    let step = (1..400i64, 0..200u32, 0.0..120.0f32, 0..9u8);
    proptest::collection::vec(step, 1..120).prop_map(|steps| {
        let (mut seconds, mut north_m) = (0, 0.0);
        let mut fixes = vec![];
        for (pause, way, speed, kind) in steps {
            seconds += if kind == 0 { pause * 30 } else { pause };
            let stray = if kind == 1 { 700.0 } else { 0.0 };
            // Half of the time it stands.
            if kind > 4 {
                north_m += f64::from(way);
            }
            let speed = (kind != 2).then_some(speed);
            fixes.push(fix(seconds, north_m + stray, speed));
        }
        fixes
    })
}

proptest! {
    #[test]
    fn jitter_around_a_point_never_makes_a_trip(
        steps in proptest::collection::vec((1..900i64, 0.0..25.0f64, 0.0..6.3f64, any::<bool>()), 2..200),
    ) {
        let (mut seconds, mut was_stray) = (0, true);
        let fixes: Vec<Fix> = steps.iter().map(|&(pause, away, angle, stray)| {
            seconds += pause;
            // Now and then one fix is far off.
            was_stray = stray && !was_stray;
            let away = if was_stray { away * 40.0 } else { away };
            fix_at(seconds, place(away * angle.cos(), away * angle.sin()), None)
        }).collect();
        let (motion, happened) = run(&fixes, &MotionLimits::default());
        prop_assert_eq!(happened, vec![]);
        prop_assert_eq!((motion.trip(), motion.since()), (None, fixes[0].time));
    }

    #[test]
    fn it_makes_no_difference_where_a_way_is_interrupted(fixes in anything(), at in any::<prop::sample::Index>()) {
        let limits = MotionLimits { overspeed_kmh: 90.0, ..MotionLimits::default() };
        let (whole, expected) = run(&fixes, &limits);
        let (before, after) = fixes.split_at(at.index(fixes.len()).max(1));
        let (motion, mut happened) = run(before, &limits);
        let mut motion = Motion::from_bytes(&motion.to_bytes()).unwrap();
        // What was written already may be read again.
        for fix in before.iter().chain(after) {
            take(&mut motion, fix, &limits, &mut happened);
        }
        prop_assert_eq!(motion, whole);
        prop_assert_eq!(happened, expected);
    }

    #[test]
    fn trips_follow_each_other_and_are_no_shorter_than_the_way_from_start_to_end(fixes in anything()) {
        let (_, happened) = run(&fixes, &MotionLimits::default());
        let mut before = fixes[0].time;
        for (trip, end) in ended(&happened) {
            prop_assert!(before <= trip.started_at && trip.started_at <= end.time);
            prop_assert!(trip.distance_m >= distance_m(trip.start, end.at) - 1e-6);
            before = end.time;
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_states_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Motion::from_bytes(&bytes);
    }
}
