//! Many flags at once: one range and one verdict for the positions of many devices.

use serde_json::json;

use crate::request::{Access, Arguments, Method, Parameter, ParameterKind, Place, answered};
use crate::{Call, Effect, Need, Outcome, Rejection, Rule, Trigger};

const fn body(name: &'static str, kind: ParameterKind, description: &'static str) -> Parameter {
    Parameter::new(name, Place::Body, kind, description).required()
}

/// A flag for each device, or none at all.
pub const FLAG: Rule = Rule {
    name: "positions.flag",
    trigger: Trigger::Endpoint {
        method: Method::Post,
        path: "/positions/flags",
        access: Access::Users,
        summary: "Flags the positions of many devices as faulty or valid, all or none",
        parameters: &[
            body("devices", ParameterKind::Uuids { max: 500 }, "Whose positions."),
            body("starts_at", ParameterKind::Time, "Event time of the first position."),
            body("ends_at", ParameterKind::Time, "Event time of the last position."),
            body("verdict", ParameterKind::Choice { of: &["faulty", "valid"] }, "What they are."),
            body("reason", ParameterKind::Text { max_length: 1_000 }, "For whoever asks later."),
        ],
        answers: &["application/json"],
    },
};

/// See [`FLAG`]. The flags are items like others: rules, permissions and history apply to them.
pub fn flag(call: &Call) -> Outcome {
    answered(call, &FLAG, |arguments| decide(call, arguments))
}

fn decide(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let mut asked = arguments.list("devices").unwrap_or_default().to_vec();
    asked.sort_unstable();
    asked.dedup();
    let Some(devices) = call.ctx.answer("devices")? else {
        return Ok(Outcome::need(Need::read(
            "devices",
            "devices",
            asked.into_iter().map(Into::into).collect(),
            &["id", "organization"],
        )));
    };
    if devices.len() < asked.len() {
        return Err(Rejection::forbidden());
    }
    let items: Vec<_> = devices
        .iter()
        .map(|device| {
            json!({
                "organization": device["organization"],
                "device": device["id"],
                "verdict": arguments.text("verdict"),
                "starts_at": arguments.time("starts_at"),
                "ends_at": arguments.time("ends_at"),
                "reason": arguments.text("reason"),
            })
        })
        .collect();
    let told = json!({ "data": { "flags": items.len() } });
    let effects = vec![Effect::ItemsCreate { collection: "position_flags", items }];
    Ok(Outcome { effects, ..Outcome::json(&told) })
}
