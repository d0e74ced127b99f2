//! What people say of the data: flags of positions and edits of crossings.

use biplane_core::shown::shown;
use biplane_core::{ErrorCode, Timestamp};
use serde_json::{Value, json};

use crate::after::{After, after};
use crate::request::is_uuid;
use crate::span::{Span, time};
use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};

const FLAG: Span = Span { start: "starts_at", end: "ends_at", code: ErrorCode::FlagRange };
const FLAG_FIELDS: &[&str] = &["device", "verdict", "starts_at", "ends_at"];
const EDIT_FIELDS: &[&str] = &["action", "crossing", "entry", "checkpoint", "crossed_at", "edit"];
const OTHER_FIELDS: &[&str] = &["id", "verdict", "starts_at", "ends_at"];

/// Longest range of a flag: 31 days.
const MAX_RANGE_MS: i64 = 31 * 86_400_000;
/// A reason that says something.
const MIN_REASON: usize = 3;

/// A flag has a range, a reason, and no flag that says the contrary of the same positions.
pub const POSITION_FLAG: Rule = Rule {
    name: "position_flag.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["position_flags"],
        fields: &["device", "verdict", "starts_at", "ends_at", "reason"],
        flat: None,
    },
};

/// An edit has a reason, and what its action needs; it is taken back once.
pub const CROSSING_EDIT: Rule = Rule {
    name: "crossing_edit.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["crossing_edits"],
        fields: &["action", "crossing", "entry", "checkpoint", "crossed_at", "edit", "reason"],
        flat: None,
    },
};

/// See [`POSITION_FLAG`].
pub fn position_flag(call: &Call) -> Outcome {
    let mut faults: Vec<_> = wrong_reason(call).into_iter().collect();
    let items = match after(call, FLAG_FIELDS) {
        Ok(items) => items,
        Err(outcome) if faults.is_empty() => return *outcome,
        Err(_) => return Outcome::rejections(faults),
    };
    let mut ranges = Vec::new();
    for item in &items {
        match range(*item) {
            Ok(range) => ranges.push((*item, range)),
            Err(wrong) => {
                faults.extend(wrong);
                break;
            }
        }
    }
    if !faults.is_empty() {
        return Outcome::rejections(faults);
    }
    contradiction(call, &ranges)
}

fn range(item: After<'_>) -> Result<(Timestamp, Timestamp), Vec<Rejection>> {
    let (start, end) = FLAG.read(item)?;
    let missing = [(start, FLAG.start), (end, FLAG.end)]
        .into_iter()
        .filter(|(time, _)| time.is_none())
        .map(|(_, field)| Rejection::field(FLAG.code, field, format!("{field}: is required")));
    let missing: Vec<_> = missing.collect();
    let (Some(start), Some(end)) = (start, end) else { return Err(missing) };
    if end - start > MAX_RANGE_MS {
        let message = format!("ends_at: {end} is more than 31 days after `starts_at`");
        return Err(vec![Rejection::field(FLAG.code, FLAG.end, message)]);
    }
    Ok((start, end))
}

/// Asks for flags of the other verdict that share a moment with one of these, and refuses if there is one.
fn contradiction(call: &Call, ranges: &[(After<'_>, (Timestamp, Timestamp))]) -> Outcome {
    let contrary = |(item, (start, end)): &(After<'_>, (Timestamp, Timestamp))| {
        let device = item.text("device").filter(|device| is_uuid(device))?;
        let verdict = item.text("verdict").unwrap_or("faulty");
        // Within `_or` Directus takes the fields of one object for alternatives too.
        Some(json!({ "_and": [
            { "device": { "_eq": device } }, { "verdict": { "_neq": verdict } },
            { "starts_at": { "_lt": end.to_string() } }, { "ends_at": { "_gt": start.to_string() } },
        ] }))
    };
    let any: Vec<Value> = ranges.iter().filter_map(contrary).collect();
    if any.is_empty() {
        return Outcome::default();
    }
    let found = match call.ctx.answer("contrary") {
        Ok(None) => {
            let filter = json!({ "_and": [{ "_or": any }, { "id": { "_nin": call.ctx.keys } }] });
            let others = if call.ctx.keys.is_empty() { json!({ "_or": any }) } else { filter };
            return Outcome::need(Need::find(
                "contrary",
                "position_flags",
                others,
                OTHER_FIELDS,
                1,
            ));
        }
        Ok(Some(found)) => found.first(),
        Err(rejection) => return Outcome::reject(rejection),
    };
    let Some(other) = found else { return Outcome::default() };
    let told = |field: &str| other.get(field).and_then(Value::as_str).unwrap_or("?");
    let message = format!(
        "verdict: another flag says `{}` of the same tracker from {} to {}",
        told("verdict"),
        told("starts_at"),
        told("ends_at"),
    );
    Outcome::reject(Rejection::field(ErrorCode::FlagContradicts, "verdict", message))
}

/// See [`CROSSING_EDIT`].
pub fn crossing_edit(call: &Call) -> Outcome {
    let mut faults: Vec<_> = wrong_reason(call).into_iter().collect();
    match after(call, EDIT_FIELDS) {
        Ok(items) => {
            faults.extend(items.iter().find_map(|item| wrong_edit(*item)));
            match items.first().and_then(|item| taken_back(call, *item)) {
                Some(edit) if faults.is_empty() => undo(call, edit),
                _ => Outcome::rejections(faults),
            }
        }
        Err(outcome) if faults.is_empty() => *outcome,
        Err(_) => Outcome::rejections(faults),
    }
}

/// The edit that a new one takes back.
fn taken_back<'a>(call: &Call, item: After<'a>) -> Option<&'a str> {
    let undoes = call.event == Some(Event::Create) && item.text("action") == Some("undo");
    item.text("edit").filter(|edit| undoes && is_uuid(edit))
}

