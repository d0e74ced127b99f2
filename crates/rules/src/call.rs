//! What crosses between a rule and its host.

use std::collections::{BTreeMap, HashSet};

use biplane_core::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Event, FlatGeometry};

/// How many positions cross at once, of all devices together: a host reads no more. A full page holds up
/// Directus, which has one thread, for about a tenth of a second.
pub const MAX_POSITION_ROWS: u32 = 10_000;

/// The kinds of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Kind {
    /// Before a write.
    Filter,
    /// After a write.
    Action,
    /// An HTTP route.
    Endpoint,
    /// A step of a Flow.
    Operation,
}

impl Kind {
    /// As in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Action => "action",
            Self::Endpoint => "endpoint",
            Self::Operation => "operation",
        }
    }
}

/// One question to a rule.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Call {
    /// The rule's kind.
    pub kind: Kind,
    /// The rule's name.
    pub name: String,
    /// What happens; `None` for endpoints and operations.
    #[serde(default)]
    pub event: Option<Event>,
    /// The item or the patch (the rule's fields only), the keys of a delete, the
    /// [`Request`](crate::Request) of an endpoint, the options of an operation.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "unknown"))]
    pub payload: Value,
    /// The geometry of the payload, where its field has one: coordinates are numbers in a row, since
    /// objects cost at the border. What is no regular geometry stays in the payload.
    #[serde(skip)]
    pub flat: Option<FlatGeometry>,
    /// Who asks, and what is known.
    #[serde(default)]
    pub ctx: Context,
}

/// What the host knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Context {
    /// Processing time, milliseconds since the Unix epoch.
    pub now_ms: f64,
    /// The collection that is written to.
    pub collection: String,
    /// The items that an update changes: the payload is one patch for them all.
    #[cfg_attr(test, ts(type = "unknown[]"))]
    pub keys: Vec<Value>,
    /// The caller; `None`: nobody logged in, or Directus itself.
    pub user: Option<String>,
    /// The caller's role.
    pub role: Option<String>,
    /// Whether the caller may do everything.
    pub admin: bool,
    /// The answers to [`Need`]s of the rounds before, by `as`.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub results: BTreeMap<String, Value>,
}

impl Context {
    /// How many items an update changes: a client may name one twice, it is read once.
    pub(crate) fn distinct_keys(&self) -> usize {
        self.keys.iter().map(Value::to_string).collect::<HashSet<_>>().len()
    }

    /// The items that a [`Need`] found; `None`: it was not asked for yet.
    pub(crate) fn answer(&self, name: &str) -> Result<Option<&[Value]>, Rejection> {
        match self.results.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Rejection::contract(format!("the answer `{name}` is no list"))),
        }
    }

    /// Asks for the items that an update changes; see [`Context::items`].
    pub(crate) fn ask_items(&self, fields: &'static [&'static str]) -> Need {
        Need::read("items", self.collection.clone(), self.keys.clone(), fields)
    }

    /// The answer `items`: all that an update changes, or the caller can't see them all.
    pub(crate) fn items(&self) -> Result<Option<&[Value]>, Rejection> {
        match self.answer("items")? {
            Some(items) if items.len() < self.distinct_keys() => Err(Rejection::forbidden()),
            items => Ok(items),
        }
    }
}

