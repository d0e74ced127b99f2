//! The live channel's messages: JSON objects over a WebSocket at `/live`.
//!
//! Shaped like Directus's own WebSocket: `{"type": "auth", "access_token": …}`
//! first, then `subscribe` with a `uid` of the client's choice; `ping` is
//! answered by `pong` on both sides.
//!
//! Two kinds of things are told. Positions are conflated: of each device the latest counts, and who
//! was away has missed the others. [`LiveEvent`]s are rows that somebody committed: each is told at
//! least once, and who comes back with a [`Cursor`] is told what was missed.

mod cursor;
mod event;

use serde::{Deserialize, Serialize};

pub use cursor::{Cursor, CursorError};
pub use event::{
    AccessChange, Direction, LiveAlert, LiveCrossing, LiveEvent, LiveStatus, Retraction,
};

use crate::{DeviceId, ErrorCode, EventId, OrganizationId, Timestamp};

/// Of the protocol. Fields and events may be added to it; what is there stays what it is.
pub const PROTOCOL: u32 = 1;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    /// The first message, and again before the token ends.
    Auth {
        /// A Directus access token, session token or static token.
        access_token: String,
        /// The [`PROTOCOL`] that the client speaks, if it wants to be refused by a hub that does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        protocol: Option<u32>,
    },
    /// Ask for a topic; answered by a `subscription` with event `init`.
    Subscribe {
        /// Names the subscription in everything sent for it.
        uid: String,
        /// What to see.
        topic: Topic,
        /// How.
        #[serde(default, skip_serializing_if = "Options::is_default")]
        #[cfg_attr(test, ts(as = "Option<Options>", optional))]
        options: Options,
        /// The last cursor of this topic that the client has: what was committed since comes first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        resume: Option<Cursor>,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The devices entered in an event, with their alerts, and the event's crossings.
    Event(EventId),
    /// The devices of an organization, with their crossings, and all its alerts.
    Organization(OrganizationId),
    /// The devices listed, with their crossings and alerts.
    Devices(Vec<DeviceId>),
}

/// How a subscription shows its topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Of positions, besides `device` and `time`; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub fields: Option<Vec<PositionField>>,
    /// So many milliseconds at least lie between two messages of positions; at most 60,000.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(as = "Option<u32>", optional))]
    pub min_interval_ms: u32,
    /// The positions of so many seconds before each device's last come as `replay` after `init`, and
    /// the crossings and alerts that were committed within so many seconds; at most 3,600.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(as = "Option<u32>", optional))]
    pub replay_s: u32,
}

impl Options {
    /// The longest [`Self::min_interval_ms`].
    pub const LONGEST_INTERVAL_MS: u32 = 60_000;
    /// The longest [`Self::replay_s`].
    pub const LONGEST_REPLAY_S: u32 = 3_600;

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// A field of [`LivePosition`] that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PositionField {
    /// Degrees.
    Lat,
    /// Degrees.
    Lon,
    /// Metres.
    AltitudeM,
    /// Over ground, in km/h.
    SpeedKmh,
    /// Over ground, in degrees.
    CourseDeg,
    /// Whether the fix is implausible.
    Faulty,
}

impl PositionField {
    /// All, in the order in which they are sent.
    pub const ALL: [Self; 6] =
        [Self::Lat, Self::Lon, Self::AltitudeM, Self::SpeedKmh, Self::CourseDeg, Self::Faulty];
}

/// What the hub says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
        /// The hub's [`PROTOCOL`].
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        protocol: Option<u32>,
        /// The hub's clock, by which clients may set theirs.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        time: Option<Timestamp>,
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
        /// Give the last one back as `resume` when you subscribe again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        cursor: Option<Cursor>,
    },
    /// The client reads too slowly for more: from now on updates come no more often.
    Rate {
        /// Between two updates, in milliseconds.
        interval_ms: u32,
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
        /// Before a client is closed that would miss what may not be missed: where to go on.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        cursor: Option<Cursor>,
    },
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Done.
    Ok,
    /// Not done.
    Error,
}

