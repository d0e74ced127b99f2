//! The catalogue of a tracker, for a form.

use serde_json::json;

use super::{TRACKER, catalogue};
use crate::request::{Access, Arguments, Method, Parameter, ParameterKind, Place};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};

/// What can be said to a device.
pub const LIST: Rule = Rule {
    name: "command.list",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/devices/{device}/commands",
        access: Access::Users,
        summary: "Commands that a device understands, with their parameters",
        parameters: &[Parameter {
            name: "device",
            place: Place::Path,
            kind: ParameterKind::Uuid,
            required: true,
            default: None,
            description: "The device.",
        }],
        answers: &["application/json"],
    },
};

/// See [`LIST`].
pub fn list(call: &Call) -> Outcome {
    let arguments = match Arguments::read(call, LIST.parameters()) {
        Ok(arguments) => arguments,
        Err(faults) => return Outcome::rejections(faults),
    };
    match call.ctx.answer("tracker") {
        Ok(None) => Outcome::need(Need::ItemsRead {
            name: "tracker",
            collection: "devices".to_owned(),
            keys: vec![json!(arguments.text("device"))],
            fields: TRACKER,
            keep: false,
        }),
        Ok(Some([])) => Outcome::reject(Rejection::forbidden()),
        Ok(Some([tracker, ..])) => {
            let told = catalogue::commands(tracker).map(catalogue::Spec::told);
            Outcome::json(json!({ "data": told.collect::<Vec<_>>() }))
        }
        Err(rejection) => Outcome::reject(rejection),
    }
}
