//! What crosses between a rule and its host.

use std::collections::{BTreeMap, HashSet};

use biplane_core::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Event;

/// The kinds of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
pub struct Call {
    /// The rule's kind.
    pub kind: Kind,
    /// The rule's name.
    pub name: String,
    /// What happens; `None` for endpoints and operations.
    #[serde(default)]
    pub event: Option<Event>,
    /// The item or the patch (the rule's fields only), the keys of a delete, the
    /// request of an endpoint, the options of an operation.
    #[serde(default)]
    pub payload: Value,
    /// Who asks, and what is known.
    #[serde(default)]
    pub ctx: Context,
}

/// What the host knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Processing time, milliseconds since the Unix epoch.
    pub now_ms: f64,
    /// The collection that is written to.
    pub collection: String,
    /// The items that an update changes: the payload is one patch for them all.
    pub keys: Vec<Value>,
    /// The caller; `None`: nobody logged in, or Directus itself.
    pub user: Option<String>,
    /// The caller's role.
    pub role: Option<String>,
    /// Whether the caller may do everything.
    pub admin: bool,
    /// The answers to [`Need`]s of the rounds before, by `as`.
    pub results: BTreeMap<String, Value>,
}

impl Context {
    /// How many items an update changes: a client may name one twice, it is read once.
    pub(crate) fn distinct_keys(&self) -> usize {
        self.keys.iter().map(Value::to_string).collect::<HashSet<_>>().len()
    }
}

/// What a rule decides. Empty: nothing to say against it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Fields to set in the item before it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Map<String, Value>>,
    /// Not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject: Option<Rejection>,
    /// The answer of an endpoint or operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Not decided yet: read this and call again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub need: Vec<Need>,
    /// To do once decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// Not allowed.
    pub fn reject(rejection: impl Into<Rejection>) -> Self {
        Self { reject: Some(rejection.into()), ..Self::default() }
    }

    /// Not decided before this is known.
    pub fn need(need: Need) -> Self {
        Self { need: vec![need], ..Self::default() }
    }
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rejection {
    /// Stable.
    pub code: ErrorCode,
    /// HTTP.
    pub status: u16,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// One sentence for people: field, value, what is wrong, where.
    pub message: String,
    /// Where on earth: longitude and latitude in degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 2]>,
}

impl Rejection {
    /// A field's value is at fault; the sentence starts with the field's name.
    pub fn field(code: ErrorCode, field: &'static str, message: impl Into<String>) -> Self {
        Self { code, status: code.status(), field: Some(field), message: message.into(), at: None }
    }

    /// The host called in a way that it should not.
    pub fn contract(message: impl Into<String>) -> Self {
        let code = ErrorCode::RuleContract;
        Self { code, status: code.status(), field: None, message: message.into(), at: None }
    }

    /// Some of the items can't be seen by the caller. Says no more than Directus
    /// itself would, so that nothing is learnt about another tenant's items.
    pub fn forbidden() -> Self {
        let code = ErrorCode::Forbidden;
        let message = "You don't have permission to access this.".into();
        Self { code, status: code.status(), field: None, message, at: None }
    }
}

/// What a rule has to know before it decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op")]
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
        keys: Vec<Value>,
        /// What of them.
        fields: &'static [&'static str],
        /// Whether what is found may be used again in the same transaction: so
        /// that an import asks once, not once a row.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
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
        filter: Value,
        /// What of them.
        fields: &'static [&'static str],
        /// As above.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        keep: bool,
    },
}

/// What follows from a decision, for the host to carry out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op")]
pub enum Effect {
    /// A line in Directus's log.
    #[serde(rename = "log")]
    Log {
        /// How serious.
        level: Level,
        /// The line.
        message: String,
    },
}

/// How serious a line in the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the record.
    Info,
    /// Someone should look.
    Warn,
}
