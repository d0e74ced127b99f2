//! Commands to trackers: what there is to be said, whether it is said well, and what becomes of it.

mod catalogue;
mod list;
mod route;
mod state;

use biplane_core::shown::shown;
use biplane_core::{ErrorCode, Timestamp};
use serde_json::{Map, Value, json};

use crate::request::{Arguments, is_uuid};
use crate::{Attempt, Call, Event, Need, Outcome, Rejection, Rule, Trigger};
use catalogue::Spec;
use state::State;

pub use catalogue::{is_model, is_protocol};
pub use list::{LIST, list};
pub use route::{ROUTE, route};

/// Longest time that a command may wait: a week.
const MAX_WAIT_MS: i64 = 7 * 86_400_000;

/// What says what a command is, and can't be changed.
const FIXED: &[&str] = &["device", "name", "parameters", "expires_at", "payload"];

/// So many attempts of which nobody knows are enough, where saying it again does no harm.
const MOST_UNKNOWN: usize = 3;

/// What has to be known of a command whose state changes.
const CHANGED: &[&str] = &[
    "id",
    "status",
    "user_created",
    "attempts",
    "expires_at",
    "name",
    "device.protocol",
    "device.model",
];

/// Of the tracker.
const TRACKER: &[&str] = &["id", "protocol", "model"];

/// A command is one that its tracker understands, ends in time, and changes its state as it may.
pub const VALIDATE: Rule = Rule {
    name: "command.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["commands"],
        fields: &[
            "device",
            "name",
            "parameters",
            "expires_at",
            "payload",
            "status",
            "approved_by",
            "attempts",
            "result",
        ],
        flat: None,
    },
};

/// See [`VALIDATE`]. A new command gets its text, its first state and, unless it has one, its expiry.
pub fn validate(call: &Call) -> Outcome {
    let decided = match call.event {
        Some(Event::Update) => change(call),
        _ => create(call),
    };
    decided.unwrap_or_else(Outcome::rejections)
}

