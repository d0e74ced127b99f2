//! Polygons, planar in longitude and latitude as GeoJSON (RFC 7946) has them.

use super::{Bounds, Segment};
use crate::geodesy::{Point, wrap_lon};
use crate::live::Direction;

/// One polygon with its holes: inside is what an odd number of edges lies east of.
///
/// The direction of rings does not matter: most of the world's data has them against RFC 7946.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    bounds: Bounds,
    edges: Vec<Edge>,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: (f64, f64),
    to: (f64, f64),
}

impl Polygon {
    /// Rings of (lon, lat), closed.
    pub(super) fn new(rings: &[Vec<(f64, f64)>]) -> Self {
        let edges = rings
            .iter()
            .flat_map(|ring| ring.windows(2).map(|pair| Edge { from: pair[0], to: pair[1] }))
            .filter(|edge| edge.from != edge.to)
            .collect();
        Self { bounds: Bounds::of(rings.iter().flatten().copied()), edges }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Each with its ends in (lon, lat).
    pub(super) fn edges(&self) -> impl Iterator<Item = [(f64, f64); 2]> {
        self.edges.iter().map(|edge| [edge.from, edge.to])
    }

    fn contains(&self, lon: f64, lat: f64) -> bool {
        self.bounds.holds(lon, lat)
            && self.edges.iter().fold(false, |inside, edge| inside != edge.is_east_of(lon, lat))
    }
}

impl Edge {
    fn is_east_of(&self, lon: f64, lat: f64) -> bool {
        let ((x0, y0), (x1, y1)) = (self.from, self.to);
        (y0 > lat) != (y1 > lat) && lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0
    }

    /// Where on the way from `a` to `b` the edge is met, a little generously at all ends.
    fn met(&self, a: (f64, f64), b: (f64, f64)) -> Option<f64> {
        const SLACK: f64 = 1e-9;
        let way = (b.0 - a.0, b.1 - a.1);
        let edge = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let between = (self.from.0 - a.0, self.from.1 - a.1);
        let across = way.0 * edge.1 - way.1 * edge.0;
        if across == 0.0 {
            return None;
        }
        let t = (between.0 * edge.1 - between.1 * edge.0) / across;
        let u = (between.0 * way.1 - between.1 * way.0) / across;
        let range = -SLACK..=1.0 + SLACK;
        (range.contains(&t) && range.contains(&u)).then(|| t.clamp(0.0, 1.0))
    }
}

pub(super) fn contains(polygons: &[Polygon], at: Point) -> bool {
    let lon = wrap_lon(at.lon);
    polygons.iter().any(|polygon| polygon.contains(lon, at.lat))
}

/// Where edges are met is only where a border may be: whether one is there is decided by
/// the sides, which are asked for at the fixes and halfway between the meetings. So touching
/// a corner, running along an edge or over the seam of two polygons is no crossing, and what
/// is found always fits the sides of the two fixes.
pub(super) fn crossings(polygons: &[Polygon], segment: &Segment) -> Vec<(Direction, f64)> {
    let mut meetings = Vec::new();
    for turn in segment.turns() {
        let (a, b) = ((segment.a.0 + turn, segment.a.1), (segment.b.0 + turn, segment.b.1));
        let bounds = Bounds::of([a, b]);
        for polygon in polygons.iter().filter(|polygon| polygon.bounds.meets(&bounds)) {
            meetings.extend(polygon.edges.iter().filter_map(|edge| edge.met(a, b)));
        }
    }
    meetings.sort_by(f64::total_cmp);
    meetings.dedup();

    let side = |t: f64| contains(polygons, segment.place(t));
    let (mut inside, ends_in) = (side(0.0), side(1.0));
    if meetings.is_empty() && inside != ends_in {
        meetings.push(border(&side, segment.finest()));
    }
    let mut crossings = Vec::new();
    for (n, &t) in meetings.iter().enumerate() {
        let then = meetings.get(n + 1).map_or(ends_in, |&next| side(t.midpoint(next)));
        if then != inside {
            crossings.push((if then { Direction::Enter } else { Direction::Exit }, t));
            inside = then;
        }
    }
    crossings
}

/// The border between two ends on different sides, when rounding hid the edge that was met.
fn border(side: &impl Fn(f64) -> bool, finest: f64) -> f64 {
    let (mut from, mut to, starts_in) = (0.0f64, 1.0f64, side(0.0));
    while to - from > finest {
        let middle = from.midpoint(to);
        if middle <= from || middle >= to {
            break;
        }
        if side(middle) == starts_in { from = middle } else { to = middle }
    }
    from.midpoint(to)
}
