//! The committed form: the same schema is always the same text.
//!
//! Written by hand, since Directus reads it with `js-yaml`: that takes an unquoted 2024-01-01 for
//! a date and 1_000 for a number, and our parser's own writer quotes neither.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::keys::{self, ENTRY, Key};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// YAML with entries in order of their names and keys in the order in which Directus writes
    /// them, so that a diff shows what changed and nothing else.
    pub fn to_yaml(&self) -> String {
        let Value::Object(document) = self.to_value() else { return String::new() };
        let mut out = String::new();
        let sections =
            ["version", "directus", "vendor", "collections", "fields", "systemFields", "relations"];
        let known = sections.iter().filter_map(|key| Some((*key, document.get(*key)?)));
        let other = document.iter().filter(|(key, _)| !sections.contains(&key.as_str()));
        for (key, value) in known.chain(other.map(|(key, value)| (key.as_str(), value))) {
            write_entry(&mut out, 0, key, value, &|value| match key {
                "fields" => ordered(value, keys::FIELD_SCHEMA),
                "relations" => ordered(value, keys::RELATION_SCHEMA),
                _ => ordered(value, &[]),
            });
        }
        out
    }
}

/// The keys of an object in the order in which they are written.
fn ordered<'a>(object: &'a Map<String, Value>, schema: &[Key]) -> Vec<(&'a str, &'a Value)> {
    let mut entries: Vec<_> = object.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let is_entry = object.contains_key("collection")
        && (object.contains_key("meta") || object.contains_key("schema"));
    let is_column = object.contains_key("data_type") || object.contains_key("constraint_name");
    entries.sort_by_key(|(key, _)| {
        let rank = if is_entry {
            ENTRY.iter().position(|known| known == key)
        } else if is_column {
            schema.iter().position(|(known, _)| known == key)
        } else {
            None
        };
        (rank.unwrap_or(usize::MAX), *key)
    });
    entries
}

type Order<'a> = &'a dyn for<'v> Fn(&'v Map<String, Value>) -> Vec<(&'v str, &'v Value)>;

fn write_entry(out: &mut String, indent: usize, key: &str, value: &Value, order: Order<'_>) {
    let _ = write!(out, "{:indent$}{}:", "", scalar(&Value::from(key)));
    write_value(out, indent, value, order);
}

/// After a colon.
fn write_value(out: &mut String, indent: usize, value: &Value, order: Order<'_>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            for (key, value) in order(map) {
                write_entry(out, indent + 2, key, value, order);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                write_item(out, indent + 2, item, order);
            }
        }
        value => {
            let _ = writeln!(out, " {}", scalar(value));
        }
    }
}

fn write_item(out: &mut String, indent: usize, item: &Value, order: Order<'_>) {
    match item {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in order(map).into_iter().enumerate() {
                let _ = write!(
                    out,
                    "{:indent$}{} {}:",
                    "",
                    if index == 0 { '-' } else { ' ' },
                    scalar(&Value::from(key))
                );
                write_value(out, indent + 2, value, order);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let _ = write!(out, "{:indent$}-", "");
            write_value(out, indent, &Value::Array(items.clone()), order);
        }
        value => {
            let _ = writeln!(out, "{:indent$}- {}", "", scalar(value));
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text)
            if text.chars().any(|c| {
                c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
            }) =>
        {
            // JSON's escapes are YAML's too.
            let mut quoted = String::new();
            for c in Value::from(text.as_str()).to_string().chars() {
                match c {
                    '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                        let _ = write!(quoted, "\\u{:04x}", u32::from(c));
                    }
                    c => quoted.push(c),
                }
            }
            quoted
        }
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}

/// Whether every YAML reader takes it for this very text.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let is_version = {
        let mut parts = text.split('.');
        parts.clone().count() == 3
            && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    (first.is_alphabetic() || matches!(first, '_' | '/' | '$') || is_version)
        && text.chars().all(|c| {
            c.is_alphanumeric()
                || matches!(c, '_' | '-' | '.' | '/' | ' ' | '$' | '(' | ')' | ',' | ';' | '+')
        })
        && !text.ends_with(' ')
        && !words.contains(&text.to_ascii_lowercase().as_str())
}
