//! What a geofence is.

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use serde_json::Value;

use crate::Rejection;

/// What a geofence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An area.
    Polygon,
    /// All around a point.
    Circle,
    /// A line to pass.
    Gate,
}

impl Kind {
    /// Reads the field `kind`.
    pub fn read(value: Option<&Value>) -> Result<Self, Rejection> {
        let message = match value {
            None | Some(Value::Null) => "kind: is required: polygon, circle or gate".to_owned(),
            Some(value) => match value.as_str() {
                Some("polygon") => return Ok(Self::Polygon),
                Some("circle") => return Ok(Self::Circle),
                Some("gate") => return Ok(Self::Gate),
                _ => format!("kind: {} is none of polygon, circle, gate", shown(value)),
            },
        };
        Err(Rejection::field(ErrorCode::GeofenceKind, "kind", message))
    }

    /// As in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polygon => "polygon",
            Self::Circle => "circle",
            Self::Gate => "gate",
        }
    }

    /// The GeoJSON types that it may have.
    pub const fn geometry(self) -> &'static str {
        match self {
            Self::Polygon => "Polygon or MultiPolygon",
            Self::Circle => "Point (its centre)",
            Self::Gate => "LineString",
        }
    }
}
