//! What a flag, or its end, would change: asked before it is made, answered by the processor.
//!
//! A preview is asked with the right to make the change itself: the host tries it on Directus, which says
//! no where it would say no, and changes nothing.

use biplane_core::{ErrorCode, Timestamp, review::preview_id};
use serde_json::{Value, json};

use crate::request::{Access, Arguments, Method, Parameter, ParameterKind, Place, answered};
use crate::span::time;
use crate::{Call, Effect, Need, Outcome, Rejection, Rule, Trigger};

/// How many of a person's previews wait for an answer at once.
const MAX_OPEN: usize = 5;
/// How long an answer can be read: as `telemetry.review_previews` is tidied.
const KEPT_S: u32 = 900;
const FLAG_FIELDS: &[&str] = &["id", "organization", "device", "verdict", "starts_at", "ends_at"];
const JSON: &[&str] = &["application/json"];

const fn body(name: &'static str, kind: ParameterKind, description: &'static str) -> Parameter {
    Parameter::new(name, Place::Body, kind, description).required()
}

/// Of a flag that is not made yet.
pub const FLAG: Rule = Rule {
    name: "review.flag",
    trigger: Trigger::Endpoint {
        method: Method::Post,
        path: "/reviews/flags",
        access: Access::Users,
        summary: "Asks what a flag would change, without making it",
        parameters: &[
            body("device", ParameterKind::Uuid, "Whose positions."),
            body("starts_at", ParameterKind::Time, "Event time of the first position."),
            body("ends_at", ParameterKind::Time, "Event time of the last position."),
            body(
                "verdict",
                ParameterKind::Choice { of: &["faulty", "valid"] },
                "What they would be.",
            ),
        ],
        answers: JSON,
    },
};

/// Of the end of a flag.
pub const REMOVAL: Rule = Rule {
    name: "review.removal",
    trigger: Trigger::Endpoint {
        method: Method::Post,
        path: "/reviews/removals",
        access: Access::Users,
        summary: "Asks what the end of a flag would change, without ending it",
        parameters: &[body("flag", ParameterKind::Uuid, "Which.")],
        answers: JSON,
    },
};

/// The answer.
pub const READ: Rule = Rule {
    name: "review.read",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/reviews/{review}",
        access: Access::Users,
        summary: "What a flag, or its end, would change, for who asked",
        parameters: &[Parameter::key_in_path("review", "As it was told when it was asked.")],
        answers: JSON,
    },
};

/// What is being timed again.
pub const RECOMPUTES: Rule = Rule {
    name: "recomputes.device",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/devices/{device}/recomputes",
        access: Access::Users,
        summary: "Orders of the last day to time a device's positions again, newest first",
        parameters: &[Parameter::key_in_path("device", "The device.")],
        answers: JSON,
    },
};

/// See [`FLAG`].
pub fn flag(call: &Call) -> Outcome {
    answered(call, &FLAG, |arguments| ask_flag(call, arguments))
}

fn ask_flag(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let device = arguments.text("device").unwrap_or_default();
    let (Some(devices), Some(open)) = (call.ctx.answer("device")?, open(call)?) else {
        let read = Need::read("device", "devices", vec![json!(device)], &["id", "organization"]);
        return Ok(Outcome::needs(vec![read, ask_open()]));
    };
    let device = devices.first().ok_or_else(Rejection::forbidden)?;
    room(open)?;
    let item = json!({
        "organization": device["organization"],
        "device": device["id"],
        "verdict": arguments.text("verdict"),
        "starts_at": arguments.time("starts_at"),
        "ends_at": arguments.time("ends_at"),
    });
    Ok(ask(call, None, item))
}

/// See [`REMOVAL`].
pub fn removal(call: &Call) -> Outcome {
    answered(call, &REMOVAL, |arguments| ask_removal(call, arguments))
}

fn ask_removal(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let key = arguments.text("flag").unwrap_or_default();
    let (Some(flags), Some(open)) = (call.ctx.answer("flag")?, open(call)?) else {
        let read = Need::read("flag", "position_flags", vec![json!(key)], FLAG_FIELDS);
        return Ok(Outcome::needs(vec![read, ask_open()]));
    };
    let flag = flags.first().ok_or_else(Rejection::forbidden)?;
    room(open)?;
    let at = |field: &str| -> Result<Timestamp, Rejection> {
        let told = flag[field].as_str().and_then(time);
        told.ok_or_else(|| Rejection::contract("a flag without its times"))
    };
    let item = json!({
        "organization": flag["organization"],
        "device": flag["device"],
        "verdict": flag["verdict"],
        "starts_at": at("starts_at")?,
        "ends_at": at("ends_at")?,
    });
    Ok(ask(call, Some(key.to_owned()), item))
}

/// See [`READ`].
pub fn read(call: &Call) -> Outcome {
    answered(call, &READ, |arguments| told(call, arguments))
}

fn told(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let Some(found) = call.ctx.answer("review")? else {
        let key = arguments.text("review").map(str::to_owned);
        return Ok(Outcome::need(Need::ReviewsRead { name: "review", key }));
    };
    let review = found.first().ok_or_else(Rejection::forbidden)?;
    let Some(devices) = call.ctx.answer("device")? else {
        let device = vec![review["device"].clone()];
        return Ok(Outcome::need(Need::read("device", "devices", device, &["organization"])));
    };
    // It may have changed hands since.
    if devices.first().is_none_or(|it| it["organization"] != review["organization"]) {
        return Err(Rejection::forbidden());
    }
    let outcome = &review["outcome"];
    let state = match outcome {
        Value::Null => "waiting",
        it if it.get("failed").is_some() => "failed",
        it if it.get("too_much").is_some() => "too_much",
        _ => "done",
    };
    let told = ["device", "change", "verdict", "starts_at", "ends_at", "asked_at", "done_at"];
    let mut data: serde_json::Map<_, _> =
        told.iter().map(|&field| (field.to_owned(), review[field].clone())).collect();
    data.insert("state".into(), json!(state));
    data.insert("outcome".into(), outcome.clone());
    Ok(Outcome::json(&json!({ "data": data })))
}

/// See [`RECOMPUTES`].
pub fn recomputes(call: &Call) -> Outcome {
    answered(call, &RECOMPUTES, |arguments| orders(call, arguments))
}

fn orders(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let Some(found) = call.ctx.answer("recomputes")? else {
        let device = arguments.text("device").unwrap_or_default().to_owned();
        return Ok(Outcome::need(Need::RecomputesRead { name: "recomputes", device }));
    };
    match found {
        [Value::Null] => Err(Rejection::forbidden()),
        orders => Ok(Outcome::json(&json!({ "data": orders }))),
    }
}

fn open(call: &Call) -> Result<Option<&[Value]>, Rejection> {
    call.ctx.answer("open")
}

fn ask_open() -> Need {
    Need::ReviewsRead { name: "open", key: None }
}

fn room(open: &[Value]) -> Result<(), Rejection> {
    if open.len() < MAX_OPEN {
        return Ok(());
    }
    let message =
        format!("{MAX_OPEN} previews of yours wait for their answers; wait for one of them");
    Err(Rejection::new(ErrorCode::TooMuch, message))
}

fn ask(call: &Call, flag: Option<String>, item: Value) -> Outcome {
    let user = call.ctx.user.as_deref().unwrap_or_default();
    let review = preview_id(user, call.ctx.now_ms as i64, &item.to_string()).to_string();
    let told = json!({ "data": { "review": review, "expires_in_s": KEPT_S } });
    let effects = vec![Effect::ReviewAsk { review, flag, item }];
    Outcome { effects, ..Outcome::json(&told) }
}
