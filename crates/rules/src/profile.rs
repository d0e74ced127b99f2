//! Profiles of devices: each limit that one sets is one that fixes can be judged by.

use biplane_core::ErrorCode;
use biplane_core::profile::{LimitError, Parameter, Profile};
use biplane_core::shown::shown;
use serde_json::Value;

use crate::{Call, Event, Outcome, Rejection, Rule, Trigger};

/// A limit is a number within its range, or empty.
pub const VALIDATE: Rule = Rule {
    name: "profile.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["device_profiles"],
        fields: &Parameter::NAMES,
        flat: None,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let wrong = |parameter: &Parameter| {
        let value = call.payload.get(parameter.name()).filter(|value| !value.is_null())?;
        wrong(*parameter, value)
    };
    Outcome::rejections(Parameter::ALL.iter().filter_map(wrong).collect())
}

fn wrong(parameter: Parameter, value: &Value) -> Option<Rejection> {
    let number = match value {
        // A CSV import and some forms send numbers as text.
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    let error = match number {
        Some(number) => Profile::default().set(parameter, number).err()?,
        None => LimitError { parameter, value: f64::NAN },
    };
    // As it came, where it is no number.
    let value = number.map_or_else(|| shown(value), |number: f64| number.to_string());
    let message = format!("{}: {value} is not {}", parameter.name(), error.wanted());
    Some(Rejection::field(ErrorCode::ProfileLimit, parameter.name(), message))
}
