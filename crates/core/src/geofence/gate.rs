//! Gate lines: nothing is inside of them, they are passed one way or the other.

use super::{Bounds, Segment};
use crate::live::Direction;

/// A line as drawn. Coming from its left to its right is to enter.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    line: Vec<(f64, f64)>,
}

impl Gate {
    pub(super) fn new(line: Vec<(f64, f64)>) -> Self {
        Self { line }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of(self.line.iter().copied())
    }

    /// A fix on the line counts as right of it, a vertex on the way as right of the way: so
    /// what goes through a fix or a vertex on the line is counted once.
    pub(super) fn crossings(&self, segment: &Segment) -> Vec<(Direction, f64)> {
        let mut found: Vec<(Direction, f64)> = Vec::new();
        for turn in segment.turns() {
            let (a, b) = ((segment.a.0 + turn, segment.a.1), (segment.b.0 + turn, segment.b.1));
            for pair in self.line.windows(2) {
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

/// Above 0 when `point` lies left of the line from `from` to `to`.
fn left(from: (f64, f64), to: (f64, f64), point: (f64, f64)) -> f64 {
    (to.0 - from.0) * (point.1 - from.1) - (to.1 - from.1) * (point.0 - from.0)
}
