//! Where rings meet: one sweep over all segments.
//!
//! Segments are taken in the order of their lower end along one direction and
//! compared with those that still reach there: near n log n for shapes of the
//! real world, and for the worst ones bounded by the number of positions.

use std::collections::HashSet;
use std::f64::consts::{FRAC_PI_2, PI};

use geo::kernels::Orientation;
use geo::{Coord, Line};

use crate::fault::{Fault, Meeting};
use crate::ring::{Ring, orientation};

/// Points where two rings of a polygon touch and are allowed to.
pub type Touches = HashSet<(Point, usize)>;

/// A position by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(u64, u64);

impl Point {
    fn of(position: Coord) -> Self {
        Self(position.x.to_bits(), position.y.to_bits())
    }

    /// Back again.
    pub fn position(self) -> Coord {
        Coord { x: f64::from_bits(self.0), y: f64::from_bits(self.1) }
    }
}

struct Segment {
    start: Coord,
    end: Coord,
    /// Extent along the direction of the sweep.
    low: f64,
    high: f64,
    /// Extent across.
    left: f64,
    right: f64,
    ring: u32,
    index: u32,
}

/// A segment that the sweep has not left behind: what is looked at for every pair, in one place.
#[derive(Clone, Copy)]
struct Active {
    high: f64,
    left: f64,
    right: f64,
    segment: u32,
}

/// Finds the first ring that meets itself, else two rings that meet in more than
/// points; answers where rings of one polygon touch (point, index of the ring).
pub fn check(rings: &[Ring]) -> Result<Touches, Fault> {
    let segments = segments(rings);
    let mut touches = Touches::new();
    // A ring that meets itself is said first, or the verdict would hang on the ring's start.
    let mut rings_meet = None;
    let mut active: Vec<Active> = Vec::new();
    for (low, current) in in_order(&segments) {
        let segment = &segments[current as usize];
        let Segment { high, left, right, .. } = *segment;
        let mut slot = 0;
        while let Some(other) = active.get(slot) {
            if other.high < low {
                active.swap_remove(slot);
                continue;
            }
            slot += 1;
            if other.left > right || other.right < left {
                continue;
            }
            let other = &segments[other.segment as usize];
            if other.ring == segment.ring {
                let ring = &rings[segment.ring as usize];
                if let Some((meeting, at)) = within_ring(ring, other, segment) {
                    let (first, second) =
                        (other.index.min(segment.index), other.index.max(segment.index));
                    return Err(Fault::SelfIntersection {
                        place: ring.place,
                        meeting,
                        at,
                        first: ring.segment_name(first as usize),
                        second: ring.segment_name(second as usize),
                    });
                }
            } else if rings_meet.is_none() {
                rings_meet = between_rings(rings, other, segment, &mut touches);
            }
        }
        active.push(Active { high, left, right, segment: current });
    }
    rings_meet.map_or(Ok(touches), Err)
}

fn segments(rings: &[Ring]) -> Vec<Segment> {
    let along = direction(rings);
    let across = Coord { x: -along.y, y: along.x };
    let mut segments = Vec::with_capacity(rings.iter().map(Ring::len).sum());
    for (ring, shape) in rings.iter().enumerate() {
        for (index, Line { start, end }) in shape.line.lines().enumerate() {
            let (low, high) = extent(along, start, end);
            let (left, right) = extent(across, start, end);
            let (ring, index) = (ring as u32, index as u32);
            segments.push(Segment { start, end, low, high, left, right, ring, index });
        }
    }
    segments
}

/// The segments in the order of their lower ends, which are rounded down to what leaves room for a
/// segment's number in one integer: numbers alone are sorted fastest.
fn in_order(segments: &[Segment]) -> impl Iterator<Item = (f64, u32)> + use<> {
    const NUMBER: u64 = u32::MAX as u64;
    const SIGN: u64 = 1 << 63;
    // As integers compare: the bits of positive numbers do so but for the sign, those of negative ones
    // the other way round.
    let ordered = |bits: u64| if bits & SIGN == 0 { bits | SIGN } else { !bits };
    let float = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN });
    let keys = segments.iter().zip(0_u64..);
    let mut keys: Vec<u64> =
        keys.map(|(it, number)| ordered(it.low.to_bits()) & !NUMBER | number).collect();
    keys.sort_unstable();
    keys.into_iter().map(move |key| (float(key & !NUMBER), (key & NUMBER) as u32))
}

