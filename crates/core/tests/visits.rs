//! Visits of geofences, told from fixes.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, Moment, Shape};
use biplane_core::motion::{Happened, MotionLimits};
use biplane_core::profile::Limits;
use biplane_core::visits::{Visits, Watch, WatchedFences};
use biplane_core::{DeviceId, GeofenceId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
const YARD: GeofenceId = GeofenceId(Uuid::from_u128(0xf1));
/// Degrees of latitude.
const METRE: f64 = 1.0 / 111_194.93;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_600_000_000_000 + seconds * 1000)
}

/// So many metres north of 46, 12.
fn place(north_m: f64) -> Point {
    Point { lat: 46.0 + north_m * METRE, lon: 12.0 }
}

fn fix(seconds: i64, north_m: f64) -> Moment {
    Moment { time: at(seconds), at: place(north_m) }
}

fn circle(centre_m: f64, radius_m: f64) -> Shape {
    Shape::circle(place(centre_m), radius_m).unwrap()
}

fn fence(id: GeofenceId, shape: Shape, dwell_s: i64, hysteresis_m: f64) -> (Fence, Watch) {
    (Fence { id, shape }, Watch::new(dwell_s as f64, Some(hysteresis_m)).unwrap())
}

/// 100 m around the origin, told after a minute; a visit goes on up to 25 m outside.
fn yard() -> WatchedFences {
    WatchedFences::new(vec![fence(YARD, circle(0.0, 100.0), 60, 25.0)])
}

/// Since when, when that was long enough, until when; seconds.
type Told = (i64, i64, Option<i64>);

fn told(happened: &[Happened]) -> Vec<Told> {
    let seconds = |time: Timestamp| (time - at(0)) / 1000;
    let told = |it: &Happened| match it {
        Happened::Dwell(dwell, end) => {
            Some((seconds(dwell.since), seconds(dwell.reached_at), end.map(seconds)))
        }
        _ => None,
    };
    happened.iter().filter_map(told).collect()
}

/// A device with its believed place, as whoever decides about fixes keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tracked {
    last: Option<Moment>,
    visits: Visits,
    happened: Vec<Happened>,
}

impl Tracked {
    fn follow(mut self, fixes: &[Moment], fences: &WatchedFences) -> Self {
        for &now in fixes {
            // Late.
            if self.last.is_none_or(|last| last.time < now.time) {
                let limits = Limits::default();
                self.visits.take(self.last, now, Some(fences), &limits, &mut self.happened);
                self.last = Some(now);
            }
        }
        self
    }
}

fn run(fixes: &[Moment], fences: &WatchedFences) -> Vec<Told> {
    told(&Tracked::default().follow(fixes, fences).happened)
}

#[test]
fn a_visit_lasts_from_border_to_border_and_is_told_once_it_is_long_enough() {
    // 10 m a second from 200 m south of the middle, 200 s in it, and on.
    let fixes: Vec<Moment> = (-20..=220)
        .step_by(3)
        .map(|n| fix(n, if n < 0 { 10 * n } else { (10 * (n - 200)).max(0) } as f64))
        .collect();
    let tracked = |upto: i64| {
        let fixes: Vec<_> = fixes.iter().copied().filter(|it| it.time <= at(upto)).collect();
        Tracked::default().follow(&fixes, &yard())
    };
    assert_eq!(told(&tracked(49).happened), []);
    assert_eq!(told(&tracked(52).happened), [(-10, 50, None)]);
    // At 212 it is 20 m outside, at 215 it is 50 m.
    assert_eq!(told(&tracked(212).happened), [(-10, 50, None)]);
    let end = tracked(220);
    assert_eq!(told(&end.happened), [(-10, 50, None), (-10, 50, Some(210))]);
    assert_eq!(end.happened[0].id(DEVICE), end.happened[1].id(DEVICE));
    assert!(end.visits.is_empty());
}

#[test]
fn a_visits_id_stays_the_same_over_releases() {
    // Another one doubles the visits that are under way at an update.
    let happened =
        Tracked::default().follow(&[fix(0, 0.0), fix(60, 0.0)], &yard()).happened.remove(0);
    assert_eq!(happened.id(DEVICE).to_string(), "0d1d3f95-963c-5cb7-8fe0-fe74c721fe1d");
}

#[test]
fn the_first_fix_inside_begins_a_visit_where_nobody_knows_of_a_crossing() {
    let fixes = [fix(0, 50.0), fix(59, 0.0), fix(60, 0.0)];
    assert_eq!(run(&fixes[..2], &yard()), []);
    assert_eq!(run(&fixes, &yard()), [(0, 60, None)]);

    // A place that a device insisted on: nobody knows the way there.
    let (mut visits, mut happened) = (Visits::default(), vec![]);
    for now in [fix(1000, 10.0), fix(1060, 10.0)] {
        visits.take(None, now, Some(&yard()), &Limits::default(), &mut happened);
    }
    assert_eq!(told(&happened), [(1000, 1060, None)]);
}

