//! The way between two fixes.

use serde::{Deserialize, Serialize};

use super::Bounds;
use crate::Timestamp;
use crate::geodesy::{Point, nearest_lon, wrap_lon};
use crate::live::Direction;

/// Where a device was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Event time.
    pub time: Timestamp,
    /// On the earth ([`Point::is_on_earth`]).
    pub at: Point,
}

/// A device crossed a border.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BorderCrossing {
    /// Which way.
    pub direction: Direction,
    /// Interpolated, to the nearest millisecond.
    pub time: Timestamp,
    /// Interpolated.
    pub at: Point,
}

/// Two consecutive fixes of a device.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    start: Timestamp,
    millis: i64,
    from: Point,
    to: Point,
    /// Degrees; the longitude of `b` may leave ±180, so that the way is the short one.
    pub(super) a: (f64, f64),
    pub(super) b: (f64, f64),
}

impl Segment {
    /// The way from `a` to `b`, which must be later.
    pub fn between(a: Moment, b: Moment) -> Self {
        let start = wrap_lon(a.at.lon);
        Self {
            start: a.time,
            millis: b.time - a.time,
            from: a.at,
            to: b.at,
            a: (start, a.at.lat),
            b: (nearest_lon(start, wrap_lon(b.at.lon)), b.at.lat),
        }
    }

    /// The place at `t` in 0..=1; the longitude may leave ±180.
    pub(super) fn at(&self, t: f64) -> (f64, f64) {
        (self.a.0 + t * (self.b.0 - self.a.0), self.a.1 + t * (self.b.1 - self.a.1))
    }

    /// The place at `t` in 0..=1; at the ends exactly the fix, so that the fix is on the same
    /// side of a border for the segment that ends and for the one that begins there.
    pub(super) fn place(&self, t: f64) -> Point {
        if t <= 0.0 {
            self.from
        } else if t >= 1.0 {
            self.to
        } else {
            let (lon, lat) = self.at(t);
            Point { lat, lon: wrap_lon(lon) }
        }
    }

    /// The part of the way that takes half a microsecond: finer than times are told.
    pub(super) fn finest(&self) -> f64 {
        0.0005 / (self.millis.max(1) as f64)
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of([self.a, self.b])
    }

    /// How many turns to shift the way by so that all of it passes through ±180: mostly none.
    pub(super) fn turns(&self) -> impl Iterator<Item = f64> {
        let over = if self.b.0 >= 180.0 {
            Some(-360.0)
        } else if self.b.0 < -180.0 {
            Some(360.0)
        } else {
            None
        };
        std::iter::once(0.0).chain(over)
    }

    /// Both ends, shifted by a whole number of turns. A fix comes out the same to the last digit
    /// for the segment that ends and for the one that begins there.
    pub(super) fn shifted(&self, turn: f64) -> ((f64, f64), (f64, f64)) {
        let to = wrap_lon(self.to.lon);
        let over = ((self.b.0 - to) / 360.0).round() * 360.0;
        ((self.a.0 + turn, self.a.1), (to + (over + turn), self.b.1))
    }

    /// Borders crossed at `t`s in order, in time and place.
    ///
    /// In and out again within one millisecond is no visit: times could not tell it.
    pub(super) fn settle(
        &self,
        found: impl IntoIterator<Item = (Direction, f64)>,
    ) -> Vec<BorderCrossing> {
        let mut crossings: Vec<BorderCrossing> = Vec::new();
        for (direction, t) in found {
            let millis = (t.clamp(0.0, 1.0) * self.millis as f64).round() as i64;
            let time = self.start + millis.clamp(0, self.millis.max(0));
            match crossings.last() {
                Some(last) if last.time == time && last.direction != direction => {
                    crossings.pop();
                }
                Some(last) if last.time == time => {}
                _ => {
                    crossings.push(BorderCrossing { direction, time, at: self.place(t) });
                }
            }
        }
        crossings
    }
}
