//! Geofences against known cases, and laws that hold for any way and shape.

use biplane_core::Timestamp;
use biplane_core::geodesy::{Point, distance_m};
use biplane_core::geofence::{BorderCrossing, Fence, FenceIndex, Moment, Segment, Shape};
use biplane_core::live::Direction::{self, Enter, Exit};
use proptest::prelude::*;

fn moment(millis: i64, lat: f64, lon: f64) -> Moment {
    Moment { time: Timestamp::from_millis(millis), at: Point { lat, lon } }
}

fn square(west: f64, south: f64, size: f64) -> Vec<(f64, f64)> {
    let (east, north) = (west + size, south + size);
    vec![(west, south), (east, south), (east, north), (west, north), (west, south)]
}

fn story(crossings: &[BorderCrossing]) -> Vec<(Direction, i64)> {
    crossings.iter().map(|c| (c.direction, c.time.as_millis())).collect()
}

#[test]
fn a_way_through_a_circle_between_two_fixes_outside_enters_and_exits() {
    let centre = Point { lat: 0.0, lon: 10.0 };
    let circle = Shape::circle(centre, 1000.0).expect("a circle");
    let way = Segment::between(moment(0, 0.0, 9.99), moment(20_000, 0.0, 10.01));
    let crossings = circle.crossings(&way);
    // On the equator a degree is 111,194.93 m: 1,000 m before and after the middle.
    let off: f64 = 1000.0 / 111_194.926_645 / 0.02 * 20_000.0;
    assert_eq!(
        story(&crossings),
        [(Enter, (10_000.0 - off).round() as i64), (Exit, (10_000.0 + off).round() as i64)]
    );
    for crossing in crossings {
        assert!((distance_m(centre, crossing.at) - 1000.0).abs() < 0.001);
    }
}

#[test]
fn a_way_that_only_grazes_a_circle_finds_the_short_visit() {
    let circle = Shape::circle(Point { lat: 0.0, lon: 10.0 }, 1000.0).expect("a circle");
    // Passes 10 cm inside of the northernmost place: a chord of 28 m of 22 km, 6 s of 1.3 hours.
    let lat = 999.9 / 111_194.926_645;
    let way = Segment::between(moment(0, lat, 9.9), moment(4_800_000, lat, 10.1));
    let crossings = circle.crossings(&way);
    assert_eq!(crossings.len(), 2);
    let visit = crossings[1].time - crossings[0].time;
    assert!((5_000..7_000).contains(&visit), "{visit}");
}

#[test]
fn a_circle_over_the_antimeridian_or_a_pole_is_entered_from_every_side() {
    let pacific = Shape::circle(Point { lat: -17.0, lon: 179.99 }, 5_000.0).expect("a circle");
    let index = FenceIndex::new(vec![Fence { id: uuid::Uuid::nil().into(), shape: pacific }]);
    let way = Segment::between(moment(0, -17.0, -179.9), moment(60_000, -17.0, 179.9));
    let found: Vec<_> = index.crossings(&way).map(|(_, c)| c.direction).collect();
    assert_eq!(found, [Enter, Exit]);

    let pole = Shape::circle(Point { lat: 90.0, lon: 0.0 }, 100_000.0).expect("a circle");
    let index = FenceIndex::new(vec![Fence { id: uuid::Uuid::nil().into(), shape: pole }]);
    for lon in [-180.0, -90.0, 0.0, 77.0, 179.0] {
        let way = Segment::between(moment(0, 89.0, lon), moment(60_000, 89.9, lon));
        assert_eq!(index.crossings(&way).count(), 1, "{lon}");
    }
}

#[test]
fn a_hole_is_outside() {
    let rings = vec![square(0.0, 0.0, 1.0), square(0.25, 0.25, 0.5)];
    let shape = Shape::polygons(vec![rings]).expect("a polygon");
    let way = Segment::between(moment(0, 0.5, -0.5), moment(2_000, 0.5, 1.5));
    assert_eq!(
        story(&shape.crossings(&way)),
        [(Enter, 500), (Exit, 750), (Enter, 1250), (Exit, 1500)]
    );
    assert!(!shape.contains(Point { lat: 0.5, lon: 0.5 }));
}

#[test]
fn touching_a_corner_and_running_along_an_edge_cross_nothing() {
    let shape = Shape::polygons(vec![vec![square(0.0, 0.0, 1.0)]]).expect("a polygon");
    let corner = Segment::between(moment(0, 0.0, 2.0), moment(1_000, 2.0, 0.0));
    assert_eq!(story(&shape.crossings(&corner)), []);
    let along = Segment::between(moment(0, 1.0, -1.0), moment(1_000, 1.0, 2.0));
    assert_eq!(story(&shape.crossings(&along)), []);
}

