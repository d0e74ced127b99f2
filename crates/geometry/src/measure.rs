//! What a shape measures: as the database reckons it once it is stored (docs/decisions/008), within
//! 0.01 % for edges of up to 1,000 km.

use std::f64::consts::PI;

use biplane_core::geodesy::EARTH_RADIUS_M;
use geo::{Coord, LineString};

use crate::Geometry;

/// WGS 84.
const EQUATOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
const POLE_M: f64 = EQUATOR_M * (1.0 - FLATTENING);
/// The squared eccentricity.
const ECCENTRICITY_2: f64 = FLATTENING * (2.0 - FLATTENING);

/// Vincenty's sum comes closer by a thousand in each turn, but for places on opposite sides of the earth.
const TURNS: usize = 50;

/// In metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// What it encloses, in square metres; a line encloses nothing.
    pub area_m2: Option<f64>,
    /// All around it, holes included; of a line its length.
    pub perimeter_m: f64,
}

impl Geometry {
    /// Of a polygon or a line, on the WGS 84 ellipsoid, whether it is valid or not; of a point with a
    /// radius (metres) those of a circle on the sphere on which crossings are timed.
    pub fn measure(&self, radius_m: Option<f64>) -> Option<Measures> {
        match self {
            Self::Point(_) => radius_m.filter(|radius| *radius > 0.0).map(circle),
            Self::LineString(line) => {
                Some(Measures { area_m2: None, perimeter_m: length_m(&line.0) })
            }
            Self::Polygon(rings) => Some(polygons(std::slice::from_ref(rings))),
            Self::MultiPolygon(all) => Some(polygons(all)),
        }
    }
}

fn circle(radius_m: f64) -> Measures {
    let angle = (radius_m / EARTH_RADIUS_M).min(PI);
    // 1 - cos(angle) would be all rounding for a small circle.
    let height = 2.0 * (angle / 2.0).sin().powi(2);
    Measures {
        area_m2: Some(2.0 * PI * EARTH_RADIUS_M.powi(2) * height),
        perimeter_m: 2.0 * PI * EARTH_RADIUS_M * angle.sin(),
    }
}

fn polygons(polygons: &[Vec<LineString>]) -> Measures {
    let (mut area_m2, mut perimeter_m) = (0.0, 0.0);
    for rings in polygons {
        for (index, ring) in rings.iter().enumerate() {
            let enclosed = area_m2_of(&ring.0);
            area_m2 += if index == 0 { enclosed } else { -enclosed };
            perimeter_m += length_m(&ring.0);
        }
    }
    Measures { area_m2: Some(area_m2), perimeter_m }
}

fn length_m(line: &[Coord]) -> f64 {
    line.windows(2).map(|pair| distance_m(pair[0], pair[1])).sum()
}

/// The spherical excess on the sphere that has the ellipsoid's area, on which every area keeps its size
/// (J. P. Snyder, Map Projections: A Working Manual, 1987, 3-11); edges are taken for great circles of it.
fn area_m2_of(ring: &[Coord]) -> f64 {
    let eccentricity = ECCENTRICITY_2.sqrt();
    // Snyder's q: twice the share of the surface between the equator and a latitude.
    let q = |sin: f64| {
        let e_sin = eccentricity * sin;
        (1.0 - ECCENTRICITY_2) * (sin / (1.0 - e_sin * e_sin) + e_sin.atanh() / eccentricity)
    };
    let q_pole = q(1.0);
    let tan_half =
        |lat: f64| ((q(lat.to_radians().sin()) / q_pole).clamp(-1.0, 1.0).asin() / 2.0).tan();
    let excess: f64 = ring
        .windows(2)
        .map(|pair| {
            let (from, to) = (tan_half(pair[0].y), tan_half(pair[1].y));
            let turn = ((pair[1].x - pair[0].x).to_radians() / 2.0).tan();
            2.0 * (turn * (from + to)).atan2(1.0 + from * to)
        })
        .sum();
    excess.abs() * EQUATOR_M.powi(2) * q_pole / 2.0
}

