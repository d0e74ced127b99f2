//! GeoJSON (RFC 7946) as it comes from a client: an object or its text.

use std::borrow::Cow;

use geo::{Coord, LineString};
use serde_json::{Value, json};

use biplane_core::shown::shown;

use crate::fault::{Fault, Place};
use crate::ring::Ring;
use crate::{MAX_POSITIONS, nesting, sweep};

/// Longest text of a geometry that is parsed at all: MAX_POSITIONS with all digits that an f64 has.
const MAX_TEXT: usize = 64 * MAX_POSITIONS;

/// A geometry whose coordinates are in range; nothing else is known yet.
#[derive(Debug)]
pub enum Geometry {
    /// Of a circle.
    Point(Coord),
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

    /// Judges it as OGC Simple Features does (06-103r4, 6.1), in either orientation. Rings are closed and
    /// wound as RFC 7946 asks for, and positions that repeat one another are left out: the geometry as it
    /// should have come, where it came otherwise.
    pub fn judge(self) -> Result<Option<Value>, Fault> {
        let mut rings = Vec::new();
        let single = match self {
            Self::Point(_) => return Ok(None),
            Self::LineString(line) => return judge_line(line),
            Self::Polygon(lines) => {
                Ring::read_polygon(lines, 0, &mut rings, |ring| Place::Ring { ring })?;
                true
            }
            Self::MultiPolygon(polygons) => {
                if polygons.is_empty() {
                    return Err(Fault::Empty { what: "MultiPolygon", part: "polygon" });
                }
                for (polygon, lines) in polygons.into_iter().enumerate() {
                    let place = |ring| Place::PolygonRing { polygon, ring };
                    Ring::read_polygon(lines, polygon, &mut rings, place)?;
                }
                false
            }
        };
        let touches = sweep::check(&rings)?;
        nesting::check(&rings, &touches)?;
        let fine = rings.iter().all(|ring| !ring.repaired && ring.is_wound());
        Ok((!fine).then(|| repaired(&rings, single)))
    }
}

/// As GeoJSON, each ring wound as it should be.
fn repaired(rings: &[Ring], single: bool) -> Value {
    let mut polygons: Vec<Vec<Value>> = Vec::new();
    for ring in rings {
        if !ring.hole {
            polygons.push(Vec::new());
        }
        let mut line = ring.line.0.clone();
        if !ring.is_wound() {
            line.reverse();
        }
        polygons.last_mut().expect("an exterior comes first").push(coordinates(&line));
    }
    if single {
        json!({ "type": "Polygon", "coordinates": polygons.swap_remove(0) })
    } else {
        json!({ "type": "MultiPolygon", "coordinates": polygons })
    }
}

fn coordinates(line: &[Coord]) -> Value {
    line.iter().map(|position| json!([position.x, position.y])).collect()
}

fn judge_line(mut line: LineString) -> Result<Option<Value>, Fault> {
    let (place, least) = (Place::Line, 2);
    let count = line.0.len();
    if count < least {
        return Err(Fault::TooFewPoints { place, count, least });
    }
    line.0.dedup();
    match line.0.len() {
        1 => Err(Fault::TooFewDifferent { place, count: 1, least }),
        kept if kept == count => Ok(None),
        _ => Ok(Some(json!({ "type": "LineString", "coordinates": coordinates(&line.0) }))),
    }
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
    on_earth(x, y).map_err(fault)
}

/// A position in range, or what is wrong with it.
pub fn on_earth(x: f64, y: f64) -> Result<Coord, &'static str> {
    let (longitude, latitude) = (-180.0..=180.0, -90.0..=90.0);
    if !latitude.contains(&y) {
        return Err(if longitude.contains(&y) && latitude.contains(&x) {
            "latitude goes from -90 to 90; longitude comes first: are the two swapped?"
        } else if longitude.contains(&x) {
            "latitude goes from -90 to 90"
        } else {
            "longitude goes from -180 to 180"
        });
    }
    if !longitude.contains(&x) {
        return Err("longitude goes from -180 to 180");
    }
    // Makes -0.0 a 0.0: positions are compared by their bits later.
    Ok(Coord { x: x + 0.0, y: y + 0.0 })
}
