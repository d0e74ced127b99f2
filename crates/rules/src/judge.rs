//! A new item, judged by all the rules that Directus would ask about it.

use biplane_core::ErrorCode;
use serde_json::{Map, Value};

use crate::{
    Call, Context, Entry, Event, Kind, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, Need, RULES,
    Rejection, Trigger, fits,
};

/// What the rules say of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// As they leave it.
    pub item: Map<String, Value>,
    /// All that is wrong: Directus itself stops at the first rule that rejects.
    pub reject: Vec<Rejection>,
    /// What some of them have to know before they decide.
    pub need: Vec<Need>,
}

/// Whether any rule judges new items of a collection.
pub fn has_rules(collection: &str) -> bool {
    rules(collection).next().is_some()
}

/// Judges a new item of `ctx.collection`; `preset` is what the database puts into fields that the item
/// does not have.
pub fn judge(ctx: &Context, item: Map<String, Value>, preset: &Map<String, Value>) -> Judged {
    let mut judged = Judged { item, ..Judged::default() };
    for (entry, fields) in rules(&ctx.collection) {
        let value = |field: &str| judged.item.get(field).or_else(|| preset.get(field)).cloned();
        let given = fields.iter().filter_map(|field| Some(((*field).to_owned(), value(field)?)));
        let payload = Value::Object(given.collect());
        if !fits(&payload) {
            judged.reject.push(too_large());
            continue;
        }
        let outcome = (entry.run)(&Call {
            kind: Kind::Filter,
            name: entry.rule.name.to_owned(),
            event: Some(Event::Create),
            payload,
            flat: None,
            ctx: ctx.clone(),
        });
        judged.reject.extend(outcome.reject);
        judged.need.extend(outcome.need);
        judged.item.extend(outcome.patch.unwrap_or_default());
    }
    judged
}

/// Each with the fields that it looks at.
fn rules(
    collection: &str,
) -> impl Iterator<Item = (&'static Entry, &'static [&'static str])> + use<'_> {
    RULES.iter().filter_map(move |entry| match entry.rule.trigger {
        Trigger::Filter { events, collections, fields, .. }
            if events.contains(&Event::Create) && collections.contains(&collection) =>
        {
            Some((entry, fields))
        }
        _ => None,
    })
}

fn too_large() -> Rejection {
    let message = format!(
        "The payload is larger than {} KiB or nested deeper than {MAX_PAYLOAD_DEPTH} levels.",
        MAX_PAYLOAD_BYTES / 1024
    );
    Rejection::new(ErrorCode::PayloadTooLarge, message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const ID: &str = "0aaaaaaa-0000-4000-8000-00000000000a";

    /// An item with something in every field that a rule looks at.
    fn item(collection: &str) -> Map<String, Value> {
        let fields = rules(collection).flat_map(|(_, fields)| fields);
        fields
            .map(|&field| {
                let value = match field {
                    "starts_at" => json!("2026-05-01T09:00:00Z"),
                    "ends_at" => json!("2026-05-01T10:00:00Z"),
                    "status" => json!("running"),
                    "action" => json!("add"),
                    _ => json!(ID),
                };
                (field.to_owned(), value)
            })
            .collect()
    }

    #[test]
    fn rules_of_a_collection_give_a_question_of_one_name_one_meaning() {
        let mut several = 0;
        let user = Some(ID.to_owned());
        let collections = RULES.iter().filter_map(|entry| match entry.rule.trigger {
            Trigger::Filter { collections, .. } => Some(collections),
            _ => None,
        });
        for collection in collections.flatten() {
            let ctx = Context {
                collection: (*collection).to_owned(),
                user: user.clone(),
                ..Context::default()
            };
            let need = judge(&ctx, item(collection), &Map::new()).need;
            several += usize::from(need.len() > 1);
            let mut names = BTreeMap::new();
            for need in need {
                let name = need.name();
                if let Some(other) = names.insert(name, need.clone()) {
                    assert_eq!(other, need, "two rules of `{collection}` ask for `{name}`");
                }
            }
        }
        assert!(several > 0, "no collection whose rules ask at all");
    }

    #[test]
    fn what_the_database_puts_in_is_judged_too() {
        let ctx = Context { collection: "devices".to_owned(), admin: true, ..Context::default() };
        let device = json!({ "imei": "356307042441013", "protocol": "teltonika" });
        let Value::Object(device) = device else { unreachable!() };
        let preset = |model: &str| [("model".to_owned(), json!(model))].into_iter().collect();
        let codes = |judged: Judged| judged.reject.iter().map(|it| it.code).collect::<Vec<_>>();
        assert_eq!(codes(judge(&ctx, device.clone(), &preset("FMB920"))), []);
        assert_eq!(codes(judge(&ctx, device, &preset("FMB92"))), [ErrorCode::DeviceModel]);
    }

    #[test]
    fn what_is_too_large_reaches_no_rule() {
        let ctx = Context { collection: "devices".to_owned(), ..Context::default() };
        let imei = "9".repeat(MAX_PAYLOAD_BYTES);
        let item = [("imei".to_owned(), json!(imei))].into_iter().collect();
        let judged = judge(&ctx, item, &Map::new());
        assert!(judged.reject.iter().any(|it| it.code == ErrorCode::PayloadTooLarge));
        assert!(judged.reject.iter().all(|it| it.code != ErrorCode::DeviceImei));
    }
}
