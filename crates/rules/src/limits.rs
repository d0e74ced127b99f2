//! How much a rule may be given: filters run before permission checks, so anyone may send anything.

use serde_json::Value;

/// Largest payload that crosses, in bytes as [`fits`] counts them.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Largest answer to a need, counted as payloads are: a rule says how many items it takes.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How deep arrays and objects may be in one another.
pub const MAX_PAYLOAD_DEPTH: usize = 64;

/// Whether a value is within the limits: 8 bytes a value, and what texts and keys have in UTF-16.
/// The host counts in the same way before anything crosses.
pub fn fits(value: &Value) -> bool {
    count(value, MAX_PAYLOAD_DEPTH, &mut 0)
}

fn count(value: &Value, depth: usize, bytes: &mut usize) -> bool {
    let length = |text: &str| text.encode_utf16().count();
    *bytes += 8;
    match value {
        Value::String(text) => *bytes += length(text),
        Value::Array(_) | Value::Object(_) if depth == 0 => return false,
        Value::Array(items) => return items.iter().all(|item| count(item, depth - 1, bytes)),
        Value::Object(members) => {
            return members.iter().all(|(key, member)| {
                *bytes += length(key);
                count(member, depth - 1, bytes)
            });
        }
        _ => {}
    }
    *bytes <= MAX_PAYLOAD_BYTES
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_at_the_limit_fits_and_a_byte_more_does_not() {
        let text = "x".repeat(MAX_PAYLOAD_BYTES - 8);
        assert!(fits(&json!(text)));
        assert!(!fits(&json!(text + "x")));
    }

    #[test]
    fn nesting_at_the_limit_fits_and_one_deeper_does_not() {
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| json!([inner]));
        assert!(fits(&nested(MAX_PAYLOAD_DEPTH)));
        assert!(!fits(&nested(MAX_PAYLOAD_DEPTH + 1)));
    }

    #[test]
    fn a_text_counts_as_javascript_counts_it() {
        assert!(fits(&json!("é".repeat(MAX_PAYLOAD_BYTES - 8))));
        assert!(!fits(&json!("🏁".repeat(MAX_PAYLOAD_BYTES / 2))));
    }
}
