//! What is told to whoever may see it, each once it is committed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CheckpointId, DeviceId, EntryId, EventId, GeofenceId, OrganizationId, Timestamp};

/// A row of `telemetry.live_events`: the columns `kind` and `body`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "lowercase")]
pub enum LiveEvent {
    /// A crossing that is new, or has changed.
    Crossing(LiveCrossing),
    /// A crossing that is gone.
    Retraction(Retraction),
    /// An alert that is new, or has changed.
    Alert(LiveAlert),
    /// A device that came or went.
    Status(LiveStatus),
    /// Who may see what has changed: for hubs, not for clients.
    Access(AccessChange),
}

/// Whom a change of members, roles, permissions or owners concerns: what is named, or everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// One user.
    #[serde(default)]
    pub user: Option<Uuid>,
    /// Those who see something of one organization.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
}

impl AccessChange {
    /// Whether it may concern everybody.
    pub fn concerns_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Which way a device crossed a geofence's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into it.
    Enter,
    /// Out of it.
    Exit,
}

impl Direction {
    /// As in the column `crossings.direction`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Exit => "exit",
        }
    }
}

/// A device crossed a geofence's border.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct LiveCrossing {
    /// The row in `crossings`.
    #[cfg_attr(test, ts(type = "Uuid"))]
    pub id: Uuid,
    /// Its tenant.
    pub organization: OrganizationId,
    /// The event whose course the geofence is part of.
    pub event: Option<EventId>,
    /// The competitor or vehicle.
    pub entry: Option<EntryId>,
    /// The tracker.
    pub device: DeviceId,
    /// The place in the course.
    pub checkpoint: Option<CheckpointId>,
    /// What was crossed.
    pub geofence: GeofenceId,
    /// Which way.
    pub direction: Direction,
    /// Event time, interpolated between two fixes.
    pub crossed_at: Timestamp,
    /// `valid`, or `outside_window`: before the checkpoint opened or after it closed.
    pub status: String,
}

/// A crossing that turned out to be none: its fixes were faulty, came late, or its fence changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Retraction {
    /// The row that was in `crossings`.
    #[cfg_attr(test, ts(type = "Uuid"))]
    pub id: Uuid,
    /// Its tenant.
    pub organization: OrganizationId,
    /// As the crossing had it.
    pub event: Option<EventId>,
    /// As the crossing had it.
    pub device: DeviceId,
}

/// Something that people should know of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct LiveAlert {
    /// The row in `alerts`.
    #[cfg_attr(test, ts(type = "Uuid"))]
    pub id: Uuid,
    /// Its tenant.
    pub organization: OrganizationId,
    /// The tracker, if it is about one.
    pub device: Option<DeviceId>,
    /// The event that it takes part in.
    pub event: Option<EventId>,
    /// Where, if it is about one.
    pub geofence: Option<GeofenceId>,
    /// As in `alerts.kind`: `overspeed`, `dwell`, `device_offline`, ...
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `open`, `acknowledged` or `closed`.
    pub status: String,
    /// Event time.
    pub occurred_at: Timestamp,
    /// A sentence.
    pub message: Option<String>,
}

/// Whether a device is heard of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct LiveStatus {
    /// Which.
    pub device: DeviceId,
    /// Whether it was heard of within the last minutes.
    pub connected: bool,
    /// When it was heard of last, as far as this was known then; processing time.
    pub heard_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_from_the_columns_of_its_row() {
        let id = Uuid::from_u128(7);
        let row = serde_json::json!({ "kind": "status", "body": { "device": id, "connected": true, "heard_at": null } });
        let status = LiveStatus { device: DeviceId(id), connected: true, heard_at: None };
        assert_eq!(
            serde_json::from_value::<LiveEvent>(row).expect("an event"),
            LiveEvent::Status(status)
        );
        let access = |body: serde_json::Value| {
            let row = serde_json::json!({ "kind": "access", "body": body });
            match serde_json::from_value::<LiveEvent>(row) {
                Ok(LiveEvent::Access(change)) => change,
                other => panic!("{other:?}"),
            }
        };
        assert!(access(serde_json::json!({})).concerns_all());
        let of_one = access(serde_json::json!({ "user": id }));
        assert!(!of_one.concerns_all() && of_one.user == Some(id));
    }
}
