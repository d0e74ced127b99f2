//! What a geofence may look like.

use serde_json::Value;

use super::cells::Cells;
use super::circle::Circle;
use super::gate::Gate;
use super::polygon::{self, Polygon};
use super::{BorderCrossing, Bounds, Segment};
use crate::geodesy::{Plane, Point, distance_to_leg};

/// A geofence's shape, prepared for questions.
#[derive(Clone, Debug)]
pub struct Shape(Kind, Bounds);

#[derive(Clone, Debug)]
enum Kind {
    Circle(Circle),
    Polygons(Vec<Polygon>),
    Gate(Gate),
}

/// Why something is no geofence's shape.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapeError {
    /// Neither `circle`, `polygon` nor `gate`.
    #[error("`{0}` is no kind of geofence: circle, polygon or gate")]
    Kind(String),
    /// The geometry does not fit the kind.
    #[error("a {kind} needs the geometry {expected}, this one is {got}")]
    Geometry {
        /// The geofence's kind.
        kind: &'static str,
        /// The GeoJSON type that it needs.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// A position is no pair of numbers on the earth.
    #[error("a position is not on the earth: longitude ±180, latitude ±90")]
    Position,
    /// A ring or line is too short.
    #[error("a {0} has too few positions")]
    TooShort(&'static str),
    /// A circle's radius is missing, not a number or not above 0.
    #[error("a circle needs a radius above 0 m")]
    Radius,
}

impl Shape {
    /// All places within `radius_m` metres of `centre`.
    pub fn circle(centre: Point, radius_m: f64) -> Result<Self, ShapeError> {
        if !centre.is_on_earth() {
            return Err(ShapeError::Position);
        }
        if !(radius_m > 0.0 && radius_m.is_finite()) {
            return Err(ShapeError::Radius);
        }
        let bounds = Circle::bounds(centre, radius_m);
        Ok(Self(Kind::Circle(Circle::new(centre, radius_m)), bounds))
    }

    /// One or more polygons, each an outer ring and holes of (lon, lat); rings are closed here
    /// when they are not.
    pub fn polygons(polygons: Vec<Vec<Vec<(f64, f64)>>>) -> Result<Self, ShapeError> {
        let prepared = polygons
            .into_iter()
            .map(|rings| rings.into_iter().map(closed).collect::<Result<Vec<_>, _>>())
            .map(|rings| rings.map(|rings| Polygon::new(&rings)))
            .collect::<Result<Vec<_>, _>>()?;
        if prepared.is_empty() {
            return Err(ShapeError::TooShort("polygon"));
        }
        let corners = prepared.iter().map(Polygon::bounds);
        let bounds = Bounds::of(corners.flat_map(|b| [(b.west, b.south), (b.east, b.north)]));
        Ok(Self(Kind::Polygons(prepared), bounds))
    }

    /// A line of (lon, lat); to enter is to come from its left, as drawn, to its right.
    pub fn gate(line: Vec<(f64, f64)>) -> Result<Self, ShapeError> {
        if line.len() < 2 {
            return Err(ShapeError::TooShort("gate"));
        }
        if line.iter().any(|&(lon, lat)| !Point { lat, lon }.is_on_earth()) {
            return Err(ShapeError::Position);
        }
        let gate = Gate::new(line);
        let bounds = gate.bounds();
        Ok(Self(Kind::Gate(gate), bounds))
    }

    /// A row of `geofences`: its kind, its geometry as GeoJSON, a circle's radius.
    pub fn from_geojson(
        kind: &str,
        geometry: &Value,
        radius_m: Option<f64>,
    ) -> Result<Self, ShapeError> {
        let coordinates = |kind, expected: &'static str| match geometry["type"].as_str() {
            Some(got) if got == expected => Ok(&geometry["coordinates"]),
            got => {
                let got = got.unwrap_or("no GeoJSON geometry").chars().take(64).collect();
                Err(ShapeError::Geometry { kind, expected, got })
            }
        };
        match kind {
            "circle" => {
                let (lon, lat) = position(coordinates("circle", "Point")?)?;
                Self::circle(Point { lat, lon }, radius_m.ok_or(ShapeError::Radius)?)
            }
            "gate" => Self::gate(positions(coordinates("gate", "LineString")?)?),
            "polygon" if geometry["type"] == "MultiPolygon" => Self::polygons(
                list(&geometry["coordinates"])?.iter().map(rings).collect::<Result<_, _>>()?,
            ),
            "polygon" => Self::polygons(vec![rings(coordinates("polygon", "Polygon")?)?]),
            other => Err(ShapeError::Kind(other.chars().take(64).collect())),
        }
    }

    /// Whether it encloses anything: a gate does not.
    pub fn is_area(&self) -> bool {
        !matches!(self.0, Kind::Gate(_))
    }

    /// Whether a place lies in the shape; never for a gate.
    pub fn contains(&self, at: Point) -> bool {
        match &self.0 {
            Kind::Circle(circle) => circle.contains(at),
            Kind::Polygons(polygons) => polygon::contains(polygons, at),
            Kind::Gate(_) => false,
        }
    }

    /// What of the shape's border a device crossed between two fixes, in order of time.
    ///
    /// Of areas, enter and exit alternate and fit [`Shape::contains`] at both fixes, but for
    /// visits shorter than half a millisecond; ways through an area between two fixes
    /// outside of it are found. Times lie within the fixes'.
    pub fn crossings(&self, segment: &Segment) -> Vec<BorderCrossing> {
        segment.settle(match &self.0 {
            Kind::Circle(circle) => circle.crossings(segment),
            Kind::Polygons(polygons) => polygon::crossings(polygons, segment),
            Kind::Gate(gate) => gate.crossings(segment),
        })
    }

    /// From a place to the nearest point of the border (of a gate: of the line), in metres. True to
    /// 0.1 % within 100 km.
    pub fn distance_to_border_m(&self, at: Point) -> f64 {
        match &self.0 {
            Kind::Circle(circle) => circle.distance_to_border_m(at),
            Kind::Polygons(polygons) => nearest(at, polygons.iter().flat_map(Polygon::edges)),
            Kind::Gate(gate) => nearest(at, gate.legs()),
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.1
    }

    /// What is known of the places in a part of the shape's box.
    pub(super) fn cells(&self, part: &Bounds) -> Cells {
        match &self.0 {
            Kind::Polygons(polygons) => {
                let edges = polygons.iter().flat_map(Polygon::edges);
                Cells::new(part, edges, |at| polygon::contains(polygons, at))
            }
            Kind::Circle(_) | Kind::Gate(_) => Cells::unknown(),
        }
    }
}

/// To the nearest of several legs between two places of (lon, lat), in metres.
fn nearest(at: Point, legs: impl Iterator<Item = [(f64, f64); 2]>) -> f64 {
    let plane = Plane::at(at);
    let metres = |(lon, lat)| plane.metres(Point { lat, lon });
    let distance = |[from, to]: [(f64, f64); 2]| {
        let (from, to) = (metres(from), metres(to));
        distance_to_leg((-from.0, -from.1), (to.0 - from.0, to.1 - from.1))
    };
    legs.map(distance).fold(f64::INFINITY, f64::min)
}

fn closed(mut ring: Vec<(f64, f64)>) -> Result<Vec<(f64, f64)>, ShapeError> {
    if ring.iter().any(|&(lon, lat)| !Point { lat, lon }.is_on_earth()) {
        return Err(ShapeError::Position);
    }
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    if ring.len() < 4 { Err(ShapeError::TooShort("polygon's ring")) } else { Ok(ring) }
}

fn list(value: &Value) -> Result<&Vec<Value>, ShapeError> {
    value.as_array().ok_or(ShapeError::Position)
}

fn position(value: &Value) -> Result<(f64, f64), ShapeError> {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(lon), Some(lat)) => Ok((lon, lat)),
        _ => Err(ShapeError::Position),
    }
}

