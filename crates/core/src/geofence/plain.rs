//! Polygons without strips and fences without a tree: every edge and every fence is asked. What is
//! quick has to say the same, to the last digit.

use proptest::prelude::*;

use super::polygon::{self, Polygon};
use super::{Bounds, Fence, FenceIndex, Moment, Segment, Shape};
use crate::Timestamp;
use crate::geodesy::{Point, wrap_lon};
use crate::live::Direction::{self, Enter, Exit};

type Place = (f64, f64);
type Rings = Vec<Vec<Place>>;

fn edges(rings: &Rings) -> impl Iterator<Item = (Place, Place)> {
    let pairs = rings.iter().flat_map(|ring| ring.windows(2).map(|pair| (pair[0], pair[1])));
    pairs.filter(|(from, to)| from != to)
}

fn bounds(rings: &Rings) -> Bounds {
    Bounds::of(rings.iter().flatten().copied())
}

fn is_inside(polygons: &[Rings], at: Point) -> bool {
    let (lon, lat) = (wrap_lon(at.lon), at.lat);
    let is_east = |((x0, y0), (x1, y1)): (Place, Place)| {
        (y0 > lat) != (y1 > lat) && lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0
    };
    let odd = |rings: &Rings| edges(rings).filter(|&edge| is_east(edge)).count() % 2 == 1;
    polygons.iter().any(|rings| bounds(rings).holds(lon, lat) && odd(rings))
}

fn met((from, to): (Place, Place), a: Place, b: Place) -> Option<f64> {
    let (way, edge) = ((b.0 - a.0, b.1 - a.1), (to.0 - from.0, to.1 - from.1));
    let between = (from.0 - a.0, from.1 - a.1);
    let across = way.0 * edge.1 - way.1 * edge.0;
    let t = (between.0 * edge.1 - between.1 * edge.0) / across;
    let u = (between.0 * way.1 - between.1 * way.0) / across;
    let range = -1e-9..=1.0 + 1e-9;
    (across != 0.0 && range.contains(&t) && range.contains(&u)).then(|| t.clamp(0.0, 1.0))
}

fn crossings(polygons: &[Rings], segment: &Segment) -> Vec<(Direction, f64)> {
    let mut meetings = Vec::new();
    for turn in segment.turns() {
        let (a, b) = ((segment.a.0 + turn, segment.a.1), (segment.b.0 + turn, segment.b.1));
        let near = polygons.iter().filter(|rings| bounds(rings).meets(&Bounds::of([a, b])));
        meetings.extend(near.flat_map(edges).filter_map(|edge| met(edge, a, b)));
    }
    meetings.sort_by(f64::total_cmp);
    meetings.dedup();
    let side = |t: f64| is_inside(polygons, segment.place(t));
    let (mut inside, ends_in) = (side(0.0), side(1.0));
    if meetings.is_empty() && inside != ends_in {
        let (mut from, mut to) = (0.0f64, 1.0f64);
        while to - from > segment.finest() && from < from.midpoint(to) && from.midpoint(to) < to {
            let middle = from.midpoint(to);
            if side(middle) == inside { from = middle } else { to = middle }
        }
        meetings.push(from.midpoint(to));
    }
    let mut found = Vec::new();
    for (n, &t) in meetings.iter().enumerate() {
        let then = meetings.get(n + 1).map_or(ends_in, |&next| side(t.midpoint(next)));
        if then != inside {
            found.push((if then { Enter } else { Exit }, t));
            inside = then;
        }
    }
    found
}

fn closed(mut ring: Vec<Place>) -> Vec<Place> {
    ring.push(ring[0]);
    ring
}

/// A ring around a place: now smooth, now of spikes, now so small that its numbers hardly differ.
fn star(most: usize) -> impl Strategy<Value = Vec<Place>> {
    let size = prop::sample::select(vec![30.0, 1.0, 1e-3, 1e-11]);
    let centre = (-149.0..149.0f64, -50.0..50.0f64);
    (centre, size, 0.0..1.0f64, prop::collection::vec(0.0..1.0f64, 3..most)).prop_map(
        |((lon, lat), size, spikes, radii)| {
            let angle = std::f64::consts::TAU / radii.len() as f64;
            let corner = |(n, radius): (usize, &f64)| {
                let (sine, cosine) = (n as f64 * angle).sin_cos();
                let radius = size * (1.0 - spikes * radius);
                (lon + radius * cosine, lat + radius * sine)
            };
            closed(radii.iter().enumerate().map(corner).collect())
        },
    )
}

/// Teeth as tall as the whole: every edge is in every strip.
fn comb() -> impl Strategy<Value = Vec<Place>> {
    (3i32..40).prop_map(|teeth| {
        let tips = (0..teeth).flat_map(|n| [(f64::from(n), 0.0), (f64::from(n) + 0.5, 9.0)]);
        closed(tips.chain([(f64::from(teeth), 0.0), (20.0, -9.0)]).collect())
    })
}