fn create(call: &Call) -> Result<Outcome, Vec<Rejection>> {
    let given = |field: &str| call.payload.get(field).filter(|value| !value.is_null());
    let stray = |device: &Value| {
        let message = format!("device: {} is not in the item's organization", shown(device));
        Rejection::field(ErrorCode::TenancyReference, "device", message)
    };
    let device = given("device").ok_or_else(|| {
        Rejection::field(ErrorCode::TenancyReference, "device", "device: is required")
    })?;
    device.as_str().filter(|it| is_uuid(it)).ok_or_else(|| stray(device))?;
    let Some(trackers) = call.ctx.answer("tracker")? else {
        return Ok(Outcome::need(
            Need::read("tracker", "devices", vec![device.clone()], TRACKER).kept(),
        ));
    };
    let tracker = trackers.first().ok_or_else(|| stray(device))?;
    let spec = Spec::of(tracker, given("name"))?;
    let mut faults = Vec::new();
    let text = spec.text(given("parameters")).map_err(|wrong| faults.extend(wrong)).ok();
    let now = Timestamp::from_millis(call.ctx.now_ms as i64);
    let expires_at = expiry(given("expires_at"), now, spec).map_err(|it| faults.push(it)).ok();
    let first = if spec.dangerous { State::AwaitingApproval } else { State::Pending };
    if let Some(status) = given("status")
        && status.as_str() != Some(first.as_str())
        // The default of the column.
        && status.as_str() != Some(State::Pending.as_str())
    {
        let message =
            format!("status: a new command is `{}`, not {}", first.as_str(), shown(status));
        faults.push(Rejection::field(ErrorCode::CommandState, "status", message));
    }
    if given("approved_by").is_some() {
        faults.push(approved_by_hand());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let patch = [
        ("payload".to_owned(), json!(text)),
        ("expires_at".to_owned(), json!(expires_at)),
        ("status".to_owned(), json!(first.as_str())),
    ];
    Ok(Outcome { patch: Some(patch.into_iter().collect()), ..Outcome::default() })
}

fn expiry(given: Option<&Value>, now: Timestamp, spec: &Spec) -> Result<Timestamp, Rejection> {
    let Some(value) = given else { return Ok(now + i64::from(spec.wait_s) * 1_000) };
    let wrong = |why: &str| {
        let message = format!("expires_at: {} {why}", shown(value));
        Rejection::field(ErrorCode::CommandExpiry, "expires_at", message)
    };
    let time: Timestamp = value
        .as_str()
        .and_then(crate::span::time)
        .ok_or_else(|| wrong("is not a time like 2026-05-01T09:30:00Z"))?;
    if time <= now {
        return Err(wrong("is over already"));
    }
    if time - now > MAX_WAIT_MS {
        return Err(wrong("is more than 7 days ahead"));
    }
    Ok(time)
}

fn change(call: &Call) -> Result<Outcome, Vec<Rejection>> {
    if let Some(field) = FIXED.iter().find(|field| call.payload.get(field).is_some()) {
        let message =
            format!("{field}: a command stays as it was given; cancel it and give another");
        return Err(Rejection::field(ErrorCode::CommandFixed, field, message).into());
    }
    if call.payload.get("approved_by").is_some() {
        return Err(approved_by_hand().into());
    }
    let attempt = of_attempt(call)?;
    let Some(status) = call.payload.get("status") else { return Ok(Outcome::default()) };
    let to = State::read(status)?;
    let Some(items) = call.ctx.items()? else {
        return Ok(Outcome::need(call.ctx.ask_items(CHANGED)));
    };
    let mut approved = 0;
    for item in items {
        let from = State::read(&item["status"])?;
        if !from.may_become(to) {
            return Err(impossible(from, to).into());
        }
        if from == to && from.is_end() && call.payload.get("result").is_some() {
            let message = "result: what was said at the end of a command stays";
            return Err(Rejection::field(ErrorCode::CommandState, "result", message).into());
        }
        if let Some(attempt) = attempt
            && attempt != made(item) + u64::from(to == State::Routed && from != to)
        {
            let message = format!("attempts: what is said is of attempt {attempt}, which is over");
            return Err(Rejection::field(ErrorCode::CommandState, "attempts", message).into());
        }
        if (from, to) == (State::AwaitingApproval, State::Pending) {
            if call.ctx.user.is_none() || call.ctx.user.as_deref() == item["user_created"].as_str()
            {
                let message =
                    "status: a dangerous command is approved by somebody else than who gave it";
                return Err(Rejection::field(ErrorCode::CommandApproval, "status", message).into());
            }
            approved += 1;
        }
    }
    let unknown = match unknown_before(call, items, to)? {
        Ok(unknown) => unknown,
        Err(undecided) => return Ok(undecided),
    };
    if to == State::Queued
        && let Some(item) = items.iter().find(|item| item["status"] == State::Unknown.as_str())
        && !may_repeat(call, item, unknown.of(item))
    {
        let message = "status: nobody knows whether the device has it, and it is not said again";
        return Err(Rejection::field(ErrorCode::CommandState, "status", message).into());
    }
    if to == State::Cancelled
        && let Some(undecided) = take_back(call, items)?
    {
        return Ok(undecided);
    }
    let patch = |field: &str, value: Value| {
        let patch = [(field.to_owned(), value)].into_iter().collect();
        Ok(Outcome { patch: Some(patch), ..Outcome::default() })
    };
    // The patch is for all of them.
    let all = items.len();
    let untrue = if to.after_unknown() == to {
        0
    } else {
        items.iter().filter(|item| unknown.of(item) > 0).count()
    };
    if approved > 0 {
        if approved == all {
            return patch("approved_by", json!(call.ctx.user));
        }
        // Nobody approved what did not wait for it.
        let message =
            "status: what waits for approval is approved by itself, not with other commands";
        return Err(Rejection::field(ErrorCode::CommandApproval, "status", message).into());
    }
    match untrue {
        0 => Ok(Outcome::default()),
        _ if untrue == all => patch("status", json!(to.after_unknown().as_str())),
        _ => {
            let message = "status: of some of them an attempt before may have reached the device; those are ended by themselves";
            Err(Rejection::field(ErrorCode::CommandState, "status", message).into())
        }
    }
}

/// Of which attempt something is said; only together with what is said.
fn of_attempt(call: &Call) -> Result<Option<u64>, Rejection> {
    let Some(given) = call.payload.get("attempts") else { return Ok(None) };
    let wrong = |why: &str| {
        let message = format!("attempts: {} {why}", shown(given));
        Rejection::field(ErrorCode::CommandState, "attempts", message)
    };
    if call.payload.get("status").is_none() {
        return Err(wrong("is counted by what routes, not by hand"));
    }
    given.as_u64().map(Some).ok_or_else(|| wrong("is no number of an attempt"))
}

/// How many attempts of each command ended as `unknown`.
struct Unknown<'a>(&'a [Value]);

impl Unknown<'_> {
    fn of(&self, item: &Value) -> usize {
        self.0.iter().filter(|it| it["command"] == item["id"]).count()
    }
}

