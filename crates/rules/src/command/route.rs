//! Where a command goes next: a step of a Flow.

use biplane_core::{ErrorCode, Timestamp};
use serde_json::json;

use super::Spec;
use super::state::State;
use crate::request::{Arguments, Parameter, ParameterKind, Place, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};

/// What is to be done with a command: to a gateway, to wait, or over.
pub const ROUTE: Rule = Rule {
    name: "command.route",
    trigger: Trigger::Operation {
        label: "Biplane: route command",
        icon: "alt_route",
        description: "Where a command goes next: to the gateway that holds its device, into the queue, or nowhere any more.",
        options: &[Parameter::new("command", Place::Option, ParameterKind::Uuid, "Which one.")
            .required()
            .or("{{$trigger.key}}")],
    },
};

/// See [`ROUTE`].
pub fn route(call: &Call) -> Outcome {
    answered(call, &ROUTE, |arguments| decide(call, arguments))
}

fn decide(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let Some(commands) = call.ctx.answer("command")? else {
        return Ok(Outcome::need(Need::read(
            "command",
            "commands",
            vec![json!(arguments.text("command"))],
            &[
                "id",
                "name",
                "status",
                "payload",
                "expires_at",
                "attempts",
                "device.id",
                "device.imei",
                "device.protocol",
                "device.model",
                "device.status",
            ],
        )));
    };
    let command = commands.first().ok_or_else(Rejection::forbidden)?;
    let state = State::read(&command["status"])?;
    if !state.waits() {
        let message = format!("status: a command that is `{}` is not to be routed", state.as_str());
        return Err(Rejection::new(ErrorCode::CommandState, message));
    }
    let device = &command["device"];
    let Some(found) = call.ctx.answer("status")? else {
        return Ok(Outcome::need(Need::find(
            "status",
            "device_status",
            json!({ "device": { "_eq": device["id"] } }),
            &["connected", "gateway"],
            1,
        )));
    };
    let now = Timestamp::from_millis(call.ctx.now_ms as i64);
    let expires_at = command["expires_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let connected = found.first().filter(|status| status["connected"] == true);
    let gateway = connected.and_then(|status| status["gateway"].as_str());
    let (action, status) = match (expires_at, gateway) {
        (Some(expires_at), _) if expires_at <= now => ("expire", State::Expired),
        (None, _) => ("expire", State::Expired),
        (_, Some(_)) => ("route", State::Routed),
        (_, None) => ("queue", State::Queued),
    };
    let spec = Spec::of(device, command.get("name"))?;
    Ok(Outcome::result(json!({
        "action": action,
        "status": status.as_str(),
        "command": command["id"],
        "device": device["id"],
        "imei": device["imei"],
        "payload": command["payload"],
        "expires_at": command["expires_at"],
        "attempt": command["attempts"].as_i64().unwrap_or_default() + 1,
        "idempotent": spec.idempotent,
        "answers": spec.answers,
        "gateway": gateway,
        "stream": gateway.filter(|_| action == "route").map(|it| format!("commands:{it}")),
    })))
}
