//! Polygons, planar in longitude and latitude as GeoJSON (RFC 7946) has them.

use std::ops::RangeInclusive;

use super::{Bounds, Segment};
use crate::geodesy::{Point, wrap_lon};
use crate::live::Direction;

/// One polygon with its holes: inside is what an odd number of edges lies east of.
///
/// The direction of rings does not matter: most of the world's data has them against RFC 7946.
///
/// Its edges lie in strips of latitude of equal height, so that a place is compared with the edges
/// of one strip only, whatever their number: some five where borders are drawn as people draw
/// them, all of them in a comb whose teeth are as tall as itself. An edge costs 64 bytes.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    bounds: Bounds,
    strips_a_degree: f64,
    /// Where each strip's edges start in `edges`, and where the last one's end.
    starts: Box<[u32]>,
    /// Strip by strip: an edge comes again in every strip that it reaches.
    edges: Box<[Edge]>,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: (f64, f64),
    to: (f64, f64),
}

/// So few edges are compared sooner than a strip is looked up.
const FEW_EDGES: usize = 8;

/// How far from an edge's box, in degrees, a way can meet it: [`Edge::met`] is generous by a
/// billionth of both lengths, of which none has 400 degrees.
const REACH: f64 = 1e-6;

impl Polygon {
    /// Rings of (lon, lat), closed.
    pub(super) fn new(rings: &[Vec<(f64, f64)>]) -> Self {
        let edges: Vec<Edge> = rings
            .iter()
            .flat_map(|ring| ring.windows(2).map(|pair| Edge { from: pair[0], to: pair[1] }))
            .filter(|edge| edge.from != edge.to)
            .collect();
        let bounds = Bounds::of(rings.iter().flatten().copied());
        let height = bounds.north - bounds.south;
        let strips = strips(&edges, height);
        let strips_a_degree = if strips > 1 { strips as f64 / height } else { 0.0 };

        // Counted, summed up, then each edge put where its strips' next free place is.
        let mut polygon = Self {
            bounds,
            strips_a_degree,
            starts: vec![0; strips + 1].into_boxed_slice(),
            edges: Box::default(),
        };
        for edge in &edges {
            for strip in polygon.strips_of(edge) {
                polygon.starts[strip] += 1;
            }
        }
        let mut end = 0;
        for start in &mut polygon.starts {
            end += *start;
            *start = end;
        }
        let nowhere = Edge { from: (0.0, 0.0), to: (0.0, 0.0) };
        polygon.edges = vec![nowhere; end as usize].into_boxed_slice();
        for &edge in edges.iter().rev() {
            for strip in polygon.strips_of(&edge) {
                polygon.starts[strip] -= 1;
                polygon.edges[polygon.starts[strip] as usize] = edge;
            }
        }
        polygon
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Each with its ends in (lon, lat); some more than once.
    pub(super) fn edges(&self) -> impl Iterator<Item = [(f64, f64); 2]> {
        self.edges.iter().map(|edge| [edge.from, edge.to])
    }

    fn contains(&self, lon: f64, lat: f64) -> bool {
        self.bounds.holds(lon, lat)
            && self
                .edges_between(lat, lat)
                .iter()
                .fold(false, |inside, edge| inside ^ edge.is_east_of(lon, lat))
    }

    /// Adds where the way from `a` to `b` meets an edge; the same edge can add the same again.
    fn meet(&self, a: (f64, f64), b: (f64, f64), meetings: &mut Vec<f64>) {
        let way = Bounds::of([a, b]);
        if self.bounds.meets(&way) {
            let way = way.widened(REACH);
            let near = self.edges_between(way.south, way.north).iter();
            let near = near.filter(|edge| Bounds::of([edge.from, edge.to]).meets(&way));
            meetings.extend(near.filter_map(|edge| edge.met(a, b)));
        }
    }

    /// The strip of a latitude; what is not within the polygon's has the nearest.
    fn strip(&self, lat: f64) -> usize {
        // A cast keeps the order and makes 0 of what is below, or no number.
        (((lat - self.bounds.south) * self.strips_a_degree) as usize).min(self.starts.len() - 2)
    }

    fn strips_of(&self, edge: &Edge) -> RangeInclusive<usize> {
        let (south, north) = (edge.from.1.min(edge.to.1), edge.from.1.max(edge.to.1));
        self.strip(south)..=self.strip(north)
    }

    fn edges_between(&self, south: f64, north: f64) -> &[Edge] {
        let (first, last) = (self.strip(south), self.strip(north));
        &self.edges[self.starts[first] as usize..self.starts[last + 1] as usize]
    }
}

/// So many strips that an edge lies in two of them on average.
fn strips(edges: &[Edge], height: f64) -> usize {
    if edges.len() <= FEW_EDGES {
        return 1;
    }
    let climbed: f64 = edges.iter().map(|edge| (edge.to.1 - edge.from.1).abs()).sum();
    // Climbed is a closed ring at least twice its height; of no height it is not at all.
    let strips = edges.len() as f64 * height / climbed;
    (strips as usize).clamp(1, edges.len() / 2)
}

impl Edge {
    fn is_east_of(&self, lon: f64, lat: f64) -> bool {
        let ((x0, y0), (x1, y1)) = (self.from, self.to);
        ((y0 > lat) != (y1 > lat)) & (lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0)
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
        for polygon in polygons {
            polygon.meet(a, b, &mut meetings);
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
