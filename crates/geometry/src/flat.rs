//! A geometry as it crosses into WebAssembly: what it is, where its parts end, and its coordinates in a
//! row, since objects cost at that border.

use biplane_core::shown::shown;
use geo::LineString;
use serde_json::json;

use crate::fault::{Fault, Place};
use crate::geojson::on_earth;
use crate::{Geometry, MAX_POSITIONS};

/// A GeoJSON geometry of type Polygon, MultiPolygon, LineString or Point whose positions all have
/// two numbers. The host makes it of what a client sent; everything else stays as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatGeometry {
    /// `type` of the geometry.
    pub type_name: String,
    /// Of each ring (or the line, or the point) how many positions it has.
    pub rings: Vec<u32>,
    /// Of each polygon of a MultiPolygon how many rings it has; empty for every other type.
    pub polygons: Vec<u32>,
    /// Longitude and latitude of each position in degrees, in turn.
    pub coordinates: Vec<f64>,
}

impl Geometry {
    /// Of flat coordinates.
    pub fn of_flat(flat: &FlatGeometry) -> Result<Self, Fault> {
        let count: usize = flat.rings.iter().map(|&ring| (ring as usize).max(1)).sum();
        if count > MAX_POSITIONS {
            return Err(Fault::TooManyPoints(count));
        }
        let mut parts = Parts { flat, ring: 0, read: 0 };
        match flat.type_name.as_str() {
            "Point" => {
                let line = parts.line(Place::Point)?;
                line.0.first().map(|&at| Self::Point(at)).ok_or_else(uneven)
            }
            "LineString" => Ok(Self::LineString(parts.line(Place::Line)?)),
            "Polygon" => {
                let rings = (0..flat.rings.len()).map(|ring| parts.line(Place::Ring { ring }));
                Ok(Self::Polygon(rings.collect::<Result<_, _>>()?))
            }
            "MultiPolygon" => {
                let polygons = flat.polygons.iter().enumerate().map(|(polygon, &rings)| {
                    let place = |ring| Place::PolygonRing { polygon, ring };
                    (0..rings as usize).map(|ring| parts.line(place(ring))).collect()
                });
                Ok(Self::MultiPolygon(polygons.collect::<Result<_, _>>()?))
            }
            _ => Err(Fault::NotGeoJson { why: "its type has no flat form".to_owned() }),
        }
    }
}

/// The rings of a flat geometry, one after the other.
struct Parts<'a> {
    flat: &'a FlatGeometry,
    ring: usize,
    /// Positions that were read.
    read: usize,
}

impl Parts<'_> {
    fn line(&mut self, place: Place) -> Result<LineString, Fault> {
        let count = *self.flat.rings.get(self.ring).ok_or_else(uneven)? as usize;
        let numbers = 2 * self.read..2 * (self.read + count);
        let numbers = self.flat.coordinates.get(numbers).ok_or_else(uneven)?;
        self.ring += 1;
        self.read += count;
        let position = |(index, pair): (usize, &[f64])| {
            on_earth(pair[0], pair[1]).map_err(|why| {
                let found = format!("[{}, {}]", shown(&json!(pair[0])), shown(&json!(pair[1])));
                Fault::Coordinates { place, index, found, why }
            })
        };
        let positions = numbers.chunks_exact(2).enumerate().map(position);
        Ok(LineString::new(positions.collect::<Result<_, _>>()?))
    }
}

fn uneven() -> Fault {
    Fault::NotGeoJson { why: "its flat form has fewer coordinates than its parts".to_owned() }
}
