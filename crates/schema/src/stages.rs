//! The snapshots through which Directus has to be led to the merged one.

use serde_json::Value;

use crate::snapshot::Snapshot;

impl Snapshot {
    /// What to apply one after the other to come from `running` to this schema; the last is itself.
    ///
    /// Directus 11 tells from the *first* difference of a collection whether it comes, goes or
    /// changes. When that is a key inside a JSON value which comes or goes (a translation that
    /// gets a plural), it drops the table, or makes it a second time. So such a value is emptied
    /// first and filled then.
    pub fn stages(&self, running: &Self) -> Vec<Self> {
        let mut first = self.clone();
        let mut staged = false;
        for (name, collection) in &mut first.collections {
            let Some(before) = running.collections.get(name) else { continue };
            let before = before.body.get("meta").and_then(Value::as_object);
            let after = collection.body.get_mut("meta").and_then(Value::as_object_mut);
            let (Some(before), Some(after)) = (before, after) else { continue };
            for (key, value) in after {
                if before.get(key).is_some_and(|before| keys_come_or_go(before, value)) {
                    *value = Value::Null;
                    staged = true;
                }
            }
        }
        if staged { vec![first, self.clone()] } else { vec![self.clone()] }
    }
}

fn keys_come_or_go(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() != after.len()
                || before.iter().any(|(key, value)| {
                    after.get(key).is_none_or(|after| keys_come_or_go(value, after))
                })
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).any(|(before, after)| keys_come_or_go(before, after))
        }
        _ => false,
    }
}