#[test]
fn a_multipolygon_cut_at_the_antimeridian_is_one_area() {
    let east = vec![(179.0, 0.0), (180.0, 0.0), (180.0, 1.0), (179.0, 1.0), (179.0, 0.0)];
    let west = vec![(-180.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (-180.0, 1.0), (-180.0, 0.0)];
    let shape = Shape::polygons(vec![vec![east], vec![west]]).expect("a multipolygon");
    let way = Segment::between(moment(0, 0.5, 178.0), moment(4_000, 0.5, -178.0));
    assert_eq!(story(&shape.crossings(&way)), [(Enter, 1_000), (Exit, 3_000)]);
    let back = Segment::between(moment(0, 0.5, -178.0), moment(4_000, 0.5, 178.0));
    assert_eq!(story(&shape.crossings(&back)), [(Enter, 1_000), (Exit, 3_000)]);
}

#[test]
fn the_two_sides_of_a_gate_are_told_apart_and_a_fix_on_it_counts_once() {
    // Drawn northwards: its left is west.
    let gate = Shape::gate(vec![(10.0, 0.0), (10.0, 1.0), (10.0, 2.0)]).expect("a gate");
    let eastwards = Segment::between(moment(0, 0.5, 9.0), moment(1_000, 0.5, 11.0));
    assert_eq!(story(&gate.crossings(&eastwards)), [(Enter, 500)]);
    let westwards = Segment::between(moment(0, 0.5, 11.0), moment(1_000, 0.5, 9.0));
    assert_eq!(story(&gate.crossings(&westwards)), [(Exit, 500)]);
    let through_the_vertex = Segment::between(moment(0, 1.0, 9.0), moment(1_000, 1.0, 11.0));
    assert_eq!(story(&gate.crossings(&through_the_vertex)), [(Enter, 500)]);
    let past_its_end = Segment::between(moment(0, 2.5, 9.0), moment(1_000, 2.5, 11.0));
    assert_eq!(story(&gate.crossings(&past_its_end)), []);

    let onto = Segment::between(moment(0, 0.5, 9.0), moment(1_000, 0.5, 10.0));
    let on = Segment::between(moment(1_000, 0.5, 10.0), moment(2_000, 0.5, 11.0));
    assert_eq!(gate.crossings(&onto).len() + gate.crossings(&on).len(), 1);
}

/// It was crossed at Greenwich, and not at 180°.
#[test]
fn a_gate_over_the_antimeridian_went_the_long_way_round() {
    for line in [vec![(179.0, 0.5), (-179.0, 0.5)], vec![(-179.0, 0.5), (179.0, 0.5)]] {
        let eastwards = line[0].0 > 0.0;
        let gate = Shape::gate(line).expect("a gate");
        let index = FenceIndex::new(vec![Fence { id: uuid::Uuid::nil().into(), shape: gate }]);
        for lon in [179.5, 180.0, -180.0, -179.5] {
            let way = Segment::between(moment(0, 1.0, lon), moment(1_000, 0.0, lon));
            let found: Vec<_> = index.crossings(&way).map(|(_, c)| c.direction).collect();
            assert_eq!(found, [if eastwards { Enter } else { Exit }], "{lon}");
        }
        let over = Segment::between(moment(0, 1.0, 179.5), moment(1_000, 0.0, -179.5));
        assert_eq!(index.crossings(&over).count(), 1);
        let greenwich = Segment::between(moment(0, 1.0, 0.0), moment(1_000, 0.0, 0.0));
        assert_eq!(index.crossings(&greenwich).count(), 0);
    }
}

#[test]
fn geojson_of_another_type_than_the_kind_needs_is_refused_by_name() {
    let point = serde_json::json!({"type": "Point", "coordinates": [12.0, 46.0]});
    let error = Shape::from_geojson("polygon", &point, None).expect_err("no polygon");
    assert_eq!(error.to_string(), "a polygon needs the geometry Polygon, this one is Point");
    let error = Shape::from_geojson("circle", &point, None).expect_err("no radius");
    assert_eq!(error.to_string(), "a circle needs a radius above 0 m");
    assert!(Shape::from_geojson("circle", &point, Some(400.0)).is_ok());
}

/// Any shape, near and far, small and larger than the earth.
fn shapes() -> impl Strategy<Value = Shape> {
    let circle = (-90.0..=90.0f64, -180.0..=180.0f64, 0.0..8.0f64)
        .prop_map(|(lat, lon, size)| Shape::circle(Point { lat, lon }, 10f64.powf(size)))
        .prop_map(|shape| shape.expect("a circle"));
    let corner = (-180.0..=180.0f64, -90.0..=90.0f64);
    let star = (corner, prop::collection::vec((-5.0..5.0f64, -5.0..5.0f64), 4..12)).prop_map(
        |((west, south), corners)| {
            let ring = corners
                .iter()
                .map(|(x, y)| ((west + x).clamp(-180.0, 180.0), (south + y).clamp(-90.0, 90.0)));
            Shape::polygons(vec![vec![ring.collect()]]).expect("a polygon")
        },
    );
    // On whole degrees, where fixes and edges often coincide.
    let grid = prop::collection::vec((-3i32..4, -3i32..4), 4..9).prop_map(|corners| {
        let ring = corners.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).collect();
        Shape::polygons(vec![vec![ring]]).expect("a polygon")
    });
    prop_oneof![circle, star, grid]
}

