//! What data a change of a column takes away.

use serde::Serialize;
use serde_json::{Map, Value};

/// How data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// A table with its rows.
    Table,
    /// A column with its values.
    Column,
    /// Values that the new type can't hold are cut or changed.
    Narrowed,
}

impl LossKind {
    /// The word that people and programs read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Narrowed => "narrowed",
        }
    }
}

/// Data that would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Loss {
    /// How.
    pub kind: LossKind,
    /// From what to what: `text → varchar(255)`.
    pub detail: String,
    /// How many rows have a value there; none while nobody counted.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub rows: Option<u64>,
}

impl Loss {
    pub(crate) fn new(kind: LossKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), rows: None }
    }
}

/// What a change of a field means to its data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Every value stays what it is.
    Lossless,
    /// Some may not.
    Loses(Loss),
    /// Directus says that it did it, and doesn't.
    Unsupported(String),
}

/// Compares a field as it is with what it would be.
pub(crate) fn effect(running: &Map<String, Value>, merged: &Map<String, Value>) -> Effect {
    let (from, to) = (Column::of(running), Column::of(merged));
    let (from, to) = match (from, to) {
        (None, _) => return Effect::Lossless,
        (Some(from), None) => {
            return Effect::Loses(Loss::new(LossKind::Column, format!("{from} → alias")));
        }
        (Some(from), Some(to)) => (from, to),
    };
    let detail = format!("{from} → {to}");
    if from.primary_key != to.primary_key || (from.primary_key && from.data_type != to.data_type) {
        return Effect::Unsupported(format!(
            "Directus does not change primary keys ({detail}): make a new collection and move the rows"
        ));
    }
    if from.generated != to.generated {
        return Effect::Unsupported(format!(
            "Directus does not change generated columns ({detail})"
        ));
    }
    if from.data_type.starts_with("json") && is_text(&to.data_type) {
        return Effect::Unsupported(format!(
            "Directus does not turn JSON into text ({detail}): make a new field and move the values"
        ));
    }
    if from.fits_in(&to) {
        Effect::Lossless
    } else {
        Effect::Loses(Loss::new(LossKind::Narrowed, detail))
    }
}

/// A column's type as PostgreSQL has it.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    data_type: String,
    max_length: Option<i64>,
    precision: Option<i64>,
    scale: Option<i64>,
    primary_key: bool,
    generated: bool,
}

impl Column {
    fn of(field: &Map<String, Value>) -> Option<Self> {
        if field.get("type").and_then(Value::as_str) == Some("alias") {
            return None;
        }
        let schema = field.get("schema")?.as_object()?;
        let number = |key| schema.get(key).and_then(Value::as_i64);
        let flag = |key| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
        let data_type = schema.get("data_type").and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            data_type: data_type.to_ascii_lowercase(),
            max_length: number("max_length"),
            precision: number("numeric_precision"),
            scale: number("numeric_scale"),
            primary_key: flag("is_primary_key"),
            generated: flag("is_generated"),
        })
    }

    /// Whether every value of this type is one of `to`, with nothing cut off.
    fn fits_in(&self, to: &Self) -> bool {
        let (from, into) = (self.data_type.as_str(), to.data_type.as_str());
        if from == into {
            return match from {
                "numeric" => self.digits_fit(to),
                _ => longer(self.max_length, to.max_length),
            };
        }
        if is_text(into) {
            // The longest way to write a value of these types.
            let written = match from {
                "smallint" => Some(6),
                "integer" => Some(11),
                "bigint" => Some(20),
                "boolean" => Some(5),
                "uuid" => Some(36),
                "date" => Some(15),
                _ if is_text(from) => self.max_length,
                _ => None,
            };
            return to.max_length.is_none() || longer(written, to.max_length);
        }
        match (from, into) {
            ("smallint", "integer" | "bigint" | "real" | "double precision")
            | ("integer", "bigint" | "double precision")
            | ("real", "double precision")
            | ("date", "timestamp without time zone" | "timestamp with time zone")
            | ("json", "jsonb") => true,
            ("smallint" | "integer" | "bigint", "numeric") => {
                let digits = match from {
                    "smallint" => 5,
                    "integer" => 10,
                    _ => 19,
                };
                to.precision.is_none_or(|precision| precision - to.scale.unwrap_or(0) >= digits)
            }
            _ => false,
        }
    }

    fn digits_fit(&self, to: &Self) -> bool {
        let Some(precision) = to.precision else { return true };
        let Some(own) = self.precision else { return false };
        let (own_scale, scale) = (self.scale.unwrap_or(0), to.scale.unwrap_or(0));
        scale >= own_scale && precision - scale >= own - own_scale
    }
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.data_type)?;
        match (self.max_length, self.precision, self.scale) {
            (Some(length), ..) => write!(f, "({length})")?,
            (None, Some(precision), Some(scale)) if self.data_type == "numeric" => {
                write!(f, "({precision},{scale})")?;
            }
            _ => {}
        }
        if self.primary_key { f.write_str(" primary key") } else { Ok(()) }
    }
}

