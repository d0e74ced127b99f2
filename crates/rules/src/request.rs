//! What an endpoint is asked and an operation is set to, and how it is read: every parameter is
//! declared, and everything else is refused.

use std::collections::BTreeMap;

use biplane_core::{ErrorCode, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Call, Kind, Outcome, Rejection, Rule};
use biplane_core::shown::{short, shown};

/// A request, as the host hands it over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Request {
    /// The parameters of the path.
    pub path: BTreeMap<String, String>,
    /// Of the query; a parameter that is given twice comes as an array, which is refused.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub query: BTreeMap<String, Value>,
    /// JSON.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub body: Value,
}

/// HTTP methods of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Method {
    /// Reads.
    Get,
    /// Writes, or reads by a body.
    Post,
}

/// Who may call an endpoint at all; what he may see is for Directus's permissions to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Access {
    /// Who is logged in; shares are not.
    Users,
    /// Administrators.
    Administrators,
}

/// A parameter of an endpoint, or an option of an operation.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it may be.
    #[serde(flatten)]
    pub kind: ParameterKind,
    /// Whether it has to be there.
    pub required: bool,
    /// What it is if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub default: Option<&'static str>,
    /// For people.
    pub description: &'static str,
}

impl Parameter {
    /// One that may be left out.
    pub(crate) const fn new(
        name: &'static str,
        place: Place,
        kind: ParameterKind,
        description: &'static str,
    ) -> Self {
        Self { name, place, kind, required: false, default: None, description }
    }

    /// The key of an item, in the path.
    pub(crate) const fn key_in_path(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Place::Path, ParameterKind::Uuid, description).required()
    }

    /// It has to be there.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// What it is if it is left out.
    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A member of the body, which is a JSON object.
    Body,
    /// In the form of an operation.
    Option,
}

/// What a parameter may be. In a query everything is text; in a body and a form numbers and
/// booleans may be themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ParameterKind {
    /// Text.
    Text {
        /// Characters.
        max_length: u32,
    },
    /// A UUID in its usual form.
    Uuid,
    /// A list of UUIDs, separated by commas or a JSON array.
    Uuids {
        /// How many.
        max: u32,
    },
    /// A whole number.
    Integer {
        /// Inclusive.
        min: i32,
        /// Inclusive.
        max: i32,
    },
    /// A number.
    Number {
        /// Inclusive.
        min: f64,
        /// Inclusive.
        max: f64,
        /// SI or stated.
        unit: &'static str,
    },
    /// RFC 3339 with an offset, or `Z`.
    Time,
    /// `true` or `false`.
    Boolean,
    /// One of these.
    Choice {
        /// In the order in which people should see them.
        #[cfg_attr(test, ts(type = "string[]"))]
        of: &'static [&'static str],
    },
    /// Any JSON value, for the rule itself to judge.
    Json,
}