/// What a subscription brings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum SubscriptionEvent {
    /// First: the last position of each device; of more than 64 devices the others follow at once as
    /// `positions`.
    Init(Vec<LivePosition>),
    /// If asked for: positions before those of `init`, in order of time; in several messages, if many.
    Replay(Vec<LivePosition>),
    /// Positions since the last message; of each device the latest only.
    Positions(Vec<LivePosition>),
    /// Crossings that were committed: new ones, and anew what is known by its `id` and has changed.
    Crossings(Vec<LiveCrossing>),
    /// Crossings that turned out to be none.
    Retractions(Vec<Retraction>),
    /// Alerts that were raised, and anew those that changed.
    Alerts(Vec<LiveAlert>),
    /// Which devices are connected: all after `init`, then those that come and go.
    Status(Vec<LiveStatus>),
    /// The subscription could not be made or has ended.
    Error(LiveError),
}

/// A code with a sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct LiveError {
    /// Stable.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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

/// What a partition's owner tells every hub, at once and with its `faulty` mark: an entry's field
/// `m` in the stream `live:{pNN}`. With the device's owner at event time: a tracker that changes
/// hands shows nothing of its past to its new tenant, nor of its future to its old one.
///
/// The partition's owner decides what moves the live state, and in what order: a late fix is
/// stored, never published. Nothing here is durable; hubs that were away have missed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedPosition {
    /// The device's tenant at event time.
    pub organization: OrganizationId,
    /// What clients see.
    pub position: LivePosition,
}

#[cfg(test)]
mod schema;
#[cfg(test)]
mod typescript;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_look_like_directus_ones() {
        let auth: ClientMessage =
            serde_json::from_str(r#"{"type":"auth","access_token":"x"}"#).expect("auth");
        assert_eq!(auth, ClientMessage::Auth { access_token: "x".into(), protocol: None });
        let id = "6f2b1c1e-7d0a-5b0e-9b0a-1f2e3d4c5b6a";
        let subscribe = format!(r#"{{"type":"subscribe","uid":"map","topic":{{"event":"{id}"}}}}"#);
        let subscribe: ClientMessage = serde_json::from_str(&subscribe).expect("subscribe");
        assert!(matches!(subscribe, ClientMessage::Subscribe { topic: Topic::Event(_), .. }));
    }

    #[test]
    fn options_are_read_and_those_that_are_unknown_are_refused() {
        let read = |options: &str| {
            let id = "6f2b1c1e-7d0a-5b0e-9b0a-1f2e3d4c5b6a";
            serde_json::from_str::<ClientMessage>(&format!(
                r#"{{"type":"subscribe","uid":"a","topic":{{"organization":"{id}"}},"resume":"7-9","options":{options}}}"#
            ))
        };
        let text = r#"{"fields":["lat","altitude_m"],"min_interval_ms":1000,"replay_s":60}"#;
        let Ok(ClientMessage::Subscribe { options, resume, .. }) = read(text) else {
            panic!("{:?}", read(text))
        };
        assert_eq!(options.fields, Some(vec![PositionField::Lat, PositionField::AltitudeM]));
        assert_eq!((options.min_interval_ms, options.replay_s), (1000, 60));
        assert_eq!(resume.map(|cursor| cursor.transaction), Some(7));
        for wrong in [
            r#"{"field":[]}"#,
            r#"{"fields":["device"]}"#,
            r#"{"replay_s":-1}"#,
            r#"{"replay_s":1.5}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_subscription_names_its_uid_event_and_data() {
        let message = ServerMessage::Subscription {
            uid: Some("map".into()),
            event: SubscriptionEvent::Positions(vec![]),
            cursor: Some(Cursor { transaction: 7, at: Timestamp::from_millis(9) }),
        };
        assert_eq!(
            serde_json::to_string(&message).expect("JSON"),
            r#"{"type":"subscription","uid":"map","event":"positions","data":[],"cursor":"7-9"}"#
        );
    }

    #[test]
    fn a_published_position_says_what_it_is_and_whose() {
        let id = uuid::Uuid::from_u128(7);
        let item = PublishedPosition {
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
        };
        let json = serde_json::to_value(&item).expect("JSON");
        assert_eq!(json["organization"], id.to_string());
        assert_eq!(json["position"]["speed_kmh"], 31.0);
        assert_eq!(serde_json::from_value::<PublishedPosition>(json).expect("read back"), item);
    }

    #[test]
    fn a_message_of_an_unknown_type_is_an_error() {
        assert!(serde_json::from_str::<ClientMessage>(r#"{"type":"launch"}"#).is_err());
    }
}
