//! Courses: what has been crossed stays as it is, unless its event is under revision.
//!
//! Whoever has to change a course that was raced on sets `course_revision` of the event, changes what
//! there is to change, and takes it away again: a trigger of the database then orders that all crossings
//! of the event are reckoned anew (`db-init/always/060_outbox.sql`).

use std::collections::BTreeSet;

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use serde_json::{Value, json};

use crate::request::is_uuid;
use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};

const CHECKPOINT: &[&str] =
    &["event", "geofence", "role", "direction", "sort", "opens_at", "closes_at"];
const GEOFENCE: &[&str] = &["kind", "geometry", "radius_m", "status"];

/// A checkpoint of an event that has crossings stays as it is.
pub const CHECKPOINTS: Rule = Rule {
    name: "course.checkpoints",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update, Event::Delete],
        collections: &["checkpoints"],
        fields: CHECKPOINT,
        flat: None,
    },
};

/// So does the shape of its geofence.
pub const GEOFENCES: Rule = Rule {
    name: "course.geofences",
    trigger: Trigger::Filter {
        events: &[Event::Update, Event::Delete],
        collections: &["geofences"],
        fields: GEOFENCE,
        flat: Some("geometry"),
    },
};

/// See [`CHECKPOINTS`].
pub fn checkpoints(call: &Call) -> Outcome {
    decide_checkpoints(call).unwrap_or_else(Outcome::reject)
}

fn decide_checkpoints(call: &Call) -> Result<Outcome, Rejection> {
    let items = match call.event {
        Some(Event::Create) | None => &[],
        _ => match call.ctx.items()? {
            Some(items) => items,
            None => return Ok(Outcome::need(call.ctx.ask_items(&["event"]))),
        },
    };
    // An event that comes into being with this checkpoint has no crossings.
    let events = items.iter().chain([&call.payload]).filter_map(|it| it.get("event")?.as_str());
    let events: BTreeSet<_> = events.filter(|key| is_uuid(key)).collect();
    if events.is_empty() {
        return Ok(Outcome::default());
    }
    fixed(call, CHECKPOINT, json!({ "id": { "_in": events } }))
}

/// See [`GEOFENCES`].
pub fn geofences(call: &Call) -> Outcome {
    let with_them = json!({ "checkpoints": { "geofence": { "_in": call.ctx.keys } } });
    fixed(call, GEOFENCE, with_them).unwrap_or_else(Outcome::reject)
}

/// Refuses if an event that this is true of, and that is not under revision, has a crossing.
fn fixed(call: &Call, fields: &[&'static str], event: Value) -> Result<Outcome, Rejection> {
    let Some(found) = call.ctx.answer("crossed")? else {
        let filter = json!({ "_and": [
            { "event": event },
            { "event": { "course_revision": { "_eq": false } } },
        ] });
        let need = Need::find("crossed", "crossings", filter, &["event.name"], 1);
        return Ok(Outcome::need(need));
    };
    let Some(crossing) = found.first() else { return Ok(Outcome::default()) };
    let message = format!(
        "{} has crossings already; set its `course_revision` first, and take it away when the course is \
         as it should be: the crossings are then reckoned anew",
        shown(&crossing["event"]["name"])
    );
    // Coordinates cross apart from the payload; a delete has no fields.
    let given = |field: &&str| {
        call.payload.get(*field).is_some() || (*field == "geometry" && call.flat.is_some())
    };
    Err(match fields.iter().copied().find(given) {
        Some(field) => {
            Rejection::field(ErrorCode::CourseFixed, field, format!("{field}: {message}"))
        }
        None => Rejection::new(ErrorCode::CourseFixed, message),
    })
}
