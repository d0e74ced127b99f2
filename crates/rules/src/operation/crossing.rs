//! A crossing in words, for a notification.

use biplane_core::{ErrorCode, Timestamp};
use serde_json::{Value, json};

use crate::request::{Arguments, Parameter, ParameterKind, Place, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};
use biplane_core::shown::{duration, short};

const FIELDS: &[&str] = &[
    "id",
    "crossed_at",
    "direction",
    "status",
    "lat",
    "lon",
    "device.name",
    "entry.number",
    "entry.name",
    "checkpoint.name",
    "geofence.name",
    "event.name",
    "event.starts_at",
];

/// Writes a crossing as a sentence.
pub const FORMAT: Rule = Rule {
    name: "crossing.format",
    trigger: Trigger::Operation {
        label: "Biplane: format crossing",
        icon: "sports_score",
        description: "A crossing as a sentence and its parts, for a notification.",
        options: &[
            Parameter::new("crossing", Place::Option, ParameterKind::Uuid, "Which one.").required(),
            Parameter::new(
                "text",
                Place::Option,
                ParameterKind::Text { max_length: 1_000 },
                "The sentence. In brackets: number, name, checkpoint, event, direction, time, day, \
                 elapsed.",
            )
            .or("[number] [name] at [checkpoint], [time]"),
        ],
        together: false,
    },
};

/// See [`FORMAT`].
pub fn format(call: &Call) -> Outcome {
    answered(call, &FORMAT, |arguments| decide(call, arguments))
}

fn decide(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let Some(found) = call.ctx.answer("crossing")? else {
        return Ok(Outcome::need(Need::read(
            "crossing",
            "crossings",
            vec![json!(arguments.text("crossing"))],
            FIELDS,
        )));
    };
    let crossing = found.first().ok_or_else(Rejection::forbidden)?;
    let parts = Parts::of(crossing)?;
    let text = parts.fill(arguments.text("text").unwrap_or_default())?;
    let told: serde_json::Map<_, _> =
        parts.0.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Ok(Outcome::result(json!({ "text": text, "parts": told, "crossing": crossing })))
}

/// What a sentence may be made of.
struct Parts([(&'static str, String); 8]);

impl Parts {
    fn of(crossing: &Value) -> Result<Self, Rejection> {
        let text = |pointer: &str| {
            crossing.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let time = |pointer: &str| text(pointer).parse::<Timestamp>().ok();
        let crossed_at = time("/crossed_at")
            .ok_or_else(|| Rejection::contract("a crossing without its time"))?;
        let (day, clock) = {
            let text = crossed_at.to_string();
            let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
            (day.to_owned(), format!("{} UTC", clock.trim_end_matches('Z')))
        };
        let either =
            |first: String, second: &str| if first.is_empty() { text(second) } else { first };
        let elapsed = time("/event/starts_at").map(|start| duration(crossed_at - start));
        Ok(Self([
            ("number", text("/entry/number")),
            ("name", either(text("/entry/name"), "/device/name")),
            ("checkpoint", either(text("/checkpoint/name"), "/geofence/name")),
            ("event", text("/event/name")),
            ("direction", text("/direction")),
            ("time", clock),
            ("day", day),
            ("elapsed", elapsed.unwrap_or_default()),
        ]))
    }

    fn fill(&self, template: &str) -> Result<String, Rejection> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('[') {
            text.push_str(before);
            let (name, after) = after.split_once(']').unwrap_or((after, ""));
            let part = self.0.iter().find(|(it, _)| *it == name).ok_or_else(|| {
                let known: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
                let message =
                    format!("text: there is no [{}]; there is: {}", short(name), known.join(", "));
                Rejection::field(ErrorCode::ParameterInvalid, "text", message)
            })?;
            text.push_str(&part.1);
            rest = after;
        }
        text.push_str(rest);
        // What is not known leaves no gap.
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
