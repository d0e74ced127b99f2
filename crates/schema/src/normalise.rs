//! One form for each snapshot, whatever the order of its entries and keys, and a hash of it.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::LineageError;
use crate::snapshot::{FieldKey, Snapshot};

/// SHA-256 of a snapshot's normalised JSON; written in 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotHash(pub [u8; 32]);

impl fmt::Display for SnapshotHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for SnapshotHash {
    type Err = LineageError;

    fn from_str(text: &str) -> Result<Self, LineageError> {
        let error = || LineageError::Line { line: 1, found: text.to_owned() };
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(error());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            });
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(error)?;
        }
        Ok(Self(bytes))
    }
}

impl Snapshot {
    /// The whole snapshot again, as Directus reads it, its entries in order of their names.
    pub fn to_value(&self) -> Value {
        let mut document = self.rest.clone();
        document.insert("version".into(), 1.into());
        document.insert("directus".into(), self.directus.clone().into());
        if let Some(vendor) = &self.vendor {
            document.insert("vendor".into(), vendor.clone().into());
        }
        let collections = self.collections.iter().map(|(name, collection)| {
            let mut body = collection.body.clone();
            body.insert("collection".into(), name.clone().into());
            Value::Object(body)
        });
        document.insert("collections".into(), collections.collect());
        let fields = self.fields.iter().map(|(key, field)| named(key, &field.body));
        document.insert("fields".into(), fields.collect());
        if let Some(fields) = &self.system_fields {
            let fields = fields.iter().map(|(key, field)| named(key, &field.body));
            document.insert("systemFields".into(), fields.collect());
        }
        let relations = self.relations.iter().map(|(key, relation)| named(key, &relation.body));
        document.insert("relations".into(), relations.collect());
        Value::Object(document)
    }

    /// Normalised JSON: entries in order of their names, keys sorted, no white space. The order of
    /// any other list means something and stays.
    pub fn to_normalised_json(&self) -> String {
        let mut out = String::new();
        write_sorted(&self.to_value(), &mut out);
        out
    }

    /// The name of exactly this schema.
    pub fn hash(&self) -> SnapshotHash {
        SnapshotHash(Sha256::digest(self.to_normalised_json()).into())
    }
}

fn named(key: &FieldKey, body: &Map<String, Value>) -> Value {
    let mut body = body.clone();
    body.insert("collection".into(), key.collection.clone().into());
    body.insert("field".into(), key.field.clone().into());
    Value::Object(body)
}

/// Sorts by itself: the order of `serde_json::Map` depends on a feature that any crate may turn on.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            write_joined(out, ['{', '}'], entries, |(key, value), out| {
                write_scalar(&Value::from(key.as_str()), out);
                out.push(':');
                write_sorted(value, out);
            });
        }
        Value::Array(items) => write_joined(out, ['[', ']'], items, write_sorted),
        scalar => write_scalar(scalar, out),
    }
}

fn write_joined<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn write_scalar(value: &Value, out: &mut String) {
    write!(out, "{value}").expect("writing to a String does not fail");
}