fn is_text(data_type: &str) -> bool {
    matches!(data_type, "text" | "character varying" | "varchar" | "character" | "char")
}

/// Whether a limit of `to` lets through what a limit of `from` did; none is no limit.
fn longer(from: Option<i64>, to: Option<i64>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => to >= from,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(data_type: &str, length: Option<i64>, numeric: Option<(i64, i64)>) -> Value {
        let (precision, scale) = numeric.unzip();
        json!({"type": "any", "schema": {"data_type": data_type, "max_length": length,
            "numeric_precision": precision, "numeric_scale": scale}})
    }

    fn of(from: &Value, to: &Value) -> Effect {
        effect(from.as_object().expect("object"), to.as_object().expect("object"))
    }

    #[test]
    fn what_holds_every_value_loses_none() {
        let text = field("text", None, None);
        let string = field("character varying", Some(255), None);
        let decimal = field("numeric", None, Some((10, 5)));
        for (from, to) in [
            (&string, &text),
            (&text, &text),
            (&string, &field("character varying", Some(300), None)),
            (&field("integer", None, Some((32, 0))), &field("bigint", None, Some((64, 0)))),
            (&decimal, &field("numeric", None, Some((12, 6)))),
            (&field("uuid", None, None), &string),
            (&field("integer", None, None), &field("numeric", None, Some((15, 5)))),
        ] {
            assert_eq!(of(from, to), Effect::Lossless, "{from} → {to}");
        }
    }

    #[test]
    fn what_cuts_a_value_is_named() {
        let cases = [
            (
                field("text", None, None),
                field("character varying", Some(255), None),
                "text → character varying(255)",
            ),
            (
                field("character varying", Some(255), None),
                field("character varying", Some(10), None),
                "character varying(255) → character varying(10)",
            ),
            (
                field("numeric", None, Some((10, 5))),
                field("integer", None, None),
                "numeric(10,5) → integer",
            ),
            (
                field("numeric", None, Some((10, 5))),
                field("numeric", None, Some((10, 2))),
                "numeric(10,5) → numeric(10,2)",
            ),
            (
                field("numeric", None, Some((10, 2))),
                field("numeric", None, Some((10, 5))),
                "numeric(10,2) → numeric(10,5)",
            ),
            (
                field("timestamp with time zone", None, None),
                field("date", None, None),
                "timestamp with time zone → date",
            ),
            (
                field("double precision", None, None),
                field("real", None, None),
                "double precision → real",
            ),
            (
                field("bigint", None, None),
                field("double precision", None, None),
                "bigint → double precision",
            ),
        ];
        for (from, to, detail) in cases {
            assert_eq!(of(&from, &to), Effect::Loses(Loss::new(LossKind::Narrowed, detail)));
        }
    }

    #[test]
    fn a_column_that_becomes_an_alias_is_lost() {
        let alias = json!({"type": "alias"});
        let lost = Effect::Loses(Loss::new(LossKind::Column, "text → alias"));
        assert_eq!(of(&field("text", None, None), &alias), lost);
        assert_eq!(of(&alias, &field("text", None, None)), Effect::Lossless);
    }

    #[test]
    fn what_directus_says_to_have_done_and_has_not_is_refused() {
        let key = |data_type| json!({"type": "any", "schema": {"data_type": data_type, "is_primary_key": true}});
        let plain = field("integer", None, None);
        for (from, to) in [
            (key("integer"), key("uuid")),
            (key("integer"), plain.clone()),
            (plain, key("integer")),
            (field("json", None, None), field("text", None, None)),
        ] {
            assert!(matches!(of(&from, &to), Effect::Unsupported(_)), "{from} → {to}");
        }
    }
}
