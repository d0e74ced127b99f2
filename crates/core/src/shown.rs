//! Values as sentences for people show them: short, whatever a client sent.

use serde_json::Value;

/// Any JSON value.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            // The same in Rust and in JavaScript, where 1 and 1.0 are one number.
            Some(number) if number.abs() < 1e15 => format!("{number}"),
            _ => number.to_string(),
        },
        Value::String(text) => format!("`{}`", short(text)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".into(),
    }
}

/// The first 40 characters of a text.
pub fn short(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A time span as h:mm:ss.mmm, before zero with a minus.
pub fn duration(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{sign}{}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