/// The parameters of a call, each of which is what its declaration asks for.
#[derive(Debug)]
pub struct Arguments(BTreeMap<&'static str, Argument>);

#[derive(Clone, Debug, PartialEq)]
enum Argument {
    Text(String),
    List(Vec<String>),
    Integer(i64),
    Number(f64),
    Time(Timestamp),
    Boolean(bool),
    Json(Value),
}

impl Arguments {
    /// Reads what is declared; all that is wrong with it is said at once.
    pub fn read(call: &Call, parameters: &'static [Parameter]) -> Result<Self, Vec<Rejection>> {
        Self::of_given(&Given::of(call).map_err(|rejection| vec![rejection])?, parameters)
    }

    /// As [`Arguments::read`], of options that stand in an object.
    pub fn of(
        options: Map<String, Value>,
        parameters: &'static [Parameter],
    ) -> Result<Self, Vec<Rejection>> {
        Self::of_given(&Given(vec![(Place::Option, options.into_iter().collect())]), parameters)
    }

    fn of_given(given: &Given, parameters: &'static [Parameter]) -> Result<Self, Vec<Rejection>> {
        let mut arguments = BTreeMap::new();
        let mut faults = given.unknown(parameters);
        for parameter in parameters {
            let default = parameter.default.map(|text| Value::String(text.to_owned()));
            match given.find(parameter).cloned().or(default) {
                Some(value) => match parameter.read(&value) {
                    Ok(argument) => {
                        arguments.insert(parameter.name, argument);
                    }
                    Err(expected) => faults.push(parameter.wrong(&value, &expected)),
                },
                None if parameter.required => faults.push(parameter.missing()),
                None => {}
            }
        }
        if faults.is_empty() { Ok(Self(arguments)) } else { Err(faults) }
    }

    /// A text, UUID or choice.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Argument::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// UUIDs.
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(Argument::List(list)) => Some(list),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Argument::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Argument::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A time.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        match self.0.get(name) {
            Some(Argument::Time(time)) => Some(*time),
            _ => None,
        }
    }

    /// Whether it is `true`.
    pub fn is(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Argument::Boolean(true)))
    }

    /// A JSON value.
    pub fn json(&self, name: &str) -> Option<&Value> {
        match self.0.get(name) {
            Some(Argument::Json(value)) => Some(value),
            _ => None,
        }
    }
}

/// Answers an endpoint or an operation whose parameters are what its declaration asks for.
pub(crate) fn answered<E: Into<Vec<Rejection>>>(
    call: &Call,
    rule: &Rule,
    answer: impl FnOnce(&Arguments) -> Result<Outcome, E>,
) -> Outcome {
    match Arguments::read(call, rule.parameters()) {
        Ok(arguments) => {
            answer(&arguments).unwrap_or_else(|faults| Outcome::rejections(faults.into()))
        }
        Err(faults) => Outcome::rejections(faults),
    }
}

/// What a call brings, by place.
struct Given(Vec<(Place, BTreeMap<String, Value>)>);

impl Given {
    fn of(call: &Call) -> Result<Self, Rejection> {
        let contract = |what: &str| Rejection::contract(format!("the payload is no {what}"));
        if call.kind == Kind::Operation {
            let Value::Object(options) = &call.payload else {
                return Err(contract("object of options"));
            };
            return Ok(Self(vec![(Place::Option, options.clone().into_iter().collect())]));
        }
        let request = Request::deserialize(&call.payload).map_err(|_| contract("request"))?;
        let path = request.path.into_iter().map(|(name, text)| (name, Value::String(text)));
        let body = match request.body {
            Value::Null => BTreeMap::new(),
            Value::Object(body) => body.into_iter().collect(),
            _ => {
                return Err(Rejection::new(
                    ErrorCode::ParameterInvalid,
                    "body: must be a JSON object",
                ));
            }
        };
        Ok(Self(vec![
            (Place::Path, path.collect()),
            (Place::Query, request.query),
            (Place::Body, body),
        ]))
    }

    /// Emptied in a form is left out.
    fn find(&self, parameter: &Parameter) -> Option<&Value> {
        let (_, given) = self.0.iter().find(|(place, _)| *place == parameter.place)?;
        given.get(parameter.name).filter(|value| !value.is_null())
    }

    fn unknown(&self, parameters: &[Parameter]) -> Vec<Rejection> {
        let declared = |place, name: &str| {
            // A token in the query is Directus's own business.
            (place == Place::Query && name == "access_token")
                || parameters.iter().any(|it| it.place == place && it.name == name)
        };
        let given = self.0.iter().filter(|(place, _)| *place != Place::Path);
        let names =
            given.flat_map(|(place, given)| given.keys().map(move |name| (*place, name.as_str())));
        names
            .filter(|(place, name)| !declared(*place, name))
            .map(|(_, name)| {
                let known: Vec<_> = parameters
                    .iter()
                    .filter(|it| it.place != Place::Path)
                    .map(|it| it.name)
                    .collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name = short(name);
                Rejection::new(
                    ErrorCode::ParameterUnknown,
                    format!("{name}: there is no such parameter; there is: {known}"),
                )
            })
            .collect()
    }
}

