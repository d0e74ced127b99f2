//! What the module offers to its host.

use biplane_core::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::call::{Kind, MAX_POSITION_ROWS};
use crate::limits::{MAX_ANSWER_BYTES, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH};
use crate::request::{Access, Method, Parameter};

/// Everything that the host has to know to register the rules.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Manifest {
    /// Version of the calling convention.
    pub abi: u32,
    /// The module's name.
    pub name: &'static str,
    /// The module's version.
    pub version: &'static str,
    /// Largest payload that crosses, in bytes as [`crate::fits`] counts them.
    pub max_payload_bytes: usize,
    /// Largest answer to a need, counted as payloads are.
    pub max_answer_bytes: usize,
    /// How deep arrays and objects may be in one another.
    pub max_payload_depth: usize,
    /// How many positions cross at once, of all devices together.
    pub max_position_rows: u32,
    /// The rules.
    pub rules: Vec<Rule>,
    /// Every code that a client can see, with its HTTP status.
    pub codes: Vec<Code>,
}

/// A stable code and its HTTP status.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Code {
    /// As clients see it.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: ErrorCode,
    /// HTTP.
    pub status: u16,
}

/// A rule and where it applies.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rule {
    /// Unique among rules of its kind, e.g. `geofence.validate`.
    pub name: &'static str,
    /// What sets it off.
    #[serde(flatten)]
    pub trigger: Trigger,
}

/// What sets a rule off.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Trigger {
    /// Before an item is written: may change or reject it.
    Filter {
        /// On what.
        #[cfg_attr(test, ts(type = "ItemEvent[]"))]
        events: &'static [Event],
        /// Of which collections.
        #[cfg_attr(test, ts(type = "string[]"))]
        collections: &'static [&'static str],
        /// The only fields that cross. An update that has none of them is not
        /// the rule's business.
        #[cfg_attr(test, ts(type = "string[]"))]
        fields: &'static [&'static str],
        /// The field whose GeoJSON crosses as flat coordinates ([`crate::FlatGeometry`]).
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        flat: Option<&'static str>,
    },
    /// After an item was written; the transaction may still be rolled back.
    Action {
        /// On what.
        #[cfg_attr(test, ts(type = "ItemEvent[]"))]
        events: &'static [Event],
        /// Of which collections.
        #[cfg_attr(test, ts(type = "string[]"))]
        collections: &'static [&'static str],
    },
    /// A route below `/biplane`.
    Endpoint {
        /// HTTP.
        method: Method,
        /// Below `/biplane`; `{name}` stands for a parameter.
        path: &'static str,
        /// For whom.
        access: Access,
        /// What it does, in a few words.
        summary: &'static str,
        /// What it takes; what is not named here is refused.
        #[cfg_attr(test, ts(type = "Parameter[]"))]
        parameters: &'static [Parameter],
        /// The media types that it answers with.
        #[cfg_attr(test, ts(type = "string[]"))]
        answers: &'static [&'static str],
    },
    /// A step of a Flow.
    Operation {
        /// As the Flow editor shows it.
        label: &'static str,
        /// A Material Symbols name.
        icon: &'static str,
        /// What it does, in a sentence.
        description: &'static str,
        /// Its form in the Flow editor.
        #[cfg_attr(test, ts(type = "Parameter[]"))]
        options: &'static [Parameter],
        /// Whether one run serves all who ask for the same before it begins: as Directus itself, and
        /// what it hands on is nobody's secret.
        together: bool,
    },
}

/// What happens to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "ItemEvent"))]
pub enum Event {
    /// It is made.
    #[serde(rename = "items.create")]
    Create,
    /// It is changed.
    #[serde(rename = "items.update")]
    Update,
    /// It is removed.
    #[serde(rename = "items.delete")]
    Delete,
}

impl Rule {
    /// The form of an operation, the parameters of an endpoint; of a hook none.
    pub const fn parameters(&self) -> &'static [Parameter] {
        match self.trigger {
            Trigger::Endpoint { parameters, .. } => parameters,
            Trigger::Operation { options, .. } => options,
            Trigger::Filter { .. } | Trigger::Action { .. } => &[],
        }
    }

    /// Which kind of rule it is.
    pub const fn kind(&self) -> Kind {
        match self.trigger {
            Trigger::Filter { .. } => Kind::Filter,
            Trigger::Action { .. } => Kind::Action,
            Trigger::Endpoint { .. } => Kind::Endpoint,
            Trigger::Operation { .. } => Kind::Operation,
        }
    }
}

impl Manifest {
    pub(crate) fn new(abi: u32, rules: Vec<Rule>) -> Self {
        Self {
            abi,
            name: "biplane",
            version: env!("CARGO_PKG_VERSION"),
            max_payload_bytes: MAX_PAYLOAD_BYTES,
            max_answer_bytes: MAX_ANSWER_BYTES,
            max_payload_depth: MAX_PAYLOAD_DEPTH,
            max_position_rows: MAX_POSITION_ROWS,
            rules,
            codes: ErrorCode::ALL
                .iter()
                .map(|&code| Code { code, status: code.status() })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::{Trigger, manifest};

    #[test]
    fn a_rule_looks_to_the_host_as_the_convention_says() {
        let rules = serde_json::to_value(manifest().rules).expect("JSON");
        let rules = rules.as_array().expect("a list");
        let device = rules.iter().find(|it| it["name"] == "device.validate").expect("a rule");
        assert_eq!(
            *device,
            serde_json::json!({
                "kind": "filter",
                "name": "device.validate",
                "events": ["items.create", "items.update"],
                "collections": ["devices"],
                "fields": ["imei", "protocol", "model", "token"],
            })
        );
    }

    #[test]
    fn no_two_rules_share_kind_and_name() {
        let manifest = manifest();
        let names: HashSet<_> =
            manifest.rules.iter().map(|rule| (rule.kind().as_str(), rule.name)).collect();
        assert_eq!(names.len(), manifest.rules.len());
    }

    #[test]
    fn every_filter_names_events_collections_and_fields() {
        for rule in manifest().rules {
            if let Trigger::Filter { events, collections, fields, .. } = rule.trigger {
                assert!(!events.is_empty() && !collections.is_empty() && !fields.is_empty());
            }
        }
    }
}