/// What a rule decides. Empty: nothing to say against it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Outcome {
    /// Fields to set in the item before it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "Record<string, unknown>"))]
    pub patch: Option<Map<String, Value>>,
    /// Not allowed, and why: all that is wrong, where more than one thing can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<Rejection>>", optional))]
    pub reject: Vec<Rejection>,
    /// What an operation hands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "unknown"))]
    pub result: Option<Value>,
    /// What an endpoint answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub answer: Option<Answer>,
    /// Not decided yet: read this and call again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<Need>>", optional))]
    pub need: Vec<Need>,
    /// To do once decided; should one fail, the request fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<Effect>>", optional))]
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// Not allowed.
    pub fn reject(rejection: impl Into<Rejection>) -> Self {
        Self { reject: vec![rejection.into()], ..Self::default() }
    }

    /// Allowed unless something is wrong.
    pub fn rejections(reject: Vec<Rejection>) -> Self {
        Self { reject, ..Self::default() }
    }

    /// Not decided before this is known.
    pub fn need(need: Need) -> Self {
        Self::needs(vec![need])
    }

    /// Not decided before all of this is known.
    pub fn needs(need: Vec<Need>) -> Self {
        Self { need, ..Self::default() }
    }

    /// The answer of an endpoint, as JSON: the whole body.
    pub fn json(body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).expect("names and values of JSON's own kinds");
        Self { answer: Some(Answer::Json { text }), ..Self::default() }
    }

    /// What an operation hands on to the steps after it.
    pub fn result(result: Value) -> Self {
        Self { result: Some(result), ..Self::default() }
    }
}

/// What an endpoint answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Answer {
    /// `application/json`.
    Json {
        /// The whole body, as JSON: the host passes it on without a look into it.
        text: String,
    },
    /// Text of another type.
    Text {
        /// With its character set.
        media_type: &'static str,
        /// What a browser saves it as.
        file_name: String,
        /// The whole body.
        text: String,
        /// Headers besides those that say what it is.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        #[cfg_attr(test, ts(as = "Option<BTreeMap<&'static str, String>>", optional))]
        headers: BTreeMap<&'static str, String>,
    },
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rejection {
    /// Stable.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: ErrorCode,
    /// HTTP.
    pub status: u16,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub field: Option<&'static str>,
    /// One sentence for people: field, value, what is wrong, where.
    pub message: String,
    /// Where on earth: longitude and latitude in degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub at: Option<[f64; 2]>,
}

impl Rejection {
    /// Of no single field.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, status: code.status(), field: None, message: message.into(), at: None }
    }

    /// A field's value is at fault; the sentence starts with the field's name.
    pub fn field(code: ErrorCode, field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(code, message) }
    }

    /// The host called in a way that it should not.
    pub fn contract(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::RuleContract, message)
    }

    /// Some of the items can't be seen by the caller. Says no more than Directus
    /// itself would, so that nothing is learnt about another tenant's items.
    pub fn forbidden() -> Self {
        Self::new(ErrorCode::Forbidden, "You don't have permission to access this.")
    }
}

/// One of possibly several, for `?`.
impl From<Rejection> for Vec<Rejection> {
    fn from(rejection: Rejection) -> Self {
        vec![rejection]
    }
}