/// Asks for the edit and for what took it back before.
fn undo(call: &Call, edit: &str) -> Outcome {
    let found = match call.ctx.answer("taken_back") {
        Ok(Some(found)) => found,
        Ok(None) => {
            let these = json!({ "_or": [{ "id": { "_eq": edit } }, { "edit": { "_eq": edit } }] });
            let fields = &["id", "action"];
            return Outcome::need(Need::find("taken_back", "crossing_edits", these, fields, 2));
        }
        Err(rejection) => return Outcome::reject(rejection),
    };
    let undone_by = |it: &Value| it["action"] == "undo";
    let message = if found.iter().any(|it| undone_by(it) && it["id"] == edit) {
        "edit: what takes an edit back can't be taken back: make the edit anew"
    } else if found.iter().any(undone_by) {
        "edit: it was taken back already"
    } else {
        return Outcome::default();
    };
    Outcome::reject(Rejection::field(ErrorCode::EditAction, "edit", message))
}

/// Of each action, what it needs and what it may not have.
fn wrong_edit(item: After<'_>) -> Option<Rejection> {
    const ADD: (&[&str], &[&str]) = (&["entry", "checkpoint", "crossed_at"], &["crossing", "edit"]);
    const VOID: (&[&str], &[&str]) = (&["crossing"], &["crossed_at", "edit"]);
    const ADJUST: (&[&str], &[&str]) = (&["crossing", "crossed_at"], &["edit"]);
    const UNDO: (&[&str], &[&str]) =
        (&["edit"], &["crossing", "entry", "checkpoint", "crossed_at"]);
    let action = item.text("action").unwrap_or_default();
    let (needed, forbidden) = match action {
        "add" => ADD,
        "void" => VOID,
        "adjust" => ADJUST,
        "undo" => UNDO,
        _ => {
            let message = "action: is required: add, void, adjust or undo";
            return Some(Rejection::field(ErrorCode::EditAction, "action", message));
        }
    };
    let fault = |field: &'static str, what: &str| {
        Rejection::field(ErrorCode::EditAction, field, format!("{field}: {what} `{action}`"))
    };
    let missing = needed.iter().find(|field| item.field(field).is_none());
    let stray = forbidden.iter().find(|field| item.field(field).is_some());
    missing
        .map(|field| fault(field, "is required for the action"))
        .or_else(|| stray.map(|field| fault(field, "must be empty for the action")))
        .or_else(|| wrong_time(item))
}

/// A time that is none: the database would say so in other words.
fn wrong_time(item: After<'_>) -> Option<Rejection> {
    let value = item.field("crossed_at")?;
    if value.as_str().and_then(time).is_some() {
        return None;
    }
    let message = format!("crossed_at: {} is not a time like 2026-05-01T09:30:00Z", shown(value));
    Some(Rejection::field(ErrorCode::EditAction, "crossed_at", message))
}

/// A reason that is given must say something; a new item must have one.
fn wrong_reason(call: &Call) -> Option<Rejection> {
    let given = call.payload.get("reason");
    if given.is_none() && call.event == Some(Event::Update) {
        return None;
    }
    let length = given.and_then(Value::as_str).map_or(0, |reason| reason.trim().chars().count());
    (length < MIN_REASON).then(|| {
        let message = format!("reason: is required, in {MIN_REASON} characters or more");
        Rejection::field(ErrorCode::ReviewReason, "reason", message)
    })
}