fn positions(value: &Value) -> Result<Vec<(f64, f64)>, ShapeError> {
    list(value)?.iter().map(position).collect()
}

fn rings(value: &Value) -> Result<Vec<Vec<(f64, f64)>>, ShapeError> {
    list(value)?.iter().map(positions).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn distance_m(kind: &str, geometry: Value, lat: f64, lon: f64) -> f64 {
        let shape = Shape::from_geojson(kind, &geometry, Some(1_000.0)).expect("a shape");
        shape.distance_to_border_m(Point { lat, lon })
    }

    #[test]
    fn the_border_is_as_far_from_inside_as_from_outside() {
        let square =
            json!({ "type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]] });
        for lon in [-0.01, 0.01] {
            let distance = distance_m("polygon", square.clone(), 0.5, lon);
            assert!((distance - 1_111.9).abs() < 0.5, "{distance}");
        }
        let centre = json!({ "type": "Point", "coordinates": [0, 0] });
        assert!((distance_m("circle", centre.clone(), 0.0, 0.0) - 1_000.0).abs() < 1e-6);
        assert!((distance_m("circle", centre, 0.01, 0.0) - 111.95).abs() < 0.01);
    }

    #[test]
    fn a_hole_has_a_border_and_a_gate_over_the_antimeridian_is_near() {
        let holed = json!({ "type": "Polygon", "coordinates": [
            [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]],
            [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6], [0.4, 0.4]],
        ] });
        assert!((distance_m("polygon", holed, 0.5, 0.39) - 1_111.9).abs() < 0.5);
        let gate = json!({ "type": "LineString", "coordinates": [[179.9, 0], [-179.9, 0]] });
        assert!((distance_m("gate", gate, 0.01, -179.95) - 1_111.9).abs() < 0.5);
    }
}
