//! Trackers: an IMEI that can't be a typing error.

use biplane_core::{ErrorCode, Imei, ImeiError};
use serde_json::Value;

use crate::{Call, Event, Outcome, Rejection, Rule, Trigger};
use biplane_core::shown::short;

/// An IMEI has 15 digits, of which the last checks the others.
pub const VALIDATE: Rule = Rule {
    name: "device.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["devices"],
        fields: &["imei"],
        flat: None,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let imei = match call.payload.get("imei") {
        None if call.event == Some(Event::Update) => return Outcome::default(),
        None | Some(Value::Null) => return reject("imei: is required"),
        Some(Value::String(text)) => text.clone(),
        // A CSV import reads a column of digits as numbers.
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return reject("imei: must be a text of 15 digits"),
    };
    let digits = match Imei::from_digits(&imei) {
        Ok(digits) => digits,
        Err(_) => {
            return reject(format!("imei: `{}` is not 15 digits", short(&imei)));
        }
    };
    match digits.check() {
        Err(ImeiError::CheckDigit { got, expected }) => reject(format!(
            "imei: the check digit of `{imei}` is {got}, but its other digits ask for {expected}"
        )),
        Err(error) => reject(format!("imei: {error}")),
        Ok(()) => Outcome::default(),
    }
}

fn reject(message: impl Into<String>) -> Outcome {
    Outcome::reject(Rejection::field(ErrorCode::DeviceImei, "imei", message))
}