/// What has to be known before a command is called never sent, or is said again. Most were tried
/// once at most: of those nothing is asked.
fn unknown_before<'a>(
    call: &'a Call,
    items: &[Value],
    to: State,
) -> Result<Result<Unknown<'a>, Outcome>, Rejection> {
    let of_interest = to.after_unknown() != to || to == State::Queued;
    let tried = items.iter().filter(|item| of_interest && made(item) > 0);
    let keys: Vec<Value> = tried.map(|item| item["id"].clone()).collect();
    if keys.is_empty() {
        return Ok(Ok(Unknown(&[])));
    }
    Ok(match call.ctx.answer("unknown")? {
        Some(found) => Ok(Unknown(found)),
        None => Err(Outcome::need(Need::find(
            "unknown",
            "command_transitions",
            json!({ "command": { "_in": keys }, "to_status": { "_eq": State::Unknown.as_str() } }),
            &["command"],
            None,
        ))),
    })
}

/// How many attempts were made, the one that is being made among them.
fn made(item: &Value) -> u64 {
    item["attempts"].as_u64().unwrap_or_default()
}

/// Whether a command of which nobody knows what came of it is said again: where twice is as good as
/// once, and there is time.
fn may_repeat(call: &Call, item: &Value, unknown: usize) -> bool {
    let now = Timestamp::from_millis(call.ctx.now_ms as i64);
    let expires_at = item["expires_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    unknown < MOST_UNKNOWN
        && expires_at.is_some_and(|time| time > now)
        && Spec::of(&item["device"], item.get("name")).is_ok_and(|spec| spec.idempotent)
}

fn impossible(from: State, to: State) -> Rejection {
    let (from, to) = (from.as_str(), to.as_str());
    let message = format!("status: a command that is `{from}` can't become `{to}`");
    Rejection::field(ErrorCode::CommandState, "status", message)
}

/// Takes the attempts that a gateway may make, this one and the next, before a command is called
/// cancelled: whatever happens at the same time, nothing of it is sent. `None`: they are ours.
fn take_back(call: &Call, items: &[Value]) -> Result<Option<Outcome>, Vec<Rejection>> {
    let mut attempts = Vec::new();
    for item in items {
        let from = State::read(&item["status"])?;
        if from == State::Cancelled {
            continue;
        }
        let command = item["id"].as_str().unwrap_or_default();
        let count = u32::try_from(made(item)).unwrap_or(u32::MAX);
        let of = |attempt| Attempt { command: command.to_owned(), attempt };
        if from == State::Routed {
            attempts.push(of(count));
        }
        attempts.push(of(count.saturating_add(1)));
    }
    if attempts.is_empty() {
        return Ok(None);
    }
    let Some(claims) = call.ctx.answer("claims")? else {
        return Ok(Some(Outcome::need(Need::AttemptsClaim { name: "claims", attempts })));
    };
    if claims.len() == attempts.len() && claims.iter().all(|claim| claim["ours"] == true) {
        return Ok(None);
    }
    let message = "status: the command is on its way to the device and can't be taken back";
    Err(Rejection::field(ErrorCode::CommandState, "status", message).into())
}

fn approved_by_hand() -> Rejection {
    let message = "approved_by: is set to whoever makes the command `pending`";
    Rejection::field(ErrorCode::CommandApproval, "approved_by", message)
}

impl Spec {
    /// The text for the device, or all that is wrong with the parameters.
    fn text(&self, parameters: Option<&Value>) -> Result<String, Vec<Rejection>> {
        let wrong =
            |message: String| Rejection::field(ErrorCode::CommandParameters, "parameters", message);
        let parsed = match parameters {
            None => Value::Object(Map::new()),
            // Forms and imports send JSON as text.
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(value) => value.clone(),
        };
        let Value::Object(given) = parsed else {
            let found = shown(parameters.unwrap_or(&Value::Null));
            return Err(vec![wrong(format!("parameters: {found} is not a JSON object"))]);
        };
        let arguments = Arguments::of(given, self.parameters).map_err(|faults| {
            let told = |fault: Rejection| wrong(format!("parameters: {}", fault.message));
            faults.into_iter().map(told).collect::<Vec<_>>()
        })?;
        // A blank or a semicolon would end the value, and the frame takes ASCII.
        let ends = |c: char| !c.is_ascii_graphic() || c == ';';
        for parameter in self.parameters {
            if arguments.text(parameter.name).is_some_and(|text| text.contains(ends)) {
                let message = format!(
                    "parameters: {}: may have printable ASCII without blanks and semicolons",
                    parameter.name
                );
                return Err(vec![wrong(message)]);
            }
        }
        Ok((self.text)(&arguments))
    }
}

#[cfg(test)]
mod tests;
