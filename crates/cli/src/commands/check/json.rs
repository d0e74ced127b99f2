//! JSON, JSON lines and GeoJSON, item by item.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::CheckError;
use super::input::Input;
use super::{Found, Sink};

/// An array of items, or one.
pub fn items(input: Input, sink: Sink<'_>) -> Result<(), CheckError> {
    document(input, sink, Shape::Items)
}

/// A FeatureCollection, or a Feature.
pub fn features(input: Input, sink: Sink<'_>) -> Result<(), CheckError> {
    document(input, sink, Shape::Features)
}

/// An item a line; empty lines are passed over.
pub fn lines(mut input: Input, sink: Sink<'_>) -> Result<(), CheckError> {
    let failure = input.failure();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = input.reader.read_until(b'\n', &mut line).map_err(|error| failure.of(error))?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value = serde_json::from_slice(&line).map_err(|error| {
            CheckError::at(number, error.column() as u64, without_place(&error))
        })?;
        sink(item(value))?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Items,
    Features,
}

fn document(input: Input, sink: Sink<'_>, shape: Shape) -> Result<(), CheckError> {
    let failure = input.failure();
    let mut failed = None;
    let mut reader = serde_json::Deserializer::from_reader(input.reader);
    let document = Document { shape, sink, failed: &mut failed };
    let read = reader.deserialize_any(document).and_then(|()| reader.end());
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) if error.is_io() => Err(failure.of(error.into())),
        (None, Err(error)) => {
            let what = without_place(&error);
            Err(CheckError::at(error.line() as u64, error.column() as u64, what))
        }
        (None, Ok(())) => Ok(()),
    }
}

/// serde_json ends its sentences with the place, which we say first.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// The whole file; arrays of items are never held as a whole.
struct Document<'a, 'b> {
    shape: Shape,
    sink: Sink<'a>,
    failed: &'b mut Option<CheckError>,
}

impl Document<'_, '_> {
    fn give<E: Error>(&mut self, found: Found) -> Result<(), E> {
        (self.sink)(found).map_err(|error| {
            *self.failed = Some(error);
            E::custom("stopped")
        })
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.shape {
            Shape::Items => "an array of items or one item",
            Shape::Features => "a FeatureCollection or a Feature",
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        if self.shape == Shape::Features {
            return Err(A::Error::custom("an array is neither a FeatureCollection nor a Feature"));
        }
        while let Some(value) = items.next_element()? {
            self.give(item(value))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut rest = Map::new();
        let mut features = false;
        while let Some(name) = members.next_key::<String>()? {
            if self.shape == Shape::Features && name == "features" {
                features = true;
                members.next_value_seed(Features(&mut self))?;
            } else {
                rest.insert(name, members.next_value()?);
            }
        }
        let type_name = rest.get("type").and_then(Value::as_str);
        match (self.shape, type_name) {
            (Shape::Items, Some("FeatureCollection")) if rest.contains_key("features") => {
                Err(A::Error::custom("this is GeoJSON: add --format geojson"))
            }
            (Shape::Items, _) => self.give(Ok(rest)),
            (Shape::Features, Some("FeatureCollection")) if features => Ok(()),
            (Shape::Features, Some("FeatureCollection")) => {
                Err(A::Error::custom("the FeatureCollection has no `features`"))
            }
            (Shape::Features, Some("Feature")) if !features => {
                self.give(feature(Value::Object(rest)))
            }
            (Shape::Features, Some(other)) => Err(A::Error::custom(format!(
                "`{}` is neither a FeatureCollection nor a Feature",
                other.chars().take(40).collect::<String>()
            ))),
            (Shape::Features, None) => Err(A::Error::custom(
                "an object without a `type` is neither a FeatureCollection nor a Feature",
            )),
        }
    }
}

/// The array `features`.
struct Features<'a, 'b, 'c>(&'c mut Document<'a, 'b>);

impl<'de> DeserializeSeed<'de> for Features<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut features: A) -> Result<(), A::Error> {
        while let Some(value) = features.next_element()? {
            self.0.give(feature(value))?;
        }
        Ok(())
    }
}

fn item(value: Value) -> Found {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("an item is an object of fields, this is {}", kind(&other))),
    }
}

/// An item of a feature: its properties, its geometry, and its `id` where it has no other.
fn feature(value: Value) -> Found {
    let Value::Object(mut feature) = value else {
        return Err(format!("a feature is an object, this is {}", kind(&value)));
    };
    if feature.get("type").and_then(Value::as_str) != Some("Feature") {
        return Err("type: what stands in a FeatureCollection is of type `Feature`".to_owned());
    }
    let mut fields = match feature.remove("properties") {
        Some(Value::Object(fields)) => fields,
        None | Some(Value::Null) => Map::new(),
        Some(other) => {
            return Err(format!("properties: are an object of fields, not {}", kind(&other)));
        }
    };
    if let Some(geometry) = feature.remove("geometry") {
        fields.insert("geometry".to_owned(), geometry);
    }
    if let Some(id) = feature.remove("id") {
        fields.entry("id").or_insert(id);
    }
    Ok(fields)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
