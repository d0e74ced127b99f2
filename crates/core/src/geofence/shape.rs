//! What a geofence may look like.

use serde_json::Value;

use super::circle::Circle;
use super::gate::Gate;
use super::polygon::{self, Polygon};
use super::{BorderCrossing, Bounds, Segment};
use crate::geodesy::Point;

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

    pub(super) fn bounds(&self) -> Bounds {
        self.1
    }
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