/// On few whole degrees: corners shared between rings, and edges level, upright, twice or crossing.
fn grid() -> impl Strategy<Value = Vec<Place>> {
    let corner = (-3i32..4, -3i32..4).prop_map(|(x, y)| (f64::from(x), f64::from(y)));
    prop::collection::vec(corner, 3..30).prop_map(closed)
}

/// At ±180 too.
fn edge_of_the_map() -> impl Strategy<Value = Vec<Place>> {
    let corner = (prop::sample::select(vec![-180.0, -179.0, 0.0, 179.0, 180.0]), -90i32..=90);
    prop::collection::vec(corner.prop_map(|(x, y)| (x, f64::from(y))), 3..12).prop_map(closed)
}

/// One polygon or several, with holes or without.
fn polygons() -> impl Strategy<Value = Vec<Rings>> {
    let ring = || prop_oneof![star(12), star(300), comb(), grid(), edge_of_the_map()];
    prop::collection::vec(prop::collection::vec(ring(), 1..4), 1..4)
}

/// Places as hard as the polygon has them: its corners and what lies level with them, places on
/// its edges and a rounding beside, and any.
fn places(polygons: &[Rings], picks: &[(usize, f64, u8)]) -> Vec<Point> {
    let edges: Vec<_> = polygons.iter().flat_map(edges).collect();
    let mut places = Vec::new();
    for &(pick, t, kind) in picks {
        let Some(&(from, to)) = edges.get(pick % edges.len().max(1)) else { continue };
        let on = (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
        let box_ = bounds(&polygons[pick % polygons.len()]);
        let (lon, lat) = match kind % 6 {
            0 => from,
            1 => on,
            2 => (on.0.next_up(), on.1.next_down()),
            3 => (box_.west + t * (box_.east - box_.west), from.1),
            4 => (from.0, box_.south + t * (box_.north - box_.south)),
            _ => (t * 360.0 - 180.0, (pick % 181) as f64 - 90.0),
        };
        places.push(Point { lat, lon });
    }
    places
}

fn picks() -> impl Strategy<Value = Vec<(usize, f64, u8)>> {
    prop::collection::vec((any::<usize>(), 0.0..=1.0f64, any::<u8>()), 2..40)
}

fn ways(places: &[Point]) -> impl Iterator<Item = Segment> {
    let at = |millis, at| Moment { time: Timestamp::from_millis(millis), at };
    places.windows(2).map(move |pair| Segment::between(at(0, pair[0]), at(3_600_000, pair[1])))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn strips_find_the_sides_and_the_crossings_that_all_edges_find(
        polygons in polygons(), picks in picks(),
    ) {
        let quick: Vec<Polygon> = polygons.iter().map(|rings| Polygon::new(rings)).collect();
        let places = places(&polygons, &picks);
        for &place in &places {
            prop_assert_eq!(polygon::contains(&quick, place), is_inside(&polygons, place), "{:?}", place);
        }
        for way in ways(&places) {
            prop_assert_eq!(polygon::crossings(&quick, &way), crossings(&polygons, &way), "{:?}", way);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn an_index_finds_the_fences_and_crossings_that_asking_each_finds(
        several in prop::collection::vec(polygons(), 1..40),
        circles in prop::collection::vec((-90.0..=90.0f64, -180.0..=180.0f64, 0.0..8.0f64), 0..20),
        picks in picks(),
    ) {
        let all: Vec<Rings> = several.iter().flatten().cloned().collect();
        let places = places(&all, &picks);
        let polygons = several.into_iter().map(Shape::polygons);
        let circles = circles.into_iter()
            .map(|(lat, lon, size)| Shape::circle(Point { lat, lon }, 10f64.powf(size)));
        let fences: Vec<Fence> = polygons.chain(circles).flatten().enumerate()
            .map(|(n, shape)| Fence { id: uuid::Uuid::from_u128(n as u128).into(), shape })
            .collect();
        let index = FenceIndex::new(fences.clone());
        for &place in &places {
            let mut found: Vec<_> = index.containing(place).map(|fence| fence.id).collect();
            found.sort();
            let asked = fences.iter().filter(|fence| fence.shape.contains(place));
            prop_assert_eq!(found, asked.map(|fence| fence.id).collect::<Vec<_>>(), "{:?}", place);
        }
        for way in ways(&places) {
            let found: Vec<_> = index.crossings(&way).map(|(fence, c)| (fence.id, c)).collect();
            let asked = fences.iter()
                .flat_map(|fence| fence.shape.crossings(&way).into_iter().map(|c| (fence.id, c)));
            prop_assert_eq!(found, asked.collect::<Vec<_>>(), "{:?}", way);
        }
    }
}
