//! Geofences: areas that a device is inside of or not, and gates that it passes.
//!
//! Between two fixes a device is taken to move straight in longitude and
//! latitude and evenly in time, the short way round the earth. What it crosses
//! is a function of the two fixes alone, so that a replay finds what was found
//! live, and no state beyond the last fix is needed.

mod boxes;
mod cells;
mod circle;
mod gate;
mod index;
#[cfg(test)]
mod plain;
mod polygon;
mod segment;
mod shape;

pub use index::{Fence, FenceIndex};
pub use segment::{BorderCrossing, Moment, Segment};
pub use shape::{Shape, ShapeError};

/// A box in longitude and latitude; `west..=east` may leave ±180 where a shape lies over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Bounds {
    pub(crate) fn of(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let nothing = Self {
            west: f64::INFINITY,
            south: f64::INFINITY,
            east: f64::NEG_INFINITY,
            north: f64::NEG_INFINITY,
        };
        points.into_iter().fold(nothing, |b, (lon, lat)| Self {
            west: b.west.min(lon),
            south: b.south.min(lat),
            east: b.east.max(lon),
            north: b.north.max(lat),
        })
    }

    pub(crate) fn holds(&self, lon: f64, lat: f64) -> bool {
        self.south <= lat && lat <= self.north && self.west <= lon && lon <= self.east
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.south <= other.north
            && other.south <= self.north
            && self.west <= other.east
            && other.west <= self.east
    }

    /// The box and what lies within `by` degrees of its sides.
    pub(crate) fn widened(&self, by: f64) -> Self {
        Self {
            west: self.west - by,
            south: self.south - by,
            east: self.east + by,
            north: self.north + by,
        }
    }

    /// The parts of the box within ±180: two where it lies over the antimeridian.
    pub(crate) fn unwrapped(&self) -> impl Iterator<Item = Self> + use<> {
        let whole = self.east - self.west >= 360.0;
        let own = if whole { Self { west: -180.0, east: 180.0, ..*self } } else { *self };
        [0.0, -360.0, 360.0]
            .into_iter()
            .take(if whole { 1 } else { 3 })
            .map(move |turn| Self {
                west: (own.west + turn).max(-180.0),
                east: (own.east + turn).min(180.0),
                ..own
            })
            .filter(|part| part.west <= part.east)
    }
}