#[test]
fn a_way_through_between_two_fixes_is_a_visit_that_is_over() {
    // 200 m in of 400 m.
    assert_eq!(run(&[fix(0, -200.0), fix(118, 200.0)], &yard()), []);
    let through = Tracked::default().follow(&[fix(0, -200.0), fix(120, 200.0)], &yard());
    assert_eq!(told(&through.happened), [(30, 90, None), (30, 90, Some(90))]);
    assert!(through.visits.is_empty());
    // It stopped in the hysteresis: it may come back.
    let through = Tracked::default().follow(&[fix(0, -200.0), fix(120, 110.0)], &yard());
    assert_eq!((told(&through.happened), through.visits.is_empty()), (vec![(38, 98, None)], false));
}

#[test]
fn what_wobbles_at_the_border_within_the_hysteresis_makes_one_visit_and_beyond_it_more() {
    // In for 90 s, out by so many metres for 10 s, ten times; then gone.
    let wobble = |out_m: f64| {
        let mut fixes: Vec<Moment> =
            (0..100).map(|n| fix(n * 10, if n % 10 == 9 { 100.0 + out_m } else { 95.0 })).collect();
        fixes.push(fix(1000, 300.0));
        run(&fixes, &yard())
    };
    let told = wobble(24.9);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].0, told[0].2, told[1].0), (0, None, 0));
    assert!((980..=990).contains(&told[1].2.unwrap()), "{told:?}");
    assert_eq!(wobble(25.1).len(), 20);
    // Of a visit that ended in the hysteresis only the time inside counts.
    let fixes = [fix(0, 0.0), fix(50, 0.0), fix(60, 120.0), fix(300, 120.0), fix(310, 200.0)];
    assert_eq!(run(&fixes, &yard()), []);
}

#[test]
fn without_a_hysteresis_of_its_own_a_geofence_has_that_of_the_instance_and_zero_is_none() {
    let fixes = |out_m| [fix(0, 0.0), fix(60, 99.0), fix(70, 100.0 + out_m), fix(80, 99.0)];
    let ends = |hysteresis_m, out_m| {
        let watch = Watch::new(60.0, hysteresis_m).unwrap();
        let fences =
            WatchedFences::new(vec![(Fence { id: YARD, shape: circle(0.0, 100.0) }, watch)]);
        run(&fixes(out_m), &fences).iter().any(|(_, _, end)| end.is_some())
    };
    assert_eq!([ends(None, 24.9), ends(None, 25.1)], [false, true]);
    assert_eq!([ends(Some(0.0), 0.1), ends(Some(50.0), 25.1)], [true, false]);
}

#[test]
fn silence_counts_only_when_a_fix_says_that_the_device_is_still_there() {
    let gap_s = MotionLimits::default().trip_gap_s;
    // Asleep for ten hours, and still there.
    assert_eq!(run(&[fix(0, 0.0), fix(36_000, 10.0)], &yard()), [(0, 60, None)]);
    // Elsewhere after a gap: in the yard it was seen for 10 s.
    let gone = [fix(0, 0.0), fix(10, 0.0), fix(11 + gap_s, 5_000.0)];
    assert_eq!(run(&gone, &yard()), []);
    // The other way round, and right through.
    let come = [fix(0, -5_000.0), fix(1 + gap_s, 0.0), fix(30 + gap_s, 0.0)];
    assert_eq!(run(&come, &yard()), []);
    assert_eq!(run(&[fix(0, -110.0), fix(1 + gap_s, 110.0)], &yard()), []);
    // No gap yet.
    assert_eq!(run(&[fix(0, -110.0), fix(gap_s, 110.0)], &yard()).len(), 1);
}

#[test]
fn a_visit_ends_with_its_geofence_and_with_its_device_changing_hands() {
    let tracked = Tracked::default().follow(&[fix(0, 0.0), fix(70, 0.0)], &yard());
    let ended = [(0, 60, None), (0, 60, Some(70))];
    let elsewhere = WatchedFences::new(vec![fence(
        GeofenceId(Uuid::from_u128(0xf2)),
        circle(0.0, 100.0),
        60,
        25.0,
    )]);
    let other = tracked.clone().follow(&[fix(80, 0.0)], &elsewhere);
    assert_eq!(told(&other.happened), ended);
    for fences in [None, Some(&WatchedFences::default())] {
        let Tracked { mut visits, mut happened, last } = tracked.clone();
        visits.take(last, fix(80, 0.0), fences, &Limits::default(), &mut happened);
        assert_eq!((&told(&happened)[..], visits.is_empty()), (&ended[..], true));
    }
    let Tracked { mut visits, mut happened, .. } = tracked;
    visits.end(&mut happened);
    visits.end(&mut happened);
    assert_eq!((&told(&happened)[..], visits.is_empty()), (&ended[..], true));
}

