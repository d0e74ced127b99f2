//! What can be wrong with a geofence, and the sentence that says it.

use std::fmt;

use biplane_core::ErrorCode;
use geo::Coord;

use crate::MAX_POSITIONS;

/// Where in a geometry: ring 0 is the exterior, the others are holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The only position of a Point.
    Point,
    /// The only line of a LineString.
    Line,
    /// A ring of a Polygon.
    Ring {
        /// Of its polygon.
        ring: usize,
    },
    /// A ring of a MultiPolygon.
    PolygonRing {
        /// Which polygon.
        polygon: usize,
        /// Of that polygon.
        ring: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point => f.write_str("the point"),
            Self::Line => f.write_str("the line"),
            Self::Ring { ring } => write!(f, "ring {ring}"),
            Self::PolygonRing { polygon, ring } => write!(f, "polygon {polygon} ring {ring}"),
        }
    }
}

/// A segment by the positions that it joins, as the client counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentName(pub usize);

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} (vertices {}–{})", self.0, self.0, self.0 + 1)
    }
}

/// How two segments meet that should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Through each other.
    Cross,
    /// In one point.
    Touch,
    /// Along a line.
    Overlap,
}

impl Meeting {
    const fn verb(self) -> &'static str {
        match self {
            Self::Cross => "crosses",
            Self::Touch => "touches",
            Self::Overlap => "runs along",
        }
    }
}

/// A coordinate for people: a centimetre is enough.
struct Near(Coord);

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |number: f64| {
            let text = format!("{number:.7}");
            let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
            if text == "-0" { "0".to_owned() } else { text }
        };
        write!(f, "[{}, {}]", short(self.0.x), short(self.0.y))
    }
}

/// Why a geometry is no shape of a geofence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is its sentence says")]
pub enum Fault {
    #[error("geometry: is required")]
    Missing,
    #[error("geometry: is no GeoJSON geometry: {why}")]
    NotGeoJson { why: String },
    #[error("geometry: has {0} positions; a geofence may have {MAX_POSITIONS}")]
    TooManyPoints(usize),
    #[error(
        "geometry: its text has {0} bytes; that is more than a geofence of {MAX_POSITIONS} positions needs"
    )]
    TooLong(usize),
    #[error("geometry: {place} has {count} positions, needs at least {least}")]
    TooFewPoints { place: Place, count: usize, least: usize },
    #[error("geometry: {place} has {count} different positions, needs at least {least}")]
    TooFewDifferent { place: Place, count: usize, least: usize },
    #[error("geometry: the {what} has no {part}")]
    Empty { what: &'static str, part: &'static str },
    #[error("geometry: position {index} of {place} is {found}; {why}")]
    Coordinates { place: Place, index: usize, found: String, why: &'static str },
    #[error(
        "geometry: {place} jumps over the antimeridian between vertices {index} and {}: split it there into a MultiPolygon (RFC 7946, 3.1.9)", index + 1
    )]
    Antimeridian { place: Place, index: usize, at: Coord },
    #[error("geometry: {place} encloses nothing: all its positions lie on one line")]
    ZeroArea { place: Place },
    #[error("geometry: {place} {} itself near {}: {first} meets {second}", meeting.verb(), Near(*at))]
    SelfIntersection {
        place: Place,
        meeting: Meeting,
        at: Coord,
        first: SegmentName,
        second: SegmentName,
    },
    #[error("geometry: {first_place} {} {second_place} near {}: {first} meets {second}", meeting.verb(), Near(*at))]
    RingsMeet {
        first_place: Place,
        second_place: Place,
        meeting: Meeting,
        at: Coord,
        first: SegmentName,
        second: SegmentName,
    },
    #[error("geometry: {hole} is a hole outside its polygon, near {}", Near(*at))]
    HoleOutside { hole: Place, at: Coord },
    #[error("geometry: {inner} lies inside the hole {outer}, near {}", Near(*at))]
    HoleInHole { inner: Place, outer: Place, at: Coord },
    #[error("geometry: {inner} lies inside the polygon of {outer}, near {}", Near(*at))]
    PolygonInPolygon { inner: Place, outer: Place, at: Coord },
    #[error("geometry: the rings that touch at {} cut the inside of the polygon in two", Near(*at))]
    InsideCut { at: Coord },
}

impl Fault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Missing | Self::NotGeoJson { .. } => ErrorCode::GeofenceGeometry,
            Self::TooManyPoints(_) | Self::TooLong(_) => ErrorCode::GeofenceTooManyPoints,
            Self::TooFewPoints { .. } | Self::TooFewDifferent { .. } | Self::Empty { .. } => {
                ErrorCode::GeofenceTooFewPoints
            }
            Self::Coordinates { .. } => ErrorCode::GeofenceCoordinates,
            Self::Antimeridian { .. } => ErrorCode::GeofenceAntimeridian,
            Self::ZeroArea { .. } => ErrorCode::GeofenceZeroArea,
            Self::SelfIntersection { .. } => ErrorCode::GeofenceSelfIntersection,
            Self::RingsMeet { .. }
            | Self::HoleOutside { .. }
            | Self::HoleInHole { .. }
            | Self::PolygonInPolygon { .. }
            | Self::InsideCut { .. } => ErrorCode::GeofenceNesting,
        }
    }

    /// Where on earth, where that can be said.
    pub const fn at(&self) -> Option<Coord> {
        match self {
            Self::Antimeridian { at, .. }
            | Self::SelfIntersection { at, .. }
            | Self::RingsMeet { at, .. }
            | Self::HoleOutside { at, .. }
            | Self::HoleInHole { at, .. }
            | Self::PolygonInPolygon { at, .. }
            | Self::InsideCut { at } => Some(*at),
            _ => None,
        }
    }
}
