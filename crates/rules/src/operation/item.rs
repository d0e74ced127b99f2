//! An item of any collection, judged by the rules that Directus would ask.

use serde_json::{Value, json};

use crate::request::{Arguments, Parameter, ParameterKind, Place};
use crate::{Call, Context, Event, Kind, Outcome, Rejection, Rule, Trigger, manifest};

/// Judges an item as if it were to be created.
pub const VALIDATE: Rule = Rule {
    name: "item.validate",
    trigger: Trigger::Operation {
        label: "Biplane: validate item",
        icon: "rule",
        description: "Whether the rules would take an item as a new one of a collection, and if not, why.",
        options: &[
            Parameter {
                name: "collection",
                place: Place::Option,
                kind: ParameterKind::Text { max_length: 64 },
                required: true,
                default: None,
                description: "Of which collection.",
            },
            Parameter {
                name: "item",
                place: Place::Option,
                kind: ParameterKind::Json,
                required: true,
                default: Some("{{$trigger.payload}}"),
                description: "The item: an object, or a template that is one.",
            },
            Parameter {
                name: "if_invalid",
                place: Place::Option,
                kind: ParameterKind::Choice { of: &["reject", "continue"] },
                required: false,
                default: Some("reject"),
                description: "Whether an item that is not valid takes the failure path.",
            },
        ],
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    let arguments = match Arguments::read(call, VALIDATE.parameters()) {
        Ok(arguments) => arguments,
        Err(faults) => return Outcome::rejections(faults),
    };
    let collection = arguments.text("collection").unwrap_or_default();
    let Some(Value::Object(item)) = arguments.json("item") else {
        let message = "item: must be a JSON object";
        return Outcome::reject(Rejection::field(
            biplane_core::ErrorCode::ParameterInvalid,
            "item",
            message,
        ));
    };
    let (mut item, mut faults, mut needs) = (item.clone(), Vec::new(), Vec::new());
    for rule in manifest().rules {
        let Trigger::Filter { events, collections, fields, .. } = rule.trigger else { continue };
        if !events.contains(&Event::Create) || !collections.contains(&collection) {
            continue;
        }
        let given = item.iter().filter(|(field, _)| fields.contains(&field.as_str()));
        let outcome = crate::call(&Call {
            kind: Kind::Filter,
            name: rule.name.to_owned(),
            event: Some(Event::Create),
            payload: Value::Object(
                given.map(|(key, value)| (key.clone(), value.clone())).collect(),
            ),
            flat: None,
            ctx: Context { collection: collection.to_owned(), ..call.ctx.clone() },
        });
        faults.extend(outcome.reject);
        needs.extend(outcome.need);
        item.extend(outcome.patch.unwrap_or_default());
    }
    if !needs.is_empty() {
        return Outcome { need: needs, ..Outcome::default() };
    }
    if faults.is_empty() || arguments.text("if_invalid") == Some("continue") {
        let errors: Vec<_> = faults
            .iter()
            .map(|it| json!({ "code": it.code, "field": it.field, "message": it.message }))
            .collect();
        return Outcome::result(
            json!({ "valid": errors.is_empty(), "errors": errors, "item": item }),
        );
    }
    Outcome::rejections(faults)
}
