//! Rings, each by itself: closed, long enough, around something, without spikes.

use geo::kernels::Orientation;
use geo::{BoundingRect, Coord, LineString, Rect, algorithm::Kernel, kernels::RobustKernel};

use crate::fault::{Fault, Meeting, Place, SegmentName};

/// A closed ring without repeated positions and spikes.
#[derive(Debug)]
pub struct Ring {
    /// For people.
    pub place: Place,
    /// Which polygon it belongs to.
    pub polygon: usize,
    /// Whether it is a hole of that polygon.
    pub hole: bool,
    /// First position = last position.
    pub line: LineString,
    /// Whether it came otherwise: not closed, or with repeated positions.
    pub repaired: bool,
    /// Of each position, where the client had it (the last of those that repeat).
    vertices: Vec<u32>,
    /// What it covers.
    pub bounds: Rect,
}

impl Ring {
    /// Reads the rings of a polygon, the exterior first.
    pub fn read_polygon(
        lines: Vec<LineString>,
        polygon: usize,
        into: &mut Vec<Self>,
        place: impl Fn(usize) -> Place,
    ) -> Result<(), Fault> {
        if lines.is_empty() {
            return Err(Fault::Empty { what: "polygon", part: "ring" });
        }
        for (index, line) in lines.into_iter().enumerate() {
            into.push(Self::read(line, polygon, index > 0, place(index))?);
        }
        Ok(())
    }

    fn read(mut line: LineString, polygon: usize, hole: bool, place: Place) -> Result<Self, Fault> {
        const LEAST: usize = 4;
        let given = line.0.len();
        let (Some(&first), Some(&last)) = (line.0.first(), line.0.last()) else {
            return Err(Fault::TooFewPoints { place, count: given, least: LEAST });
        };
        if first != last {
            line.0.push(first);
        }
        let count = line.0.len();
        if count < LEAST {
            return Err(Fault::TooFewPoints { place, count: given, least: LEAST });
        }
        let mut vertices: Vec<u32> = Vec::with_capacity(count);
        let mut kept: usize = 0;
        for index in 0..count {
            let position = line.0[index];
            if kept > 0 {
                let before = line.0[kept - 1];
                if before == position {
                    vertices[kept - 1] = index as u32;
                    continue;
                }
                let jump = (position.x - before.x).abs();
                // From -180 to 180 is once round the earth: a box around all of it is meant so.
                if jump > 180.0 && jump < 360.0 {
                    let index = vertices[kept - 1] as usize;
                    return Err(Fault::Antimeridian { place, index, at: before });
                }
            }
            line.0[kept] = position;
            vertices.push(index as u32);
            kept += 1;
        }
        line.0.truncate(kept);
        if kept < LEAST {
            return Err(Fault::TooFewDifferent { place, count: kept.max(2) - 1, least: LEAST - 1 });
        }
        let (a, b) = (line.0[0], line.0[1]);
        if line.0.iter().all(|&c| orientation(a, b, c) == Orientation::Collinear) {
            return Err(Fault::ZeroArea { place });
        }
        let bounds = line.bounding_rect().expect("a ring has positions");
        let ring = Self { place, polygon, hole, line, repaired: kept != given, vertices, bounds };
        ring.spike().map_or(Ok(ring), Err)
    }

    /// Whether it goes the way that RFC 7946 asks for: exteriors counter-clockwise, holes clockwise. Of a
    /// ring that does not meet itself.
    pub fn is_wound(&self) -> bool {
        let lowest = |&a: &usize, &b: &usize| {
            let (a, b) = (self.vertex(a), self.vertex(b));
            a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y))
        };
        let index = (0..self.len()).min_by(lowest).unwrap_or_default();
        let turn = orientation(
            self.vertex(index + self.len() - 1),
            self.vertex(index),
            self.vertex(index + 1),
        );
        (turn == Orientation::CounterClockwise) != self.hole
    }

    /// A segment that goes back the way its predecessor came.
    fn spike(&self) -> Option<Fault> {
        let back = |index: usize| {
            let (before, tip, after) =
                (self.vertex(index + self.len() - 1), self.vertex(index), self.vertex(index + 1));
            orientation(before, tip, after) == Orientation::Collinear
                && before.x.total_cmp(&tip.x) == after.x.total_cmp(&tip.x)
                && before.y.total_cmp(&tip.y) == after.y.total_cmp(&tip.y)
        };
        let index = (0..self.len()).find(|&index| back(index))?;
        Some(Fault::SelfIntersection {
            place: self.place,
            meeting: Meeting::Overlap,
            at: self.vertex(index),
            first: self.segment_name((index + self.len() - 1) % self.len()),
            second: self.segment_name(index),
        })
    }

    /// How many segments.
    pub fn len(&self) -> usize {
        self.line.0.len() - 1
    }

    /// The start of segment `index`, which may be one past the last.
    pub fn vertex(&self, index: usize) -> Coord {
        self.line.0[index % self.len()]
    }

    /// The segment as the client counted.
    pub fn segment_name(&self, index: usize) -> SegmentName {
        SegmentName(self.vertices[index] as usize)
    }
}

/// Exact, whatever the coordinates (Shewchuk's adaptive predicate).
pub fn orientation(a: Coord, b: Coord, c: Coord) -> Orientation {
    RobustKernel::orient2d(a, b, c)
}
