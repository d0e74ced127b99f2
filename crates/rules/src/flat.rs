//! A geometry as it crosses: what it is, where its parts end, and its coordinates in a row.

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