impl Parameter {
    fn read(&self, value: &Value) -> Result<Argument, String> {
        let text = match value {
            Value::String(text) => Some(text.trim()),
            _ => None,
        };
        let none = || self.kind.expected();
        Ok(match self.kind {
            ParameterKind::Text { max_length } => {
                let text = text.filter(|text| text.chars().count() <= max_length as usize);
                Argument::Text(text.filter(|text| !text.is_empty()).ok_or_else(none)?.to_owned())
            }
            ParameterKind::Uuid => {
                let uuid = text.filter(|text| is_uuid(text)).ok_or_else(none)?;
                Argument::Text(uuid.to_ascii_lowercase())
            }
            ParameterKind::Uuids { max } => {
                let list: Vec<&str> = match value {
                    Value::String(text) => text.split(',').map(str::trim).collect(),
                    Value::Array(items) => {
                        items.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(none)?
                    }
                    _ => return Err(none()),
                };
                let fits = !list.is_empty() && list.len() <= max as usize;
                if !fits || !list.iter().all(|it| is_uuid(it)) {
                    return Err(none());
                }
                Argument::List(list.iter().map(|it| it.to_ascii_lowercase()).collect())
            }
            ParameterKind::Integer { min, max } => {
                let number = text.and_then(|it| it.parse().ok()).or_else(|| value.as_i64());
                let fits = |it: &i64| (i64::from(min)..=i64::from(max)).contains(it);
                Argument::Integer(number.filter(fits).ok_or_else(none)?)
            }
            ParameterKind::Number { min, max, .. } => {
                let number = text.and_then(|it| it.parse().ok()).or_else(|| value.as_f64());
                let fits = |it: &f64| (min..=max).contains(it);
                Argument::Number(number.filter(fits).ok_or_else(none)?)
            }
            ParameterKind::Time => {
                Argument::Time(text.and_then(|it| it.parse().ok()).ok_or_else(none)?)
            }
            ParameterKind::Boolean => match (text, value) {
                (Some("true"), _) | (_, Value::Bool(true)) => Argument::Boolean(true),
                (Some("false"), _) | (_, Value::Bool(false)) => Argument::Boolean(false),
                _ => return Err(none()),
            },
            ParameterKind::Choice { of } => {
                let text = text.filter(|text| of.contains(text)).ok_or_else(none)?;
                Argument::Text(text.to_owned())
            }
            ParameterKind::Json => Argument::Json(value.clone()),
        })
    }

    fn wrong(&self, value: &Value, expected: &str) -> Rejection {
        let found = shown(value);
        let message = format!("{}: {found} is not {expected}", self.name);
        Rejection { field: Some(self.name), ..Rejection::new(ErrorCode::ParameterInvalid, message) }
    }

    fn missing(&self) -> Rejection {
        let message = format!("{}: is required: {}", self.name, self.kind.expected());
        Rejection { field: Some(self.name), ..Rejection::new(ErrorCode::ParameterMissing, message) }
    }
}

impl ParameterKind {
    /// What it should have been, after "is not".
    fn expected(&self) -> String {
        match self {
            Self::Text { max_length } => format!("a text of 1 to {max_length} characters"),
            Self::Uuid => "a UUID".to_owned(),
            Self::Uuids { max } => format!("a list of 1 to {max} UUIDs"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max, unit } => format!("a number from {min} to {max} {unit}"),
            Self::Time => "a time like 2026-05-01T09:30:00Z (RFC 3339)".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Choice { of } => format!("one of {}", of.join(", ")),
            Self::Json => "a JSON value".to_owned(),
        }
    }
}

/// In the one form that Directus takes for a key.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
