//! Circles on the sphere.

use super::{Bounds, Segment};
use crate::geodesy::{EARTH_RADIUS_M, Point, haversine, haversine_of_m};
use crate::live::Direction;

#[derive(Clone, Debug)]
pub(super) struct Circle {
    centre: Point,
    /// `haversine_of_m(radius)`: what is compared, so that no root or arcsine is needed.
    limit: f64,
    cos_lat: f64,
}

impl Circle {
    pub(super) fn new(centre: Point, radius_m: f64) -> Self {
        Self { centre, limit: haversine_of_m(radius_m), cos_lat: centre.lat.to_radians().cos() }
    }

    /// The box around, a millimetre wide of the border, so that rounding never cuts into the circle.
    pub(super) fn bounds(centre: Point, radius_m: f64) -> Bounds {
        let angle = ((radius_m + 0.001) / EARTH_RADIUS_M).min(std::f64::consts::PI);
        let (south, north) = (centre.lat - angle.to_degrees(), centre.lat + angle.to_degrees());
        let to_the_side = if south <= -90.0 || north >= 90.0 {
            180.0
        } else {
            let sine = angle.sin() / centre.lat.to_radians().cos();
            if sine >= 1.0 { 180.0 } else { sine.asin().to_degrees() + 1e-9 }
        };
        Bounds {
            west: centre.lon - to_the_side,
            south: south.max(-90.0),
            east: centre.lon + to_the_side,
            north: north.min(90.0),
        }
    }

    /// The border belongs to the circle.
    pub(super) fn contains(&self, at: Point) -> bool {
        self.outside(at) <= 0.0
    }

    /// How far outside of the border, as a difference of haversines; inside it is negative.
    fn outside(&self, at: Point) -> f64 {
        haversine(self.centre, at) - self.limit
    }

    pub(super) fn distance_to_border_m(&self, at: Point) -> f64 {
        let metres = |haversine: f64| 2.0 * EARTH_RADIUS_M * haversine.sqrt().asin();
        (metres(haversine(self.centre, at)) - metres(self.limit)).abs()
    }

    pub(super) fn crossings(&self, segment: &Segment) -> Vec<(Direction, f64)> {
        // Where nothing moves no derivative says anything, and all of the way would be looked into.
        if segment.place(0.0) == segment.place(1.0) {
            return Vec::new();
        }
        let way = Way::new(self, segment);
        let mut roots = Vec::new();
        way.roots(0.0, 1.0, 0, &mut roots);
        if roots.is_empty() {
            return Vec::new();
        }
        let mut inside = way.inside(0.0);
        roots
            .into_iter()
            .map(|t| {
                inside = !inside;
                (if inside { Direction::Enter } else { Direction::Exit }, t)
            })
            .collect()
    }
}

/// How far from the border a device is along a segment: `f(t) = haversine(t) - limit`.
///
/// With latitude and longitude linear in `t`, `f` is a sum of sines: its
/// derivatives have bounds, which tell on which stretches it has how many roots.
/// Stretches where they can't tell are halved. Near a circle much smaller than
/// the earth `f` is convex, so that one look is enough: no root, one, or, by the
/// lowest point, two.
struct Way<'a> {
    circle: &'a Circle,
    segment: &'a Segment,
    d_lat: f64,
    d_lon: f64,
    /// Bounds of |f'|, |f''| and |f'''| for all `t`.
    first: f64,
    second: f64,
    third: f64,
}

impl<'a> Way<'a> {
    fn new(circle: &'a Circle, segment: &'a Segment) -> Self {
        let d_lat = (segment.b.1 - segment.a.1).to_radians();
        let d_lon = (segment.b.0 - segment.a.0).to_radians();
        // f = (1 - sin φc sin φ - cos φc cos φ cos Δλ) / 2 - limit, and the product of cosines is
        // (cos(φ+Δλ) + cos(φ-Δλ)) / 2: a sine of frequency φ', and two of at most |φ'| + |λ'|.
        let (slow, fast) = (d_lat.abs(), d_lat.abs() + d_lon.abs());
        let bound = |order: i32| 0.5 * (slow.powi(order) + circle.cos_lat * fast.powi(order));
        let [first, second, third] = [1, 2, 3].map(bound);
        Self { circle, segment, d_lat, d_lon, first, second, third }
    }

