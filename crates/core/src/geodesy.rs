//! Places on the earth, taken for a sphere of 6,371,000 m.
//!
//! The sphere is what scoring programs of races use; against the WGS 84
//! ellipsoid a distance is off by at most 0.56 %.

use serde::{Deserialize, Serialize};

/// The earth's radius in metres.
pub const EARTH_RADIUS_M: f64 = 6_371_000.0;

/// A place, in degrees WGS 84.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// North positive.
    pub lat: f64,
    /// East positive.
    pub lon: f64,
}

impl Point {
    /// Whether both are numbers within ±90 and ±180.
    pub fn is_on_earth(self) -> bool {
        self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }
}

/// The haversine of the angle between two places: `sin²(angle / 2)`, in 0..=1.
///
/// Grows with the distance, costs no inverse function, and is exact for small distances.
pub fn haversine(a: Point, b: Point) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let d_lat = ((lat_b - lat_a) / 2.0).sin();
    let d_lon = ((b.lon - a.lon).to_radians() / 2.0).sin();
    (d_lat * d_lat + lat_a.cos() * lat_b.cos() * d_lon * d_lon).clamp(0.0, 1.0)
}

/// The distance over ground between two places, in metres.
pub fn distance_m(a: Point, b: Point) -> f64 {
    2.0 * EARTH_RADIUS_M * haversine(a, b).sqrt().asin()
}

/// The course over ground with which one sets out from `a` to `b`, in degrees clockwise from
/// north, within 0..360; 0 where they are the same.
pub fn course_deg(a: Point, b: Point) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let d_lon = (b.lon - a.lon).to_radians();
    let east = d_lon.sin() * lat_b.cos();
    let north = lat_a.cos() * lat_b.sin() - lat_a.sin() * lat_b.cos() * d_lon.cos();
    east.atan2(north).to_degrees().rem_euclid(360.0)
}

/// The haversine of a distance over ground; that of half the circumference for all longer ones.
pub fn haversine_of_m(distance_m: f64) -> f64 {
    let half = (distance_m / EARTH_RADIUS_M / 2.0).clamp(0.0, std::f64::consts::FRAC_PI_2);
    half.sin().powi(2)
}

/// A longitude within -180..180.
pub fn wrap_lon(lon: f64) -> f64 {
    if (-180.0..180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// `lon`, or the same meridian a turn away, so that it is at most half a turn from `from`.
pub fn nearest_lon(from: f64, lon: f64) -> f64 {
    let away = lon - from;
    if away > 180.0 {
        lon - 360.0
    } else if away < -180.0 {
        lon + 360.0
    } else {
        lon
    }
}

/// A plane that touches the earth at a place: metres to the east and to the north, true to 0.1 % within
/// 100 km.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    origin: Point,
    metres_a_degree: (f64, f64),
}

impl Plane {
    pub(crate) fn at(origin: Point) -> Self {
        let degree = EARTH_RADIUS_M.to_radians();
        Self { origin, metres_a_degree: (degree * origin.lat.to_radians().cos(), degree) }
    }

    pub(crate) fn metres(&self, place: Point) -> (f64, f64) {
        let lon = nearest_lon(self.origin.lon, place.lon);
        let (east, north) = self.metres_a_degree;
        ((lon - self.origin.lon) * east, (place.lat - self.origin.lat) * north)
    }
}

/// From a place to the leg that starts at the origin, in the unit of both.
pub(crate) fn distance_to_leg((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> f64 {
    let length = to_x * to_x + to_y * to_y;
    let share = if length > 0.0 { ((x * to_x + y * to_y) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - to_x * share).hypot(y - to_y * share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_degree_of_latitude_is_111_195_metres() {
        let a = Point { lat: 46.0, lon: 12.0 };
        let b = Point { lat: 47.0, lon: 12.0 };
        assert!((distance_m(a, b) - 111_194.93).abs() < 0.01);
    }

    #[test]
    fn the_distance_over_the_antimeridian_is_the_short_one() {
        let a = Point { lat: 0.0, lon: 179.999 };
        let b = Point { lat: 0.0, lon: -179.999 };
        assert!((distance_m(a, b) - 222.39).abs() < 0.01);
        assert_eq!(nearest_lon(179.0, -179.0), 181.0);
        assert_eq!(wrap_lon(181.0), -179.0);
        assert_eq!(wrap_lon(180.0), -180.0);
    }

    proptest! {
        #[test]
        fn the_haversine_of_a_distance_is_the_places_haversine(
            lat in -90.0..90.0f64, lon in -180.0..180.0f64, d_lat in -1.0..1.0f64, d_lon in -1.0..1.0f64,
        ) {
            let a = Point { lat, lon };
            let b = Point { lat: (lat + d_lat).clamp(-90.0, 90.0), lon: lon + d_lon };
            let there = haversine(a, b);
            prop_assert!((haversine_of_m(distance_m(a, b)) - there).abs() <= 1e-12 * there + 1e-30);
        }
    }
}
