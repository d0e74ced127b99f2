//! The catalogue of a tracker, for a form.

use serde_json::json;

use super::{TRACKER, catalogue};
use crate::request::{Access, Method, Parameter, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};

/// What can be said to a device.
pub const LIST: Rule = Rule {
    name: "command.list",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/devices/{device}/commands",
        access: Access::Users,
        summary: "Commands that a device understands, with their parameters",
        parameters: &[Parameter::key_in_path("device", "The device.")],
        answers: &["application/json"],
    },
};

/// See [`LIST`].
pub fn list(call: &Call) -> Outcome {
    answered(call, &LIST, |arguments| {
        let Some(found) = call.ctx.answer("tracker")? else {
            let keys = vec![json!(arguments.text("device"))];
            return Ok(Outcome::need(Need::read("tracker", "devices", keys, TRACKER)));
        };
        let tracker = found.first().ok_or_else(Rejection::forbidden)?;
        let told = catalogue::commands(tracker).map(catalogue::Spec::told);
        Ok::<_, Rejection>(Outcome::json(&json!({ "data": told.collect::<Vec<_>>() })))
    })
}