fn places() -> impl Strategy<Value = Point> {
    prop_oneof![
        (-90.0..=90.0f64, -180.0..=180.0f64).prop_map(|(lat, lon)| Point { lat, lon }),
        (-4i32..5, -4i32..5).prop_map(|(lat, lon)| Point { lat: lat.into(), lon: lon.into() }),
        (-90i32..=90, prop::sample::select(vec![-180.0, 0.0, 180.0]))
            .prop_map(|(lat, lon)| Point { lat: lat.into(), lon }),
    ]
}

/// Along `place` of 0 to 1, the crossings of a circle are where a walk in a thousand steps sees them;
/// of those between two steps there may be more.
fn crossed_as_walked(
    centre: Point,
    radius_m: f64,
    place: impl Fn(f64) -> Point,
) -> Result<(), TestCaseError> {
    let circle = Shape::circle(centre, radius_m).expect("a circle");
    let way = Segment::between(
        Moment { time: Timestamp::from_millis(0), at: place(0.0) },
        Moment { time: Timestamp::from_millis(1_000_000), at: place(1.0) },
    );
    let exact = circle.crossings(&way);
    let steps: Vec<bool> =
        (0..=1000).map(|n| circle.contains(place(f64::from(n) / 1000.0))).collect();
    for (n, pair) in steps.windows(2).enumerate() {
        if pair[0] != pair[1] {
            let (from, to) = (n as i64 * 1000 - 1, n as i64 * 1000 + 1001);
            prop_assert!(exact.iter().any(|c| (from..=to).contains(&c.time.as_millis())));
        }
    }
    let changes = steps.windows(2).filter(|pair| pair[0] != pair[1]).count();
    prop_assert!(exact.len() >= changes && exact.len() <= 2);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn enter_and_exit_alternate_within_the_fixes_times_and_fit_the_sides(
        shape in shapes(), a in places(), b in places(), millis in 1i64..100_000_000,
    ) {
        let (a, b) = (Moment { time: Timestamp::from_millis(5), at: a },
                      Moment { time: Timestamp::from_millis(5 + millis), at: b });
        let crossings = shape.crossings(&Segment::between(a, b));
        let mut inside = shape.contains(a.at);
        let mut time = a.time;
        for crossing in &crossings {
            prop_assert_eq!(crossing.direction, if inside { Exit } else { Enter });
            prop_assert!(time <= crossing.time && crossing.time <= b.time);
            prop_assert!(crossing.at.is_on_earth());
            inside = !inside;
            time = crossing.time;
        }
        prop_assert_eq!(inside, shape.contains(b.at));
    }

    #[test]
    fn the_index_misses_nothing_that_the_shapes_find(
        shapes in prop::collection::vec(shapes(), 1..20), a in places(), b in places(),
    ) {
        let way = Segment::between(Moment { time: Timestamp::from_millis(0), at: a },
                                   Moment { time: Timestamp::from_millis(60_000), at: b });
        let mut alone: Vec<_> = shapes.iter().map(|shape| shape.crossings(&way).len()).collect();
        let fences = shapes.into_iter().enumerate()
            .map(|(n, shape)| Fence { id: uuid::Uuid::from_u128(n as u128).into(), shape });
        for (fence, _) in FenceIndex::new(fences.collect()).crossings(&way) {
            alone[fence.id.0.as_u128() as usize] -= 1;
        }
        prop_assert!(alone.iter().all(|&left| left == 0));
    }

    #[test]
    fn a_circle_is_crossed_as_a_walk_in_tiny_steps_crosses_it(
        lat in -60.0..60.0f64, lon in -180.0..180.0f64, radius in 100.0..50_000.0f64,
        from in (-0.5..0.5f64, -0.5..0.5f64), to in (-0.5..0.5f64, -0.5..0.5f64),
    ) {
        let place = |t: f64| Point {
            lat: lat + from.0 + t * (to.0 - from.0),
            lon: lon + from.1 + t * (to.1 - from.1),
        };
        crossed_as_walked(Point { lat, lon }, radius, place)?;
    }

    /// Up to 20 m, or none at all: as a device that is parked there moves.
    #[test]
    fn a_circle_is_crossed_by_small_moves_at_its_border_as_a_walk_in_tiny_steps_crosses_it(
        lat in -60.0..60.0f64, lon in -180.0..180.0f64, radius in 10.0..50_000.0f64,
        course in 0.0..std::f64::consts::TAU,
        from in (-1e-4..1e-4f64, -1e-4..1e-4f64), to in (-1e-4..1e-4f64, -1e-4..1e-4f64),
        stands in any::<bool>(),
    ) {
        let (north, east) = (radius / 111_195.0 * course.cos(), radius / 111_195.0 * course.sin());
        let to = if stands { from } else { to };
        let place = |t: f64| Point {
            lat: lat + north + from.0 + t * (to.0 - from.0),
            lon: lon + east / lat.to_radians().cos() + from.1 + t * (to.1 - from.1),
        };
        crossed_as_walked(Point { lat, lon }, radius, place)?;
    }

    /// In 64ths of a degree, which shift without rounding; no leg is half a turn or longer, since
    /// then neither way is the short one.
    #[test]
    fn a_gate_is_crossed_the_same_wherever_on_the_earth_all_of_it_is_shifted_to(
        legs in prop::collection::vec((-11_519i32..11_520, -640i32..640), 1..6),
        way in (-11_520i32..11_520, -640i32..640, -11_519i32..11_520, -640i32..640),
        small in any::<bool>(), shift in 0i32..23_040,
    ) {
        let scale = if small { 100 } else { 1 };
        let degrees = |lon: i32, shift: i32| f64::from((lon + shift + 11_520).rem_euclid(23_040) - 11_520) / 64.0;
        let found = |shift: i32| {
            let (mut line, mut lon) = (vec![(degrees(0, shift), 0.0)], 0);
            for &(east, lat) in &legs {
                lon += east / scale;
                line.push((degrees(lon, shift), f64::from(lat) / 64.0));
            }
            let end = |millis, lon, lat| moment(millis, f64::from(lat) / 64.0, degrees(lon, shift));
            let (from, to) = (way.0 / scale, (way.0 + way.2) / scale);
            let way = Segment::between(end(0, from, way.1), end(1_000_000, to, way.3));
            let shape = Shape::gate(line).expect("a gate");
            let alone = shape.crossings(&way);
            let index = FenceIndex::new(vec![Fence { id: uuid::Uuid::nil().into(), shape }]);
            let indexed: Vec<_> = index.crossings(&way).map(|(_, crossing)| crossing).collect();
            (alone, indexed)
        };
        let (here, indexed_here) = found(0);
        let (there, indexed_there) = found(shift);
        prop_assert_eq!(story(&here), story(&there));
        prop_assert_eq!(&indexed_here, &here);
        prop_assert_eq!(&indexed_there, &there);
        for (here, there) in here.iter().zip(&there) {
            let turned = (there.at.lon - here.at.lon - f64::from(shift) / 64.0).rem_euclid(360.0);
            prop_assert!(turned.min(360.0 - turned) < 1e-9);
            prop_assert_eq!(here.at.lat, there.at.lat);
        }
    }

    #[test]
    fn no_number_makes_the_engine_panic(
        lat in any::<f64>(), lon in any::<f64>(), radius in any::<f64>(), a in places(), b in places(),
    ) {
        let _ = Shape::polygons(vec![vec![vec![(lon, lat), (lat, lon), (0.0, 0.0), (lon, radius)]]]);
        let _ = Shape::gate(vec![(lon, lat), (lat, radius)]);
        if let Ok(circle) = Shape::circle(Point { lat, lon }, radius) {
            let a = Moment { time: Timestamp::from_millis(i64::MIN), at: a };
            let b = Moment { time: Timestamp::from_millis(i64::MAX), at: b };
            let _ = circle.crossings(&Segment::between(a, b));
        }
    }
}