/// The direction in which the fewest segments overlap. A comb costs n log n across its
/// teeth and n² along them, so that it must not depend on how it is turned.
fn direction(rings: &[Ring]) -> Coord {
    const STEPS: u32 = 8;
    /// Up to here more than two to choose from cost more than they save.
    const FEW: usize = 256;
    /// So many segments tell well enough how all of them lie.
    const SAMPLE: usize = 256;
    let count = rings.iter().map(Ring::len).sum::<usize>();
    // Odd, for what alternates.
    let step = (count / SAMPLE) | 1;
    let lines = || rings.iter().flat_map(|ring| ring.line.lines()).step_by(step);
    let depth = |direction: Coord| {
        let (mut sum, mut whole) = (0.0, (f64::MAX, f64::MIN));
        for Line { start, end } in lines() {
            let (low, high) = extent(direction, start, end);
            sum += high - low;
            whole = (least(low, whole.0), most(high, whole.1));
        }
        sum / (whole.1 - whole.0)
    };
    let (eastward, northward) = (Coord { x: 1.0, y: 0.0 }, Coord { x: 0.0, y: 1.0 });
    if count < FEW {
        return if depth(northward) < depth(eastward) { northward } else { eastward };
    }
    // Across the way that most of the length goes, and some others for shapes that have no such way.
    // Angles are doubled, so that there and back are one way.
    let (mut sine, mut cosine) = (0.0, 0.0);
    for line in lines() {
        let (dx, dy) = (line.dx(), line.dy());
        let length = dx.hypot(dy);
        sine += 2.0 * dx * dy / length;
        cosine += (dx * dx - dy * dy) / length;
    }
    let main = sine.atan2(cosine) / 2.0;
    let mut best = (f64::INFINITY, eastward);
    for angle in std::iter::once(main + FRAC_PI_2)
        .chain((0..STEPS).map(|step| PI * f64::from(step) / f64::from(STEPS)))
    {
        let candidate = Coord { x: angle.cos(), y: angle.sin() };
        let depth = depth(candidate);
        if depth < best.0 {
            best = (depth, candidate);
        }
    }
    best.1
}

/// What a segment covers in a direction, a little more rather than less: only
/// segments that are surely apart go uncompared.
fn extent(direction: Coord, start: Coord, end: Coord) -> (f64, f64) {
    const ROUNDING: f64 = 1e-12;
    let (from, to) =
        (start.x * direction.x + start.y * direction.y, end.x * direction.x + end.y * direction.y);
    (least(from, to) - ROUNDING, most(from, to) + ROUNDING)
}

/// `f64::min` of what is no NaN; that one is a call in WebAssembly.
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

