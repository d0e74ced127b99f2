//! Gate lines: nothing is inside of them, they are passed one way or the other.

use super::{Bounds, Segment};
use crate::geodesy::nearest_lon;
use crate::live::Direction;

/// A line as drawn, each leg the short way round the earth: longitudes may leave ±180. Coming
/// from its left to its right is to enter.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    line: Vec<(f64, f64)>,
}

impl Gate {
    pub(super) fn new(mut line: Vec<(f64, f64)>) -> Self {
        let mut turn = 0.0;
        let mut before = line.first().map_or(0.0, |first| first.0);
        for (lon, _) in &mut line {
            turn += nearest_lon(before, *lon) - *lon;
            before = *lon;
            *lon += turn;
        }
        Self { line }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of(self.line.iter().copied())
    }

    /// Each with its ends in (lon, lat).
    pub(super) fn legs(&self) -> impl Iterator<Item = [(f64, f64); 2]> {
        self.line.windows(2).map(|pair| [pair[0], pair[1]])
    }

    /// A fix on the line counts as right of it, a vertex on the way as right of the way: so
    /// what goes through a fix or a vertex on the line is counted once.
    pub(super) fn crossings(&self, segment: &Segment) -> Vec<(Direction, f64)> {
        let mut found: Vec<(Direction, f64)> = Vec::new();
        for pair in self.line.windows(2) {
            for turn in turns(segment, pair[0].0, pair[1].0) {
                let (a, b) = segment.shifted(turn);
                let (left_of_line_a, left_of_line_b) =
                    (left(pair[0], pair[1], a), left(pair[0], pair[1], b));
                let sides_differ = (left_of_line_a > 0.0) != (left_of_line_b > 0.0);
                let line_is_met = (left(a, b, pair[0]) > 0.0) != (left(a, b, pair[1]) > 0.0);
                if sides_differ && line_is_met {
                    let direction =
                        if left_of_line_a > 0.0 { Direction::Enter } else { Direction::Exit };
                    found.push((direction, left_of_line_a / (left_of_line_a - left_of_line_b)));
                }
            }
        }
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found
    }
}

/// How far to shift the segment so that its longitudes meet those of a leg: mostly not at all.
fn turns(segment: &Segment, from: f64, to: f64) -> impl Iterator<Item = f64> {
    // Rounding may not hide a fix on the line.
    const SLACK: f64 = 1e-9;
    let way = segment.bounds();
    let first = ((from.min(to) - way.east) / 360.0 - SLACK).ceil() as i64;
    let last = ((from.max(to) - way.west) / 360.0 + SLACK).floor() as i64;
    (first..=last).map(|turn| turn as f64 * 360.0)
}

/// Above 0 when `point` lies left of the line from `from` to `to`.
fn left(from: (f64, f64), to: (f64, f64), point: (f64, f64)) -> f64 {
    (to.0 - from.0) * (point.1 - from.1) - (to.1 - from.1) * (point.0 - from.0)
}
