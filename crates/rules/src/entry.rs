//! Entries: one number in an event, and one running event for a tracker.

use std::collections::BTreeSet;

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use serde_json::{Value, json};

use crate::after::{After, after};
use crate::request::is_uuid;
use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};

const FIELDS: &[&str] = &["number", "event", "device", "status"];

/// Longest number, in characters.
const MAX_NUMBER: usize = 16;

/// Those who still take part.
pub const RACING: [&str; 2] = ["registered", "started"];

/// A number is not taken in its event, and a tracker is in one running event at a time.
pub const VALIDATE: Rule = Rule {
    name: "entry.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["entries"],
        fields: FIELDS,
        flat: None,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let items = match after(call, FIELDS) {
        Ok(items) => items,
        Err(outcome) => return *outcome,
    };
    decide(call, &items).unwrap_or_else(Outcome::reject)
}

fn decide(call: &Call, items: &[After<'_>]) -> Result<Outcome, Rejection> {
    let given = |fields: &[&str]| {
        let created = call.event != Some(Event::Update);
        created || fields.iter().any(|field| call.payload.get(field).is_some())
    };
    let mut needs = Vec::new();
    if given(&["number", "event"]) {
        for item in items {
            number(*item)?;
        }
        if let [_, second, ..] = items {
            let message =
                format!("number: several entries can't all be {}", told(*second, "number"));
            if call.payload.get("number").is_some() {
                return Err(Rejection::field(ErrorCode::EntryNumber, "number", message));
            }
        }
        let same = |item: &After<'_>| {
            let (number, event) = (item.field("number")?, reference(*item, "event")?);
            Some(
                json!({ "_and": [{ "number": { "_eq": number } }, { "event": { "_eq": event } }] }),
            )
        };
        needs.extend(others(call, "numbers", items.iter().filter_map(same).collect(), &["number"]));
    }
    if given(&["device", "event", "status"]) {
        let racing = |item: &&After<'_>| {
            item.text("status").is_none_or(|status| RACING.contains(&status))
                && reference(**item, "device").is_some()
        };
        let racing: Vec<_> = items.iter().filter(racing).collect();
        let events: BTreeSet<_> = racing.iter().filter_map(|it| reference(**it, "event")).collect();
        match call.ctx.answer("own event")? {
            None if events.is_empty() => {}
            None => needs.push((
                "own event",
                Need::read(
                    "own event",
                    "events",
                    events.into_iter().map(Value::from).collect(),
                    &["id", "status"],
                ),
            )),
            Some(found) => {
                // Who enters for next week may still be racing today.
                let running = |event: &str| {
                    found.iter().any(|it| it["id"] == event && it["status"] == "running")
                };
                let elsewhere = |item: &After<'_>| {
                    let (device, event) = (reference(*item, "device")?, reference(*item, "event")?);
                    running(event).then(|| {
                        json!({ "_and": [
                            { "device": { "_eq": device } },
                            { "event": { "_neq": event } },
                            { "status": { "_in": RACING } },
                            { "event": { "status": { "_eq": "running" } } },
                        ] })
                    })
                };
                let any = racing.iter().filter_map(|it| elsewhere(it)).collect();
                needs.extend(others(call, "other events", any, &["number", "event.name"]));
            }
        }
    }
    let asked: Vec<_> = needs.iter().map(|(name, _)| *name).collect();
    let open = needs.into_iter().filter(|(name, _)| !call.ctx.results.contains_key(*name));
    let need: Vec<_> = open.map(|(_, need)| need).collect();
    if !need.is_empty() {
        return Ok(Outcome::needs(need));
    }
    let first = |name: &str| match call.ctx.answer(name) {
        Ok(found) => Ok(found.and_then(<[Value]>::first).filter(|_| asked.contains(&name))),
        Err(rejection) => Err(rejection),
    };
    if let Some(other) = first("numbers")? {
        let message = format!("number: {} is taken in this event", shown(&other["number"]));
        return Err(Rejection::field(ErrorCode::EntryNumber, "number", message));
    }
    if let Some(other) = first("other events")? {
        let (event, number) = (shown(&other["event"]["name"]), shown(&other["number"]));
        let message =
            format!("device: it takes part in {event}, which is running, with the number {number}");
        return Err(Rejection::field(ErrorCode::EntryDevice, "device", message));
    }
    Ok(Outcome::default())
}

/// A question for one entry that any of these is true of, besides those that are written to.
fn others(
    call: &Call,
    name: &'static str,
    any: Vec<Value>,
    fields: &'static [&'static str],
) -> Option<(&'static str, Need)> {
    if any.is_empty() {
        return None;
    }
    let found = json!({ "_or": any });
    let filter = if call.ctx.keys.is_empty() {
        found
    } else {
        json!({ "_and": [found, { "id": { "_nin": call.ctx.keys } }] })
    };
    let collection = "entries";
    Some((name, Need::find(name, collection, filter, fields, 1)))
}

fn number(item: After<'_>) -> Result<(), Rejection> {
    let fits = match item.field("number") {
        Some(Value::String(text)) => {
            !text.trim().is_empty() && text.trim() == text && text.chars().count() <= MAX_NUMBER
        }
        // A CSV import reads a column of digits as numbers.
        Some(Value::Number(_)) => true,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let found = told(item, "number");
    let message = format!(
        "number: {found} is not a text of 1 to {MAX_NUMBER} characters without blanks around it"
    );
    Err(Rejection::field(ErrorCode::EntryNumber, "number", message))
}

fn told(item: After<'_>, field: &str) -> String {
    item.field(field).map_or_else(|| "nothing".to_owned(), shown)
}

/// The key of an item that exists; what comes into being with this entry is in no other.
fn reference<'a>(item: After<'a>, field: &str) -> Option<&'a str> {
    item.text(field).filter(|key| is_uuid(key))
}