fn most(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// How two segments of one ring meet. Neighbours share a position, and more only in
/// a spike, which a [`Ring`] has not.
fn within_ring(ring: &Ring, a: &Segment, b: &Segment) -> Option<(Meeting, Coord)> {
    let gap = a.index.abs_diff(b.index) as usize;
    if gap == 1 || gap == ring.len() - 1 { None } else { meeting(a, b) }
}

/// Whether two rings meet here in a way that they must not; otherwise notes where they touch.
fn between_rings(rings: &[Ring], a: &Segment, b: &Segment, touches: &mut Touches) -> Option<Fault> {
    let (meeting, at) = meeting(a, b)?;
    let (ring_a, ring_b) = (&rings[a.ring as usize], &rings[b.ring as usize]);
    let meeting = match meeting {
        Meeting::Touch if !pass_through(at, around(ring_a, a, at), around(ring_b, b, at)) => {
            if ring_a.polygon == ring_b.polygon {
                touches.insert((Point::of(at), a.ring as usize));
                touches.insert((Point::of(at), b.ring as usize));
            }
            return None;
        }
        Meeting::Touch => Meeting::Cross,
        other => other,
    };
    let ((first, first_ring), (second, second_ring)) =
        if a.ring < b.ring { ((a, ring_a), (b, ring_b)) } else { ((b, ring_b), (a, ring_a)) };
    Some(Fault::RingsMeet {
        first_place: first_ring.place,
        second_place: second_ring.place,
        meeting,
        at,
        first: first_ring.segment_name(first.index as usize),
        second: second_ring.segment_name(second.index as usize),
    })
}

/// How two segments that are no neighbours meet, and where. A touch is exact: it
/// is an end of one of them.
fn meeting(a: &Segment, b: &Segment) -> Option<(Meeting, Coord)> {
    use Orientation::Collinear;
    let b_start = orientation(a.start, a.end, b.start);
    let b_end = orientation(a.start, a.end, b.end);
    if b_start == b_end && b_start != Collinear {
        return None;
    }
    let a_start = orientation(b.start, b.end, a.start);
    let a_end = orientation(b.start, b.end, a.end);
    if a_start == a_end && a_start != Collinear {
        return None;
    }
    if b_start == Collinear && b_end == Collinear {
        // On one line: what they share lies between the second and third of the four ends.
        let mut ends = [a.start, a.end, b.start, b.end];
        ends.sort_unstable_by(|p, q| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y)));
        let shared = |p: Coord| within(a, p) && within(b, p);
        return match (shared(ends[1]), shared(ends[2])) {
            (true, true) if ends[1] != ends[2] => Some((Meeting::Overlap, ends[1])),
            (true, _) => Some((Meeting::Touch, ends[1])),
            _ => None,
        };
    }
    let ends = [(b_start, b.start), (b_end, b.end), (a_start, a.start), (a_end, a.end)];
    if let Some((_, at)) = ends.into_iter().find(|(side, _)| *side == Collinear) {
        return Some((Meeting::Touch, at));
    }
    Some((Meeting::Cross, crossing(a, b)))
}

/// Whether a position on the segment's line is on the segment.
fn within(segment: &Segment, p: Coord) -> bool {
    let (s, e) = (segment.start, segment.end);
    (s.x.min(e.x)..=s.x.max(e.x)).contains(&p.x) && (s.y.min(e.y)..=s.y.max(e.y)).contains(&p.y)
}

/// Where two segments cross, near enough for people.
fn crossing(a: &Segment, b: &Segment) -> Coord {
    let (da, db, between) = (a.end - a.start, b.end - b.start, b.start - a.start);
    let share = (between.x * db.y - between.y * db.x) / (da.x * db.y - da.y * db.x);
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
    a.start + da * share
}

/// Where the ring comes from and goes to at a position on its segment.
fn around(ring: &Ring, segment: &Segment, at: Coord) -> (Coord, Coord) {
    let index = segment.index as usize;
    if at == segment.start {
        (ring.vertex(index + ring.len() - 1), segment.end)
    } else if at == segment.end {
        (segment.start, ring.vertex(index + 2))
    } else {
        (segment.start, segment.end)
    }
}

/// Whether two rings that share the position `at` pass through each other there:
/// one of the second's ways lies to the left of the first, the other to the right.
fn pass_through(at: Coord, a: (Coord, Coord), b: (Coord, Coord)) -> bool {
    match (side(at, a, b.0), side(at, a, b.1)) {
        (Some(first), Some(second)) => first != second,
        // Along the same line: the overlap is found with its own pair of segments.
        _ => false,
    }
}

/// Whether `p` is in the sector from `from` counter-clockwise to `to`, seen from
/// `at`; `None` on its edges.
fn side(at: Coord, (from, to): (Coord, Coord), p: Coord) -> Option<bool> {
    use Orientation::{Clockwise, Collinear, CounterClockwise};
    let (of_from, of_to) = (orientation(at, from, p), orientation(at, to, p));
    let same_way = |q: Coord| (q.x - at.x) * (p.x - at.x) + (q.y - at.y) * (p.y - at.y) > 0.0;
    if (of_from == Collinear && same_way(from)) || (of_to == Collinear && same_way(to)) {
        return None;
    }
    Some(match orientation(at, from, to) {
        CounterClockwise => of_from == CounterClockwise && of_to == Clockwise,
        Clockwise => !(of_to == CounterClockwise && of_from == Clockwise),
        Collinear => of_from == CounterClockwise,
    })
}
