//! Shapes of geofences: read from GeoJSON or from flat coordinates, judged as OGC Simple Features has it,
//! repaired where there is no doubt about what was meant, and measured.
//!
//! Every geofence that is written comes through here, and those who write it wait: this crate is built
//! for speed where the rules around it are built small.

mod fault;
mod flat;
mod geojson;
mod measure;
mod nesting;
mod ring;
mod sweep;

pub use fault::Fault;
pub use flat::FlatGeometry;
pub use geojson::Geometry;
pub use measure::Measures;

/// How many positions a geofence may have, closing ones included.
pub const MAX_POSITIONS: usize = 10_000;
