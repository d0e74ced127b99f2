//! Whether two values are the same to Directus, which may give back another one than it was given.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::{Collection, Item};

/// Whether two rows of `config/` say the same.
pub fn same_items(collection: &Collection, left: &Item, right: &Item) -> bool {
    left.len() == right.len()
        && left.iter().all(|(key, value)| {
            right.get(key).is_some_and(|other| same(collection, key, value, other))
        })
}

/// Whether a column holds the same, whichever way Directus or the file writes it.
pub(super) fn same(collection: &Collection, field: &str, left: &Value, right: &Value) -> bool {
    if collection.lists.contains(&field) {
        return deep(&list(left), &list(right));
    }
    match (left, right) {
        // A boolean column takes both.
        (Value::Bool(flag), Value::Number(number)) | (Value::Number(number), Value::Bool(flag)) => {
            number.as_f64() == Some(f64::from(u8::from(*flag)))
        }
        _ => deep(&parsed(left), &parsed(right)),
    }
}

/// A list in a text column: an array to the API, a text with commas to whoever likes it so.
fn list(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Null => Cow::Owned(Value::Array(Vec::new())),
        Value::String(text) => Cow::Owned(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Value::from)
                .collect(),
        ),
        other => Cow::Borrowed(other),
    }
}

/// A JSON column also takes JSON as text, and gives back what it says.
fn parsed(value: &Value) -> Cow<'_, Value> {
    if let Value::String(text) = value
        && text.starts_with(['{', '['])
        && let Ok(inner) = serde_json::from_str::<Value>(text)
    {
        return Cow::Owned(inner);
    }
    Cow::Borrowed(value)
}

fn deep(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| deep(left, right))
        }
        (Value::Object(left), Value::Object(right)) => same_objects(left, right),
        _ => left == right,
    }
}

fn same_objects(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    left.len() == right.len()
        && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| deep(value, other)))
}

/// JavaScript knows one kind of number: 10 and 10.0 are the same.
fn same_number(left: &Number, right: &Number) -> bool {
    left == right
        || (left.is_f64() || right.is_f64())
            && left.as_f64().is_some()
            && left.as_f64() == right.as_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::items::collection;

    fn same_in(name: &str, field: &str, left: &Value, right: &Value) -> bool {
        let collection = collection(name).expect("a known collection");
        same(collection, field, left, right) && same(collection, field, right, left)
    }

    #[test]
    fn a_list_is_the_same_as_its_text_and_none_as_an_empty_one() {
        let fields = |left, right| same_in("directus_permissions", "fields", &left, &right);
        assert!(fields(json!(["id", "name"]), json!("id,name")));
        assert!(fields(json!([]), json!(null)));
        assert!(!fields(json!(["id", "name"]), json!(["name", "id"])));
        assert!(!same_in("directus_panels", "note", &json!(null), &json!("")));
    }

    #[test]
    fn json_is_the_same_as_its_text_and_a_number_as_its_decimal() {
        let options = |left, right| same_in("directus_panels", "options", &left, &right);
        assert!(options(json!({"a": [1]}), json!("{\"a\": [1.0]}")));
        assert!(!options(json!({"a": 1}), json!({"a": 1, "b": null})));
        assert!(!options(json!("{a"), json!({})));
        assert!(!options(json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)));
    }

    #[test]
    fn a_boolean_is_the_same_as_0_and_1_but_not_inside_json() {
        assert!(same_in("directus_panels", "show_header", &json!(true), &json!(1)));
        assert!(!same_in("directus_panels", "show_header", &json!(false), &json!(1)));
        assert!(!same_in("directus_panels", "options", &json!({"a": true}), &json!({"a": 1})));
    }
}
