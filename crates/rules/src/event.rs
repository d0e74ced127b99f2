//! Events and their courses: times in order, a time zone that is one.

use std::collections::HashMap;

use biplane_core::ErrorCode;
use serde_json::{Value, json};

use crate::after::{After, after};
use crate::entry::RACING;
use crate::span::Span;
use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};
use biplane_core::shown::{short, shown};

const EVENT_SPAN: Span = Span { start: "starts_at", end: "ends_at", code: ErrorCode::EventTimes };
const CHECKPOINT_SPAN: Span =
    Span { start: "opens_at", end: "closes_at", code: ErrorCode::CheckpointTimes };
const TIMES_OF_EVENTS: &[&str] = &["starts_at", "ends_at"];
const TIMES_OF_CHECKPOINTS: &[&str] = &["opens_at", "closes_at"];

/// An event ends after it starts, and its time zone has an IANA name.
pub const VALIDATE: Rule = Rule {
    name: "event.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["events"],
        fields: &["starts_at", "ends_at", "timezone", "status"],
        flat: None,
    },
};

/// A checkpoint closes after it opens.
pub const CHECKPOINT: Rule = Rule {
    name: "checkpoint.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["checkpoints"],
        fields: TIMES_OF_CHECKPOINTS,
        flat: None,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let zone = call.payload.get("timezone").and_then(wrong_zone);
    let items = match after(call, TIMES_OF_EVENTS) {
        Ok(items) => items,
        // What is wrong already needs no read.
        Err(outcome) => return zone.map_or(*outcome, Outcome::reject),
    };
    let faults: Vec<_> = zone.into_iter().chain(wrong(EVENT_SPAN, &items)).collect();
    if !faults.is_empty() || call.payload.get("status").and_then(Value::as_str) != Some("running") {
        return Outcome::rejections(faults);
    }
    start(call).unwrap_or_else(Outcome::reject)
}

/// Who starts an event has to have its course in order, and trackers that nobody else races with.
fn start(call: &Call) -> Result<Outcome, Rejection> {
    let keys = &call.ctx.keys;
    // A new event has neither checkpoints nor entries yet.
    if call.event != Some(Event::Update) || keys.is_empty() {
        return Ok(Outcome::default());
    }
    let (Some(checkpoints), Some(elsewhere)) =
        (call.ctx.answer("course")?, call.ctx.answer("elsewhere")?)
    else {
        let ends = json!({ "_and": [
            { "event": { "_in": keys } },
            { "role": { "_in": ["start", "finish"] } },
        ] });
        let with_ours = json!({ "_and": [
            { "event": { "_in": keys } },
            { "status": { "_in": RACING } },
        ] });
        let racing_elsewhere = json!({ "_and": [
            { "event": { "_nin": keys } },
            { "event": { "status": { "_eq": "running" } } },
            { "status": { "_in": RACING } },
            { "device": { "entries": { "_some": with_ours.clone() } } },
        ] });
        let mut needs = vec![
            Need::find("course", "checkpoints", ends, &["event", "role", "sort", "name"], None),
            Need::find("elsewhere", "entries", racing_elsewhere, &["device.name", "event.name"], 1),
        ];
        if keys.len() > 1 {
            needs.push(Need::find("started", "entries", with_ours, STARTED, None));
        }
        return Ok(Outcome::needs(needs));
    };
    course(checkpoints)?;
    if let Some(entry) = elsewhere.first() {
        return Err(in_two(entry, "is running"));
    }
    let started =
        if keys.len() > 1 { call.ctx.answer("started")?.unwrap_or_default() } else { &[] };
    let mut events = HashMap::new();
    for entry in started {
        let event = events.entry(entry["device"]["id"].as_str()).or_insert(&entry["event"]["id"]);
        if **event != entry["event"]["id"] {
            return Err(in_two(entry, "is to start too"));
        }
    }
    Ok(Outcome::default())
}

const STARTED: &[&str] = &["device.id", "device.name", "event.id", "event.name"];

/// A tracker can be in one race at a time.
fn in_two(entry: &Value, how: &str) -> Rejection {
    let (device, event) = (shown(&entry["device"]["name"]), shown(&entry["event"]["name"]));
    let message = format!(
        "status: an event can't run: its tracker {device} takes part in {event}, which {how}"
    );
    Rejection::field(ErrorCode::EntryDevice, "status", message)
}

/// The start comes before the finish, in each event; one without any of them has no course.
fn course(checkpoints: &[Value]) -> Result<(), Rejection> {
    for event in checkpoints.iter().map(|it| &it["event"]) {
        let sorts = |role: &str| {
            let of_event = checkpoints.iter().filter(|it| it["event"] == *event);
            let sorts = of_event.filter(|it| it["role"] == role).map(|it| it["sort"].as_i64());
            sorts.collect::<Vec<_>>()
        };
        let (starts, finishes) = (sorts("start"), sorts("finish"));
        let why = match (starts.as_slice(), finishes.as_slice()) {
            ([], _) => "its course has a finish and no start",
            (_, []) => "its course has a start and no finish",
            (starts, finishes) if starts.iter().max() >= finishes.iter().min() => {
                "a start of its course does not come before the finish"
            }
            _ => continue,
        };
        let message = format!("status: an event can't run: {why}");
        return Err(Rejection::field(ErrorCode::EventCourse, "status", message));
    }
    Ok(())
}

/// See [`CHECKPOINT`].
pub fn checkpoint(call: &Call) -> Outcome {
    match after(call, TIMES_OF_CHECKPOINTS) {
        Ok(items) => Outcome::rejections(wrong(CHECKPOINT_SPAN, &items)),
        Err(outcome) => *outcome,
    }
}

/// What is wrong with the first of the items that is not right.
fn wrong(span: Span, items: &[After<'_>]) -> Vec<Rejection> {
    items.iter().find_map(|item| span.read(*item).err()).unwrap_or_default()
}

/// Names in the form of the IANA database, such as `Europe/Ljubljana`. Whether there is such a place
/// the database is not here to say.
fn wrong_zone(value: &Value) -> Option<Rejection> {
    let name = value.as_str().unwrap_or_default();
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
    };
    let fits = name == "UTC"
        || (name.len() <= 64
            && (2..=3).contains(&name.split('/').count())
            && name.split('/').all(part));
    (!fits).then(|| {
        let message =
            format!("timezone: `{}` is not a name like Europe/Ljubljana or UTC", short(name));
        Rejection::field(ErrorCode::EventTimezone, "timezone", message)
    })
}