/// The length of the geodesic (T. Vincenty, Direct and Inverse Solutions of Geodesics on the Ellipsoid,
/// Survey Review 23, 1975).
fn distance_m(a: Coord, b: Coord) -> f64 {
    let reduced = |lat: f64| ((1.0 - FLATTENING) * lat.to_radians().tan()).atan();
    let (sin_a, cos_a) = reduced(a.y).sin_cos();
    let (sin_b, cos_b) = reduced(b.y).sin_cos();
    let d_lon = (b.x - a.x).to_radians();
    let mut lambda = d_lon;
    let mut metres = 0.0;
    for _ in 0..TURNS {
        let (sin_lambda, cos_lambda) = lambda.sin_cos();
        let sin_sigma = (cos_b * sin_lambda).hypot(cos_a * sin_b - sin_a * cos_b * cos_lambda);
        if sin_sigma == 0.0 {
            return metres;
        }
        let cos_sigma = sin_a * sin_b + cos_a * cos_b * cos_lambda;
        let sigma = sin_sigma.atan2(cos_sigma);
        let sin_alpha = cos_a * cos_b * sin_lambda / sin_sigma;
        let cos_2_alpha = 1.0 - sin_alpha * sin_alpha;
        // Along the equator there is no middle between the crossings of it.
        let middle =
            if cos_2_alpha > 1e-12 { cos_sigma - 2.0 * sin_a * sin_b / cos_2_alpha } else { 0.0 };
        let c = FLATTENING / 16.0 * cos_2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos_2_alpha));
        let span = 2.0 * middle * middle - 1.0;
        let before = lambda;
        lambda = d_lon
            + (1.0 - c)
                * FLATTENING
                * sin_alpha
                * (sigma + c * sin_sigma * (middle + c * cos_sigma * span));
        let u_2 = cos_2_alpha * (EQUATOR_M.powi(2) / POLE_M.powi(2) - 1.0);
        let k_1 = ((1.0 + u_2).sqrt() - 1.0) / ((1.0 + u_2).sqrt() + 1.0);
        let (big_a, big_b) =
            ((1.0 + k_1 * k_1 / 4.0) / (1.0 - k_1), k_1 * (1.0 - 3.0 / 8.0 * k_1 * k_1));
        let last = big_b / 6.0
            * middle
            * (4.0 * sin_sigma * sin_sigma - 3.0)
            * (4.0 * middle * middle - 3.0);
        let d_sigma = big_b * sin_sigma * (middle + big_b / 4.0 * (cos_sigma * span - last));
        metres = POLE_M * big_a * (sigma - d_sigma);
        if (lambda - before).abs() < 1e-13 {
            break;
        }
    }
    metres
}

#[cfg(test)]
mod tests {
    use geo::{GeodesicArea, Polygon};
    use proptest::prelude::*;

    use super::*;

    fn ring(corners: &[(f64, f64)]) -> LineString {
        let mut line = LineString::from(corners.to_vec());
        line.close();
        line
    }

    /// A star of this size in metres around a place: its rings never cross.
    fn star(lon: f64, lat: f64, size_m: f64, radii: &[f64]) -> LineString {
        let degree = EARTH_RADIUS_M.to_radians();
        let corner = |(index, radius): (usize, &f64)| {
            let angle = 2.0 * PI * index as f64 / radii.len() as f64;
            let (north, east) = (size_m * radius * angle.sin(), size_m * radius * angle.cos());
            (lon + east / degree / lat.to_radians().cos(), lat + north / degree)
        };
        ring(&radii.iter().enumerate().map(corner).collect::<Vec<_>>())
    }

    #[test]
    fn a_hole_takes_from_the_area_and_adds_to_the_perimeter() {
        let outer = ring(&[(12.0, 46.0), (12.1, 46.0), (12.1, 46.1), (12.0, 46.1)]);
        let hole = ring(&[(12.02, 46.02), (12.02, 46.04), (12.04, 46.04), (12.04, 46.02)]);
        let measures =
            |rings: Vec<LineString>| Geometry::Polygon(rings).measure(None).expect("measures");
        let (whole, inner) = (measures(vec![outer.clone()]), measures(vec![hole.clone()]));
        let with_hole = measures(vec![outer, hole]);
        let area = |measures: Measures| measures.area_m2.expect("an area");
        assert!((area(with_hole) - (area(whole) - area(inner))).abs() < 1e-3);
        assert_eq!(with_hole.perimeter_m, whole.perimeter_m + inner.perimeter_m);
    }

    #[test]
    fn a_small_circle_has_the_area_of_a_flat_one() {
        let place = Geometry::Point(Coord { x: 12.0, y: 46.0 });
        assert_eq!(place.measure(None), None);
        let Measures { area_m2, perimeter_m } = place.measure(Some(400.0)).expect("measures");
        assert!((area_m2.expect("an area") - PI * 400.0 * 400.0).abs() < 0.01);
        assert!((perimeter_m - PI * 800.0).abs() < 0.01);
    }

    #[test]
    fn a_line_has_a_length_and_no_area() {
        let line = Geometry::LineString(LineString::from(vec![(0.0, 0.0), (1.0, 0.0)]));
        let Measures { area_m2, perimeter_m } = line.measure(None).expect("measures");
        assert_eq!(area_m2, None);
        assert!((perimeter_m - 111_319.491).abs() < 0.001);
    }

    proptest! {
        #[test]
        fn it_measures_what_geographiclib_does(
            lon in -170.0..170.0f64,
            lat in -80.0..80.0f64,
            magnitude in 1.0..5.7f64,
            radii in prop::collection::vec(0.2..1.0f64, 3..40),
        ) {
            let exact = star(lon, lat, 10f64.powf(magnitude), &radii);
            let measures = Geometry::Polygon(vec![exact.clone()]).measure(None).expect("measures");
            let (perimeter, area) = Polygon::new(exact, vec![]).geodesic_perimeter_area_signed();
            prop_assert!((measures.perimeter_m - perimeter).abs() <= 1e-6 * perimeter);
            prop_assert!((measures.area_m2.expect("an area") - area.abs()).abs() <= 1e-4 * area.abs());
        }

        #[test]
        fn no_shape_makes_it_fail(corners in prop::collection::vec((-180.0..=180.0f64, -90.0..=90.0f64), 0..12)) {
            let measures = Geometry::Polygon(vec![ring(&corners)]).measure(None).expect("measures");
            prop_assert!(measures.perimeter_m.is_finite() && measures.area_m2.expect("an area").is_finite());
        }
    }
}
