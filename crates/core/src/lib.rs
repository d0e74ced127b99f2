//! The vocabulary that both planes share.
//!
//! Pure: no I/O, no clock, no environment. Time, randomness and whatever was
//! read come in as arguments; effects go out as values.
//!
//! Units: coordinates in degrees WGS 84, distances in metres, altitudes in
//! metres, speeds in km/h, courses over ground in degrees clockwise from north,
//! times in UTC with milliseconds.

pub mod agreement;
pub mod error_code;
pub mod fix;
pub mod geodesy;
pub mod geofence;
pub mod ids;
pub mod live;
pub mod motion;
pub mod plausibility;
pub mod profile;
pub mod recompute;
pub mod results;
pub mod retired;
pub mod review;
pub mod shown;
pub mod simplify;
mod state;
pub mod time;
pub mod timing;
pub mod visits;

pub use error_code::ErrorCode;
pub use fix::{Fix, Frame, IoValue};
pub use ids::{
    CheckpointId, DeviceId, EntryId, EventId, GeofenceId, Imei, ImeiError, OrganizationId,
};
pub use state::StateError;
pub use time::Timestamp;
