//! Trackers: an IMEI that can't be a typing error, a protocol and a model that are known, a token that
//! can't be guessed.

use biplane_core::shown::{short, shown};
use biplane_core::{ErrorCode, Imei, ImeiError};
use serde_json::Value;

use crate::after::{After, after};
use crate::command::{is_model, is_protocol};
use crate::{Call, Event, Outcome, Rejection, Rule, Trigger};

const MODEL: &[&str] = &["protocol", "model"];

/// An IMEI has 15 digits, of which the last checks the others; a model is one of its protocol's.
pub const VALIDATE: Rule = Rule {
    name: "device.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["devices"],
        fields: &["imei", "protocol", "model", "token"],
        flat: None,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let mut faults: Vec<_> = wrong_imei(call).into_iter().chain(wrong_token(call)).collect();
    match after(call, MODEL) {
        Ok(items) => {
            faults.extend(items.iter().find_map(wrong_model));
            Outcome::rejections(faults)
        }
        Err(outcome) if faults.is_empty() => *outcome,
        Err(_) => Outcome::rejections(faults),
    }
}

fn wrong_imei(call: &Call) -> Option<Rejection> {
    let wrong = |message: String| Some(Rejection::field(ErrorCode::DeviceImei, "imei", message));
    let imei = match call.payload.get("imei") {
        None if call.event == Some(Event::Update) => return None,
        None | Some(Value::Null) => return wrong("imei: is required".to_owned()),
        Some(Value::String(text)) => text.clone(),
        // A CSV import reads a column of digits as numbers.
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return wrong("imei: must be a text of 15 digits".to_owned()),
    };
    let Ok(digits) = Imei::from_digits(&imei) else {
        return wrong(format!("imei: `{}` is not 15 digits", short(&imei)));
    };
    match digits.check() {
        Err(ImeiError::CheckDigit { got, expected }) => wrong(format!(
            "imei: the check digit of `{imei}` is {got}, but its other digits ask for {expected}"
        )),
        Err(error) => wrong(format!("imei: {error}")),
        Ok(()) => None,
    }
}

/// Shorter ones are guessed.
const TOKEN: std::ops::RangeInclusive<usize> = 16..=128;

/// A token is never repeated in what is said of it.
fn wrong_token(call: &Call) -> Option<Rejection> {
    let token = match call.payload.get("token") {
        None | Some(Value::Null) => return None,
        Some(token) => token.as_str().unwrap_or_default(),
    };
    let message = if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        "token: has other characters than letters, digits and signs of ASCII".to_owned()
    } else if TOKEN.contains(&token.len()) {
        return None;
    } else {
        format!(
            "token: has {} characters, {} to {} are needed",
            token.len(),
            TOKEN.start(),
            TOKEN.end()
        )
    };
    Some(Rejection::field(ErrorCode::DeviceToken, "token", message))
}

/// A model may be left out: the device then takes what every model of its protocol takes. Of a protocol
/// that many makers speak, any will do.
fn wrong_model(device: &After<'_>) -> Option<Rejection> {
    let wrong =
        |field, message: String| Some(Rejection::field(ErrorCode::DeviceModel, field, message));
    let protocol = match device.field("protocol") {
        None => return None,
        Some(value) => match value.as_str().filter(|name| is_protocol(name)) {
            Some(protocol) => protocol,
            None => return wrong("protocol", format!("protocol: {} is not known", shown(value))),
        },
    };
    let model = device.field("model")?;
    match model.as_str() {
        Some(name) if is_model(protocol, name) => None,
        _ => wrong(
            "model",
            format!("model: {} is no model of `{protocol}` that is known", shown(model)),
        ),
    }
}
