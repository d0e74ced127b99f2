//! Where commands go next: a step of a Flow.

use std::collections::{BTreeMap, HashMap};

use biplane_core::Timestamp;
use serde_json::{Map, Value, json};

use super::Spec;
use super::state::State;
use crate::call::{Claimed, Effect, StreamEntry};
use crate::request::{Arguments, Parameter, ParameterKind, Place, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};

/// How many at a time: each is a few rows to write, and Directus has one thread.
const TOGETHER: u32 = 500;

/// Sends commands that are `pending` to the gateways that hold their devices, or into the queue.
pub const ROUTE: Rule = Rule {
    name: "command.route",
    trigger: Trigger::Operation {
        label: "Biplane: route command",
        icon: "alt_route",
        description: "Sends commands that are pending to the gateways that hold their devices, or into the queue; all that there are, unless one is named.",
        options: &[Parameter::new("command", Place::Option, ParameterKind::Uuid, "This one only.")],
        together: true,
    },
};

/// See [`ROUTE`].
pub fn route(call: &Call) -> Outcome {
    answered(call, &ROUTE, |arguments| decide(call, arguments))
}

fn decide(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let Some(commands) = call.ctx.answer("commands")? else {
        let now = Timestamp::from_millis(call.ctx.now_ms as i64);
        let mut filter = json!({ "_or": [
            { "status": { "_eq": State::Pending.as_str() } },
            // Two keys of one object would be alternatives, too, within an `_or`.
            { "_and": [
                { "status": { "_eq": State::AwaitingApproval.as_str() } },
                { "expires_at": { "_lte": now } },
            ] },
        ] });
        if let Some(command) = arguments.text("command") {
            filter["id"] = json!({ "_eq": command });
        }
        return Ok(Outcome::need(Need::find(
            "commands",
            "commands",
            filter,
            &[
                "id",
                "name",
                "status",
                "payload",
                "expires_at",
                "attempts",
                "device.imei",
                "device.protocol",
                "device.model",
            ],
            TOGETHER,
        )));
    };
    if commands.is_empty() {
        return Ok(Outcome::result(counted(&BTreeMap::new())));
    }
    let Some(holders) = call.ctx.answer("holders")? else {
        let imeis = commands.iter().filter_map(imei).map(str::to_owned).collect();
        return Ok(Outcome::need(Need::RegistryRead { name: "holders", imeis }));
    };
    let holders: HashMap<&str, &str> = holders
        .iter()
        .filter_map(|it| Some((it["imei"].as_str()?, it["instance"].as_str()?)))
        .collect();
    let now = Timestamp::from_millis(call.ctx.now_ms as i64);
    let mut claims: BTreeMap<(State, Patch), Vec<Claimed>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for command in commands {
        let (Some(key), Ok(from)) = (command["id"].as_str(), State::read(&command["status"]))
        else {
            continue;
        };
        let (patch, entry) = next(command, &holders, now);
        let is_ours = match from {
            State::Pending => true,
            // Not approved in time.
            State::AwaitingApproval => patch.status == State::Expired,
            _ => false,
        };
        if !is_ours {
            continue;
        }
        *counts.entry(patch.status.as_str()).or_default() += 1;
        claims.entry((from, patch)).or_default().push(Claimed { key: key.to_owned(), entry });
    }
    let effects = claims.into_iter().map(|((from, patch), items)| Effect::ItemsClaim {
        collection: "commands",
        items,
        status: from.as_str(),
        patch: patch.into_fields(),
    });
    Ok(Outcome { effects: effects.collect(), ..Outcome::result(counted(&counts)) })
}

/// What becomes of a command now; of those that are told the same there is one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Patch {
    status: State,
    /// The gateway, and which attempt it is.
    routed: Option<(String, u32)>,
    result: Option<String>,
}

impl Patch {
    fn into_fields(self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("status".into(), json!(self.status.as_str()));
        if let Some((instance, attempt)) = self.routed {
            fields.insert("instance".into(), json!(instance));
            fields.insert("attempts".into(), json!(attempt));
        }
        if let Some(result) = self.result {
            fields.insert("result".into(), json!(result));
        }
        fields
    }
}

fn next(
    command: &Value,
    holders: &HashMap<&str, &str>,
    now: Timestamp,
) -> (Patch, Option<StreamEntry>) {
    let only = |status| (Patch { status, routed: None, result: None }, None);
    let expires_at = command["expires_at"].as_str().and_then(|text| text.parse().ok());
    let Some(expires_at) = expires_at.filter(|time: &Timestamp| *time > now) else {
        return only(State::Expired);
    };
    let spec = match Spec::of(&command["device"], command.get("name")) {
        Ok(spec) => spec,
        // The tracker is another one than when it was given.
        Err(rejection) => {
            let result = Some(rejection.message);
            return (Patch { status: State::Failed, routed: None, result }, None);
        }
    };
    let held = imei(command).and_then(|imei| Some((imei, *holders.get(imei)?)));
    let Some((imei, instance)) = held else { return only(State::Queued) };
    let before = command["attempts"].as_u64().and_then(|it| u32::try_from(it).ok());
    let attempt = before.unwrap_or_default().saturating_add(1);
    let text = |field: &str| command[field].as_str().unwrap_or_default().to_owned();
    let fields = [
        ("command", text("id")),
        ("attempt", attempt.to_string()),
        ("imei", imei.to_owned()),
        ("text", text("payload")),
        ("expires_at", expires_at.to_string()),
        ("answers", spec.answers.to_string()),
    ];
    let entry = StreamEntry {
        stream: format!("commands:{instance}"),
        fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
    };
    let routed = Some((instance.to_owned(), attempt));
    (Patch { status: State::Routed, routed, result: None }, Some(entry))
}

fn imei(command: &Value) -> Option<&str> {
    command["device"]["imei"].as_str()
}

/// How many go where, for the steps after this one.
fn counted(counts: &BTreeMap<&str, usize>) -> Value {
    let states = [State::Routed, State::Queued, State::Expired, State::Failed];
    states
        .map(|state| (state.as_str().to_owned(), json!(counts.get(state.as_str()).unwrap_or(&0))))
        .into_iter()
        .collect::<Map<_, _>>()
        .into()
}
