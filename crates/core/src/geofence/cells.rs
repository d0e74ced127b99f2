//! What is known of the places in a fence's box before its edges are asked.

use super::Bounds;
use crate::geodesy::Point;

/// Cells along each side of a box.
const SIDE: usize = 32;
/// Edges count as in a cell that they pass by so closely, in degrees: rounding moves none as far.
const MARGIN: f64 = 1e-9;
/// Smaller cells, in degrees, are not worth it.
const SMALLEST: f64 = 1e-6;

/// Places that have a cell in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// All outside of the fence.
    Outside,
    /// All inside of it.
    Inside,
    /// An edge may lie between them.
    Mixed,
}

/// A box cut into cells. It costs 272 bytes, of which a question reads two cache lines.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    west: f32,
    south: f32,
    /// A degree; what is beyond the box has the nearest cell.
    columns: f32,
    rows: f32,
    /// Two bits a cell, a row a word.
    words: [u64; SIDE],
}

impl Cells {
    /// Of which nothing is known.
    pub(super) fn unknown() -> Self {
        let words = [u64::MAX; SIDE];
        Self { west: 0.0, south: 0.0, columns: 0.0, rows: 0.0, words }
    }

    /// The cells of a box, by the edges of the shape in it and by what it contains.
    pub(super) fn new(
        bounds: &Bounds,
        edges: impl Iterator<Item = [(f64, f64); 2]>,
        contains: impl Fn(Point) -> bool,
    ) -> Self {
        let (width, height) = (bounds.east - bounds.west, bounds.north - bounds.south);
        let side = SIDE as f64;
        // Not so for a box of no number either.
        if !(width > SMALLEST * side && height > SMALLEST * side) {
            return Self::unknown();
        }
        let mut cells = Self {
            west: bounds.west as f32,
            south: bounds.south as f32,
            columns: (side / width) as f32,
            rows: (side / height) as f32,
            words: [0; SIDE],
        };
        for [from, to] in edges {
            cells.mark(from, to);
        }
        for row in 0..SIDE {
            let mut before = None;
            for column in 0..SIDE {
                if cells.at(column, row) == Cell::Mixed {
                    before = None;
                    continue;
                }
                // No edge lies between a cell and its neighbour.
                let is_inside = before.unwrap_or_else(|| contains(cells.middle(column, row)));
                before = Some(is_inside);
                cells.words[row] |= u64::from(is_inside) << (2 * column);
            }
        }
        cells
    }

    /// The cell of a place.
    pub(super) fn of(&self, lon: f64, lat: f64) -> Cell {
        self.at(self.column(lon), self.row(lat))
    }

    fn at(&self, column: usize, row: usize) -> Cell {
        match (self.words[row] >> (2 * column)) & 3 {
            0 => Cell::Outside,
            1 => Cell::Inside,
            _ => Cell::Mixed,
        }
    }

    /// A cast keeps the order and makes 0 of what is below.
    fn column(&self, lon: f64) -> usize {
        (((lon - f64::from(self.west)) * f64::from(self.columns)) as usize).min(SIDE - 1)
    }

    fn row(&self, lat: f64) -> usize {
        (((lat - f64::from(self.south)) * f64::from(self.rows)) as usize).min(SIDE - 1)
    }

    fn middle(&self, column: usize, row: usize) -> Point {
        Point {
            lon: f64::from(self.west) + (column as f64 + 0.5) / f64::from(self.columns),
            lat: f64::from(self.south) + (row as f64 + 0.5) / f64::from(self.rows),
        }
    }

    /// Row by row, the cells over the edge's part in that row.
    fn mark(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (south, north) = if from.1 <= to.1 { (from, to) } else { (to, from) };
        let climb = north.1 - south.1;
        let lon = |lat: f64| {
            let share = if climb > 0.0 { ((lat - south.1) / climb).clamp(0.0, 1.0) } else { 0.0 };
            south.0 + share * (north.0 - south.0)
        };
        let (first, last) = (self.row(south.1 - MARGIN), self.row(north.1 + MARGIN));
        for row in first..=last {
            let edge = |row: usize| f64::from(self.south) + row as f64 / f64::from(self.rows);
            let start = if row == first { south.0 } else { lon(edge(row) - MARGIN) };
            let end = if row == last { north.0 } else { lon(edge(row + 1) + MARGIN) };
            let columns =
                self.column(start.min(end) - MARGIN)..=self.column(start.max(end) + MARGIN);
            for column in columns {
                self.words[row] |= 3 << (2 * column);
            }
        }
    }
}