    /// `f`.
    fn outside(&self, t: f64) -> f64 {
        self.circle.outside(self.segment.place(t))
    }

    fn inside(&self, t: f64) -> bool {
        self.outside(t) <= 0.0
    }

    fn angles(&self, t: f64) -> (f64, f64) {
        let (lon, lat) = self.segment.at(t);
        (lat.to_radians(), (lon - self.circle.centre.lon).to_radians())
    }

    fn first_derivative(&self, t: f64) -> f64 {
        let (lat, away) = self.angles(t);
        let up = lat - self.circle.centre.lat.to_radians();
        let squared = (away / 2.0).sin().powi(2);
        0.5 * up.sin() * self.d_lat
            + self.circle.cos_lat
                * (0.5 * lat.cos() * away.sin() * self.d_lon - lat.sin() * squared * self.d_lat)
    }

    fn second_derivative(&self, t: f64) -> f64 {
        let (lat, away) = self.angles(t);
        let up = lat - self.circle.centre.lat.to_radians();
        let squared = (away / 2.0).sin().powi(2);
        0.5 * up.cos() * self.d_lat.powi(2)
            + self.circle.cos_lat
                * (0.5 * lat.cos() * away.cos() * self.d_lon.powi(2)
                    - lat.cos() * squared * self.d_lat.powi(2)
                    - lat.sin() * away.sin() * self.d_lat * self.d_lon)
    }

    /// All `t` of `from..=to` where the border is crossed, in order.
    ///
    /// Where the derivatives say nothing down to a thousandth of the way (at the poles, where
    /// longitude loses its meaning), only the sides of the ends count.
    fn roots(&self, from: f64, to: f64, depth: u32, roots: &mut Vec<f64>) {
        const DEEPEST: u32 = 10;
        let (start, end) = (self.outside(from), self.outside(to));
        let (starts_in, ends_in) = (start <= 0.0, end <= 0.0);
        // Too short to reach the border and to come back. This is what becomes of nearly all fixes.
        let reach = self.first * (to - from);
        if starts_in == ends_in && start.abs() + end.abs() > reach {
            return;
        }
        let (middle, half) = (from.midpoint(to), (to - from) / 2.0);
        let slope = self.first_derivative(middle);
        let curvature = self.second_derivative(middle);
        if slope.abs() > self.second * half || depth == DEEPEST {
            // Monotonic, or not to be looked into.
            if starts_in != ends_in {
                roots.push(self.border(from, to));
            }
        } else if curvature.abs() > self.third * half {
            // Convex or concave: between equal ends, at most one excursion to the other side.
            let bulges_inwards = curvature > 0.0;
            if starts_in != ends_in {
                roots.push(self.border(from, to));
            } else if starts_in != bulges_inwards {
                let extreme = self.extreme(from, to);
                if self.inside(extreme) != starts_in {
                    roots.push(self.border(from, extreme));
                    roots.push(self.border(extreme, to));
                }
            }
        } else {
            self.roots(from, middle, depth + 1, roots);
            self.roots(middle, to, depth + 1, roots);
        }
    }

    /// Where the border is, between two places on different sides of it: bisection.
    fn border(&self, mut from: f64, mut to: f64) -> f64 {
        let starts_in = self.inside(from);
        while to - from > self.segment.finest() {
            let middle = from.midpoint(to);
            if middle <= from || middle >= to {
                break;
            }
            if self.inside(middle) == starts_in { from = middle } else { to = middle }
        }
        from.midpoint(to)
    }

    /// Where `f` is lowest or highest on a stretch that is convex or concave: bisection of its slope.
    fn extreme(&self, mut from: f64, mut to: f64) -> f64 {
        let rises_at_first = self.first_derivative(from) > 0.0;
        while to - from > self.segment.finest() {
            let middle = from.midpoint(to);
            if middle <= from || middle >= to {
                break;
            }
            if (self.first_derivative(middle) > 0.0) == rises_at_first {
                from = middle;
            } else {
                to = middle;
            }
        }
        from.midpoint(to)
    }
}
