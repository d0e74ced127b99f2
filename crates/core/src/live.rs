//! The live channel's messages: JSON objects over a WebSocket at `/live`.
//!
//! Shaped like Directus's own WebSocket: `{"type": "auth", "access_token": …}`
//! first, then `subscribe` with a `uid` of the client's choice; `ping` is
//! answered by `pong` on both sides.

use serde::{Deserialize, Serialize};

use crate::{
    CheckpointId, DeviceId, EntryId, ErrorCode, EventId, GeofenceId, OrganizationId, Timestamp,
};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    /// The first message, and again before the token ends.
    Auth {
        /// A Directus access token.
        access_token: String,
    },
    /// Ask for a topic; answered by a `subscription` with event `init`.
    Subscribe {
        /// Names the subscription in everything sent for it.
        uid: String,
        /// What to see.
        topic: Topic,
    },
    /// End a subscription.
    Unsubscribe {
        /// As given in `subscribe`.
        uid: String,
    },
    /// Answered by `pong`.
    Ping,
    /// The answer to `ping`.
    Pong,
}

/// What a subscription shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The devices entered in an event, and the event's crossings.
    Event(EventId),
    /// The devices listed.
    Devices(Vec<DeviceId>),
}

/// What the hub says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerMessage {
    /// The answer to `auth`.
    Auth {
        /// `ok` or `error`.
        status: Status,
        /// When the token ends: send a fresh one before.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        expires_at: Option<Timestamp>,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        error: Option<LiveError>,
    },
    /// Something of a subscription.
    Subscription {
        /// The client's name for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        uid: Option<String>,
        /// What it is.
        #[serde(flatten)]
        event: SubscriptionEvent,
    },
    /// Sent every 30 s; a client that does not answer is closed.
    Ping,
    /// The answer to `ping`.
    Pong,
    /// A message that could not be understood or may not be said now.
    Error {
        /// Always `error`.
        status: Status,
        /// Why.
        error: LiveError,
    },
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Done.
    Ok,
    /// Not done.
    Error,
}

/// What a subscription brings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum SubscriptionEvent {
    /// First: the last position of each device.
    Init(Vec<LivePosition>),
    /// Positions since the last message; of each device the latest only.
    Positions(Vec<LivePosition>),
    /// Crossings, after they were committed.
    Crossings(Vec<LiveCrossing>),
    /// The subscription could not be made or has ended.
    Error(LiveError),
}

/// A code with a sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LiveError {
    /// Stable.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LivePosition {
    /// Whose.
    pub device: DeviceId,
    /// Event time.
    pub time: Timestamp,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Metres.
    pub altitude_m: Option<f32>,
    /// Over ground.
    pub speed_kmh: Option<f32>,
    /// Over ground, degrees.
    pub course_deg: Option<f32>,
    /// Whether the processor holds the fix for implausible.
    pub faulty: bool,
}

/// What a partition's owner tells every hub: an entry's field `m` in the stream `live:{pNN}`.
///
/// The owner decides what moves the live state, and in what order: a late fix
/// is stored, never published. Nothing here is durable; hubs that were away
/// have missed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveItem {
    /// At once, with its `faulty` mark.
    Position(PublishedPosition),
    /// After the crossing was committed.
    Crossing(LiveCrossing),
}

/// A position with its owner at event time: a tracker that changes hands shows
/// nothing of its past to its new tenant, nor of its future to its old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedPosition {
    /// The device's tenant at event time.
    pub organization: OrganizationId,
    /// What clients see.
    pub position: LivePosition,
}

/// Which way a device crossed a geofence's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LiveCrossing {
    /// The row in `crossings`.
    #[cfg_attr(test, ts(type = "Uuid"))]
    pub id: uuid::Uuid,
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
}

#[cfg(test)]
mod typescript;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_look_like_directus_ones() {
        let auth: ClientMessage =
            serde_json::from_str(r#"{"type":"auth","access_token":"x"}"#).expect("auth");
        assert_eq!(auth, ClientMessage::Auth { access_token: "x".into() });
        let id = "6f2b1c1e-7d0a-5b0e-9b0a-1f2e3d4c5b6a";
        let subscribe = format!(r#"{{"type":"subscribe","uid":"map","topic":{{"event":"{id}"}}}}"#);
        let subscribe: ClientMessage = serde_json::from_str(&subscribe).expect("subscribe");
        assert!(matches!(subscribe, ClientMessage::Subscribe { topic: Topic::Event(_), .. }));
    }

    #[test]
    fn a_subscription_names_its_uid_event_and_data() {
        let message = ServerMessage::Subscription {
            uid: Some("map".into()),
            event: SubscriptionEvent::Positions(vec![]),
        };
        assert_eq!(
            serde_json::to_string(&message).expect("JSON"),
            r#"{"type":"subscription","uid":"map","event":"positions","data":[]}"#
        );
    }

    #[test]
    fn a_published_position_says_what_it_is_and_whose() {
        let id = uuid::Uuid::from_u128(7);
        let item = LiveItem::Position(PublishedPosition {
            organization: OrganizationId(id),
            position: LivePosition {
                device: DeviceId(id),
                time: Timestamp::from_millis(0),
                lat: 46.5,
                lon: 12.25,
                altitude_m: None,
                speed_kmh: Some(31.0),
                course_deg: None,
                faulty: false,
            },
        });
        let json = serde_json::to_value(&item).expect("JSON");
        assert_eq!(json["position"]["organization"], id.to_string());
        assert_eq!(json["position"]["position"]["speed_kmh"], 31.0);
        assert_eq!(serde_json::from_value::<LiveItem>(json).expect("read back"), item);
    }

    #[test]
    fn a_message_of_an_unknown_type_is_an_error() {
        assert!(serde_json::from_str::<ClientMessage>(r#"{"type":"launch"}"#).is_err());
    }
}