/// What a rule has to know before it decides. The host reads it with the caller's own permissions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Need {
    /// Items by key, as the caller may see them: what he may not see is left out.
    #[serde(rename = "items.read")]
    ItemsRead {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which collection.
        collection: String,
        /// Which.
        #[cfg_attr(test, ts(type = "(string | number)[]"))]
        keys: Vec<Value>,
        /// What of them.
        #[cfg_attr(test, ts(type = "string[]"))]
        fields: &'static [&'static str],
        /// Whether what is found may be used again in the same transaction: so
        /// that an import asks once, not once a row.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(as = "Option<bool>", optional))]
        keep: bool,
    },
    /// Items by what they hold, as the caller may see them.
    #[serde(rename = "items.find")]
    ItemsFind {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which collection.
        collection: &'static str,
        /// A filter of Directus.
        #[cfg_attr(test, ts(type = "Filter"))]
        filter: Value,
        /// What of them.
        #[cfg_attr(test, ts(type = "string[]"))]
        fields: &'static [&'static str],
        /// At most so many; a rule that has to have all asks for one more than it can take.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        limit: Option<u32>,
        /// As above.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(as = "Option<bool>", optional))]
        keep: bool,
    },
    /// How many items there are, by what they have in some fields, as the caller may see them. The answer
    /// is a list of objects with those fields and `count`, none where there are no items.
    #[serde(rename = "items.count")]
    ItemsCount {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which collection.
        collection: &'static str,
        /// A filter of Directus.
        #[cfg_attr(test, ts(type = "Filter"))]
        filter: Value,
        /// By which fields.
        #[cfg_attr(test, ts(type = "string[]"))]
        group: &'static [&'static str],
        /// Counts different values of this field instead of items.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        distinct: Option<&'static str>,
    },
    /// Positions in the order of event time. Directus can't see them: the host answers for
    /// devices that the caller may read, and only what was recorded for their present organization.
    ///
    /// The answer is a list with a member for each device, in the order asked for: null for one that the
    /// caller can't see, else an object with an array for each field, of one length.
    #[serde(rename = "positions.read")]
    PositionsRead {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which devices.
        devices: Vec<String>,
        /// What of them.
        #[cfg_attr(test, ts(type = "PositionField[]"))]
        fields: &'static [PositionField],
        /// Event time, milliseconds since the Unix epoch; inclusive.
        from_ms: f64,
        /// Event time, milliseconds since the Unix epoch; exclusive.
        to_ms: f64,
        /// Whether those that are marked faulty come too.
        faulty: bool,
        /// At most so many of each device; the host gives no more than [`MAX_POSITION_ROWS`] in all.
        limit: u32,
    },
    /// How many positions each device sent since a time, how many of them are faulty, and of the last one
    /// that is believed how late it came and what else it said. Under the same conditions as above; of
    /// all devices that the caller can see.
    ///
    /// The answer is a list of `{device, fixes, faulty, lag_ms, elements}`, of those that sent any.
    /// `lag_ms` is from event time to the row in the table, `elements` an object by the protocol's ids.
    #[serde(rename = "positions.count")]
    PositionsCount {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Only devices of this organization.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        organization: Option<String>,
        /// Event time, milliseconds since the Unix epoch; inclusive.
        from_ms: f64,
        /// Which of the elements that are no columns.
        #[cfg_attr(test, ts(type = "string[]"))]
        elements: &'static [&'static str],
    },
    /// Which gateways hold these devices' connections just now, as the registry in Redis says. The
    /// answer is a list of `{imei, instance}`, of those that are held. Nothing of the caller's: a rule
    /// asks for devices that it was shown.
    #[serde(rename = "registry.read")]
    RegistryRead {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which devices.
        imeis: Vec<String>,
    },
    /// Takes attempts to deliver commands away from gateways: who claims first decides, and a gateway
    /// writes nothing without its claim. The answer is a list of `{command, attempt, ours}`. It lasts,
    /// whatever is decided afterwards; so the host does it only for who may update these commands.
    #[serde(rename = "attempts.claim")]
    AttemptsClaim {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Which.
        attempts: Vec<Attempt>,
    },
    /// The caller's own previews: the one of a key with its outcome, or those that wait for theirs.
    /// Nobody else's are told.
    #[serde(rename = "reviews.read")]
    ReviewsRead {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Which.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        key: Option<String>,
    },
    /// The last day's orders to time a device's positions again, newest first and at most 20; a list with
    /// null alone where the caller can't see the device.
    #[serde(rename = "recomputes.read")]
    RecomputesRead {
        /// The name of the answer in [`Context::results`].
        #[serde(rename = "as")]
        name: &'static str,
        /// Of which device.
        device: String,
    },
}

/// One attempt to deliver a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Attempt {
    /// A row of `commands`.
    pub command: String,
    /// From 1.
    pub attempt: u32,
}

