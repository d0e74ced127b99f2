//! GeoJSON (RFC 7946) as it comes from a client: an object or its text.

use std::borrow::Cow;

use geo::{Coord, LineString};
use serde_json::Value;

use super::fault::{Fault, Place};
use super::ring::Ring;
use super::{MAX_POSITIONS, nesting, sweep};
use crate::shown::shown;

/// Longest text of a geometry that is parsed at all: MAX_POSITIONS with all digits that an f64 has.
const MAX_TEXT: usize = 64 * MAX_POSITIONS;

/// A geometry whose coordinates are in range; nothing else is known yet.
#[derive(Debug)]
pub enum Geometry {
    /// Of a circle.
    Point(#[expect(dead_code, reason = "in range is all that a centre has to be")] Coord),
    /// Of a gate.
    LineString(LineString),
    /// Exterior and holes.
    Polygon(Vec<LineString>),
    /// Several of them.
    MultiPolygon(Vec<Vec<LineString>>),
}

impl Geometry {
    /// Reads an object or its text. The number of positions is looked at before anything else.
    pub fn read(value: &Value) -> Result<Self, Fault> {
        let value = match value {
            Value::Null => return Err(Fault::Missing),
            Value::String(text) if text.len() > MAX_TEXT => {
                return Err(Fault::TooLong(text.len()));
            }
            Value::String(text) => Cow::Owned(serde_json::from_str(text).map_err(|error| {
                Fault::NotGeoJson { why: format!("the text is no JSON: {error}") }
            })?),
            other => Cow::Borrowed(other),
        };
        let not_geojson = |why: String| Err(Fault::NotGeoJson { why });
        let Value::Object(object) = value.as_ref() else {
            return not_geojson(format!("it is {}", shown(&value)));
        };
        let Some(Value::String(type_name)) = object.get("type") else {
            return not_geojson("it has no `type`".into());
        };
        let depth = match type_name.as_str() {
            "Point" => 0,
            "LineString" => 1,
            "Polygon" => 2,
            "MultiPolygon" => 3,
            "MultiPoint" | "MultiLineString" | "GeometryCollection" => {
                return not_geojson(format!("a {type_name} is no shape of a geofence"));
            }
            "Feature" | "FeatureCollection" => {
                return not_geojson(format!(
                    "a {type_name} is more than a geometry; give the member `geometry` of one feature"
                ));
            }
            other => {
                let shown: String = other.chars().take(32).collect();
                return not_geojson(format!("there is no type `{shown}`"));
            }
        };
        let Some(Value::Array(coordinates)) = object.get("coordinates") else {
            return not_geojson("`coordinates` is no array".into());
        };
        let count = positions(coordinates, depth);
        if count > MAX_POSITIONS {
            return Err(Fault::TooManyPoints(count));
        }
        match depth {
            0 => Ok(Self::Point(position(coordinates, Place::Point, 0)?)),
            1 => Ok(Self::LineString(line(coordinates, Place::Line)?)),
            2 => Ok(Self::Polygon(polygon(coordinates, |ring| Place::Ring { ring })?)),
            _ => {
                let polygons = coordinates.iter().enumerate().map(|(index, value)| {
                    let rings = array(value, "a polygon")?;
                    polygon(rings, |ring| Place::PolygonRing { polygon: index, ring })
                });
                Ok(Self::MultiPolygon(polygons.collect::<Result<_, _>>()?))
            }
        }
    }

    /// As in GeoJSON.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Point(_) => "Point",
            Self::LineString(_) => "LineString",
            Self::Polygon(_) => "Polygon",
            Self::MultiPolygon(_) => "MultiPolygon",
        }
    }

    /// Whether it is valid as OGC Simple Features has it (06-103r4, 6.1), in either orientation.
    pub fn check(self) -> Result<(), Fault> {
        let mut rings = Vec::new();
        match self {
            Self::Point(_) => return Ok(()),
            Self::LineString(line) => return check_line(&line),
            Self::Polygon(lines) => {
                Ring::read_polygon(lines, 0, &mut rings, |ring| Place::Ring { ring })?;
            }
            Self::MultiPolygon(polygons) => {
                if polygons.is_empty() {
                    return Err(Fault::Empty { what: "MultiPolygon", part: "polygon" });
                }
                for (polygon, lines) in polygons.into_iter().enumerate() {
                    let place = |ring| Place::PolygonRing { polygon, ring };
                    Ring::read_polygon(lines, polygon, &mut rings, place)?;
                }
            }
        }
        let touches = sweep::check(&rings)?;
        nesting::check(&rings, &touches)
    }
}

fn check_line(line: &LineString) -> Result<(), Fault> {
    let (place, least) = (Place::Line, 2);
    let count = line.0.len();
    if count < least {
        return Err(Fault::TooFewPoints { place, count, least });
    }
    if line.0.iter().all(|position| *position == line.0[0]) {
        return Err(Fault::TooFewDifferent { place, count: 1, least });
    }
    Ok(())
}

/// How many positions there are, without looking at them: only as deep as the type says.
fn positions(coordinates: &[Value], depth: usize) -> usize {
    match depth {
        0 => 1,
        1 => coordinates.len(),
        _ => coordinates
            .iter()
            .map(|inner| inner.as_array().map_or(1, |inner| positions(inner, depth - 1).max(1)))
            .sum(),
    }
}

fn array<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], Fault> {
    match value {
        Value::Array(items) => Ok(items),
        other => {
            Err(Fault::NotGeoJson { why: format!("{what} is {}, not an array", shown(other)) })
        }
    }
}

fn polygon(rings: &[Value], place: impl Fn(usize) -> Place) -> Result<Vec<LineString>, Fault> {
    let rings =
        rings.iter().enumerate().map(|(index, ring)| line(array(ring, "a ring")?, place(index)));
    rings.collect()
}

fn line(positions: &[Value], place: Place) -> Result<LineString, Fault> {
    let positions = positions.iter().enumerate().map(|(index, value)| match value.as_array() {
        Some(numbers) => position(numbers, place, index),
        None => Err(Fault::NotGeoJson {
            why: format!("position {index} of {place} is {}, not an array", shown(value)),
        }),
    });
    Ok(LineString::new(positions.collect::<Result<_, _>>()?))
}

fn position(numbers: &[Value], place: Place, index: usize) -> Result<Coord, Fault> {
    let fault = |why| {
        let shown: Vec<_> = numbers.iter().take(4).map(shown).collect();
        Fault::Coordinates { place, index, found: format!("[{}]", shown.join(", ")), why }
    };
    let (longitude, latitude) = match numbers {
        [longitude, latitude] => (longitude, latitude),
        // Directus makes the column two-dimensional, and PostGIS puts no altitude in it.
        [_, _, _, ..] => return Err(fault("a geofence is flat: longitude and latitude only")),
        _ => return Err(fault("it needs two numbers, longitude and latitude")),
    };
    let (Some(x), Some(y)) = (longitude.as_f64(), latitude.as_f64()) else {
        return Err(fault("it needs two numbers, longitude and latitude"));
    };
    if !(-180.0..=180.0).contains(&x) {
        return Err(fault("longitude goes from -180 to 180"));
    }
    if !(-90.0..=90.0).contains(&y) {
        return Err(fault("latitude goes from -90 to 90"));
    }
    // Makes -0.0 a 0.0: positions are compared by their bits later.
    Ok(Coord { x: x + 0.0, y: y + 0.0 })
}