#[test]
fn a_geofence_that_changes_is_asked_as_it_is_from_the_next_fix_on() {
    let start = [fix(0, 0.0), fix(70, 0.0)];
    let tracked = Tracked::default().follow(&start, &yard());
    let with = |shape, dwell_s| WatchedFences::new(vec![fence(YARD, shape, dwell_s, 25.0)]);
    // A longer time makes no second visit of what is told already.
    let longer = tracked.clone().follow(&[fix(80, 0.0)], &with(circle(0.0, 100.0), 75));
    assert_eq!(told(&longer.happened), [(0, 60, None)]);
    // Drawn elsewhere: the device was inside until then.
    let moved = tracked.clone().follow(&[fix(80, 0.0)], &with(circle(900.0, 100.0), 60));
    assert_eq!(told(&moved.happened), [(0, 60, None), (0, 60, Some(70))]);
    // Drawn around a device that stands there: since it is known.
    let drawn = Tracked::default().follow(&start, &with(circle(900.0, 100.0), 60));
    assert!(drawn.visits.is_empty());
    let drawn = drawn.follow(&[fix(80, 0.0), fix(140, 0.0)], &yard());
    assert_eq!(told(&drawn.happened), [(80, 140, None)]);
}

#[test]
fn what_comes_out_of_order_says_nothing_and_shortens_no_visit() {
    let Tracked { mut visits, mut happened, last } =
        Tracked::default().follow(&[fix(0, 0.0), fix(70, 0.0)], &yard());
    let (known, told_before) = (visits.clone(), happened.clone());
    let fences = yard();
    let mut take = |before, now| {
        visits.take(before, now, Some(&fences), &Limits::default(), &mut happened);
        (visits.clone(), happened.clone())
    };
    for late in [fix(30, 500.0), fix(70, 500.0)] {
        assert_eq!(take(last, late), (known.clone(), told_before.clone()));
    }
    // A device that said at 100 that it still stands there, and then what it recorded at 90.
    take(last, fix(100, 0.0));
    take(last, fix(90, 0.0));
    let (visits, happened) = take(None, fix(110, 500.0));
    assert_eq!((told(&happened)[1], visits.is_empty()), ((0, 60, Some(100)), true));
}

#[test]
fn of_several_ways_out_between_two_fixes_the_last_ends_a_visit() {
    // Over the hole of a ring, and out of it on the other side.
    let way = [fix(0, 90.0), fix(10, 90.0), fix(20, -210.0)];
    assert_eq!(run(&way, &several()), [(0, 5, None), (0, 5, Some(17))]);
}

#[test]
fn gates_and_what_no_column_holds_are_watched_by_nobody() {
    let gate = Shape::gate(vec![(11.9, 46.0), (12.1, 46.0)]).unwrap();
    let fences = WatchedFences::new(vec![fence(YARD, gate, 1, 10_000.0)]);
    assert_eq!(run(&[fix(0, -50.0), fix(10, 50.0), fix(20, 50.0), fix(30, -50.0)], &fences), []);
    for dwell_s in [0.0, -1.0, 0.5, 1.5, 31_536_001.0, f64::NAN, f64::INFINITY] {
        let error = Watch::new(dwell_s, None).unwrap_err();
        assert_eq!((error.field, error.value.to_bits()), ("dwell_s", dwell_s.to_bits()));
    }
    for hysteresis_m in [-0.1, 10_000.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Watch::new(1.0, Some(hysteresis_m)).unwrap_err().field, "hysteresis_m");
    }
    assert!(Watch::new(31_536_000.0, Some(10_000.0)).is_ok());
    assert_eq!(
        Watch::new(0.5, None).unwrap_err().to_string(),
        "dwell_s: 0.5 is not a whole number of seconds from 1 to 31536000"
    );
}

#[test]
fn a_device_that_is_in_more_geofences_than_are_followed_has_a_state_of_bounded_size() {
    let many = (0..200)
        .map(|n| fence(GeofenceId(Uuid::from_u128(n)), circle(0.0, 100.0 + n as f64), 1, 0.0));
    let fences = WatchedFences::new(many.collect());
    let tracked = Tracked::default().follow(&[fix(0, 0.0), fix(10, 0.0)], &fences);
    assert_eq!(tracked.happened.len(), Visits::MOST);
    assert!(tracked.visits.to_bytes().len() < 4096);
    assert_eq!(Visits::from_bytes(&tracked.visits.to_bytes()), Ok(tracked.visits));
}