impl Need {
    /// Items by key.
    pub(crate) fn read(
        name: &'static str,
        collection: impl Into<String>,
        keys: Vec<Value>,
        fields: &'static [&'static str],
    ) -> Self {
        Self::ItemsRead { name, collection: collection.into(), keys, fields, keep: false }
    }

    /// Items by what they hold.
    pub(crate) fn find(
        name: &'static str,
        collection: &'static str,
        filter: Value,
        fields: &'static [&'static str],
        limit: impl Into<Option<u32>>,
    ) -> Self {
        Self::ItemsFind { name, collection, filter, fields, limit: limit.into(), keep: false }
    }

    /// What is found may be used again in the same transaction.
    pub(crate) fn kept(mut self) -> Self {
        if let Self::ItemsRead { keep, .. } | Self::ItemsFind { keep, .. } = &mut self {
            *keep = true;
        }
        self
    }

    /// The name of the answer in [`Context::results`].
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ItemsRead { name, .. }
            | Self::ItemsFind { name, .. }
            | Self::ItemsCount { name, .. }
            | Self::PositionsRead { name, .. }
            | Self::PositionsCount { name, .. }
            | Self::RegistryRead { name, .. }
            | Self::ReviewsRead { name, .. }
            | Self::RecomputesRead { name, .. }
            | Self::AttemptsClaim { name, .. } => name,
        }
    }
}

/// What is known of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PositionField {
    /// Event time, milliseconds since the Unix epoch.
    TsMs,
    /// Degrees WGS 84, north positive.
    Lat,
    /// Degrees WGS 84, east positive.
    Lon,
    /// Metres above mean sea level.
    AltitudeM,
    /// Over ground.
    SpeedKmh,
    /// Over ground, degrees clockwise from north.
    CourseDeg,
    /// How many the receiver used.
    Satellites,
    /// Horizontal dilution of precision.
    Hdop,
    /// Why it is marked faulty; null where it is not.
    Fault,
}

/// What follows from a decision, for the host to carry out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Effect {
    /// A line in Directus's log.
    #[serde(rename = "log")]
    Log {
        /// How serious.
        level: Level,
        /// The line.
        message: String,
    },
    /// Items are made with the caller's own permissions, all or none; every rule applies to them.
    #[serde(rename = "items.create")]
    ItemsCreate {
        /// Of which collection.
        collection: &'static str,
        /// All fields.
        #[cfg_attr(test, ts(type = "Record<string, unknown>[]"))]
        items: Vec<Value>,
    },
    /// Asks the processor what a flag, or its end, would change. The host tries the change with the
    /// caller's own permissions first, with every rule, and makes nothing of it: who may not make it, or
    /// not so, is told what Directus would say.
    #[serde(rename = "review.ask")]
    ReviewAsk {
        /// The preview's id.
        review: String,
        /// The flag whose end it is about; none: it is about a new one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        flag: Option<String>,
        /// The flag: organization, device, verdict, starts_at, ends_at.
        #[cfg_attr(test, ts(type = "Record<string, string>"))]
        item: Value,
    },
    /// An entry of a Redis stream, at least once: it waits in the outbox until Redis has it.
    #[serde(rename = "stream.append")]
    StreamAppend(StreamEntry),
    /// Items that are still in a state get a patch, in one transaction of its own and as Directus
    /// itself: of several who try, one succeeds. Those that are in another state by now, or just being
    /// changed, are left alone, and nothing follows from them.
    #[serde(rename = "items.claim")]
    ItemsClaim {
        /// Of which collection; its key is `id`, its state `status`.
        collection: &'static str,
        /// Which, and what follows where it succeeds.
        items: Vec<Claimed>,
        /// The state that they have to be in.
        status: &'static str,
        /// What is written.
        #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
        patch: Map<String, Value>,
    },
}

/// An item to claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Claimed {
    /// Its key.
    pub key: String,
    /// An entry of a stream, in the same transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub entry: Option<StreamEntry>,
}

/// An entry of a Redis stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StreamEntry {
    /// The stream's name.
    pub stream: String,
    /// Names and values.
    pub fields: BTreeMap<String, String>,
}

/// How serious a line in the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Level {
    /// For the record.
    Info,
    /// Someone should look.
    Warn,
}