#[test]
fn bytes_of_another_version_or_cut_short_are_no_state() {
    let visits = Tracked::default().follow(&[fix(0, 0.0), fix(70, 0.0)], &yard()).visits;
    let bytes = visits.to_bytes();
    assert_eq!(Visits::from_bytes(&bytes), Ok(visits));
    assert!(Visits::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(Visits::from_bytes(&[]).unwrap_err().to_string().contains("empty"));
    assert!(Visits::from_bytes(&[9, 0]).unwrap_err().to_string().contains("version 9"));
}

/// Around the border of the yard, with gaps, within and beyond the hysteresis, and far away.
fn anything() -> impl Strategy<Value = Vec<Moment>> {
    let place = prop_oneof![-130.0..130.0f64, 70.0..130.0f64, -5_000.0..5_000.0f64];
    let pause = prop_oneof![8 => 1..100i64, 1 => 3_000..5_000i64];
    prop::collection::vec((pause, place), 1..120).prop_map(|steps| {
        let mut seconds = 0;
        let fix = |(pause, north_m)| {
            seconds += pause;
            fix(seconds, north_m)
        };
        steps.into_iter().map(fix).collect()
    })
}

/// Three that overlap, one of them with a hole, and of different patience.
fn several() -> WatchedFences {
    let square = |half_m: f64| {
        let half = half_m * METRE;
        let (west, east) = (12.0 - half, 12.0 + half);
        let (south, north) = (46.0 - half, 46.0 + half);
        vec![(west, south), (east, south), (east, north), (west, north)]
    };
    let holed = Shape::polygons(vec![vec![square(120.0), square(60.0)]]).unwrap();
    let id = |n| GeofenceId(Uuid::from_u128(n));
    WatchedFences::new(vec![
        fence(id(1), circle(0.0, 100.0), 60, 25.0),
        fence(id(2), holed, 5, 0.0),
        fence(id(3), circle(50.0, 1_000.0), 300, 500.0),
    ])
}

proptest! {
    #[test]
    fn it_makes_no_difference_where_a_way_is_interrupted(
        fixes in anything(), at in any::<prop::sample::Index>(),
    ) {
        let fences = several();
        let whole = Tracked::default().follow(&fixes, &fences);
        let (before, after) = fixes.split_at(at.index(fixes.len()));
        let mut tracked = Tracked::default().follow(before, &fences);
        tracked.visits = Visits::from_bytes(&tracked.visits.to_bytes()).unwrap();
        // What was written already may be read again.
        let tracked = tracked.follow(before, &fences).follow(after, &fences);
        prop_assert_eq!(tracked, whole);
    }

    #[test]
    fn jitter_at_the_border_within_the_hysteresis_makes_one_visit(
        steps in prop::collection::vec((1..900i64, 75.0..124.0f64), 0..200),
    ) {
        let mut seconds = 60;
        let mut fixes = vec![fix(0, 0.0), fix(60, 99.0)];
        for (pause, north_m) in steps {
            seconds += pause;
            fixes.push(fix(seconds, north_m));
        }
        prop_assert_eq!(run(&fixes, &yard()), [(0, 60, None)]);
    }

    #[test]
    fn visits_are_told_in_order_each_once_and_are_as_long_as_was_asked_for(fixes in anything()) {
        let fences = several();
        let mut tracked = Tracked::default().follow(&fixes, &fences);
        tracked.visits.end(&mut tracked.happened);
        for (id, dwell_s) in [(1, 60), (2, 5), (3, 300)] {
            let of_it = |it: &&Happened| {
                matches!(it, Happened::Dwell(dwell, _) if dwell.geofence.0 == Uuid::from_u128(id))
            };
            let of_it: Vec<Happened> = tracked.happened.iter().filter(of_it).copied().collect();
            let mut before = None;
            for pair in of_it.chunks(2) {
                let [Happened::Dwell(begun, None), Happened::Dwell(ended, Some(end))] = pair else {
                    panic!("{pair:?}");
                };
                prop_assert_eq!(begun, ended);
                prop_assert_eq!(begun.reached_at, begun.since + dwell_s * 1000);
                prop_assert!(begun.reached_at <= *end);
                prop_assert!(before.is_none_or(|before| before <= begun.since));
                before = Some(*end);
            }
        }
    }

    #[test]
    fn of_a_geofence_that_asks_for_nothing_nothing_is_told_or_kept(fixes in anything()) {
        let tracked = Tracked::default().follow(&fixes, &WatchedFences::default());
        prop_assert_eq!((tracked.happened, tracked.visits), (vec![], Visits::default()));
    }

    #[test]
    fn no_bytes_make_the_reader_of_states_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Visits::from_bytes(&bytes);
        let _ = Visits::from_bytes(&[&[1], &bytes[..]].concat());
    }
}
