//! An item of any collection, judged by the rules that Directus would ask.

use biplane_core::ErrorCode;
use serde_json::{Map, Value, json};

use crate::request::{Parameter, ParameterKind, Place, answered};
use crate::{Call, Context, Judged, Outcome, Rejection, Rule, Trigger, judge};

/// Judges an item as if it were to be created.
pub const VALIDATE: Rule = Rule {
    name: "item.validate",
    trigger: Trigger::Operation {
        label: "Biplane: validate item",
        icon: "rule",
        description: "Whether the rules would take an item as a new one of a collection, and if not, why.",
        options: &[
            Parameter::new(
                "collection",
                Place::Option,
                ParameterKind::Text { max_length: 64 },
                "Of which collection.",
            )
            .required(),
            Parameter::new(
                "item",
                Place::Option,
                ParameterKind::Json,
                "The item: an object, or a template that is one.",
            )
            .required()
            .or("{{$trigger.payload}}"),
            Parameter::new(
                "if_invalid",
                Place::Option,
                ParameterKind::Choice { of: &["reject", "continue"] },
                "Whether an item that is not valid takes the failure path.",
            )
            .or("reject"),
        ],
        together: false,
    },
};

/// See [`VALIDATE`].
pub fn validate(call: &Call) -> Outcome {
    answered(call, &VALIDATE, |arguments| {
        let collection = arguments.text("collection").unwrap_or_default().to_owned();
        let Some(Value::Object(item)) = arguments.json("item") else {
            let message = "item: must be a JSON object";
            return Err(Rejection::field(ErrorCode::ParameterInvalid, "item", message).into());
        };
        let ctx = Context { collection, ..call.ctx.clone() };
        let Judged { item, reject, need } = judge(&ctx, item.clone(), &Map::new());
        if !need.is_empty() {
            return Ok(Outcome::needs(need));
        }
        if !reject.is_empty() && arguments.text("if_invalid") != Some("continue") {
            return Err(reject);
        }
        let told =
            |it: &Rejection| json!({ "code": it.code, "field": it.field, "message": it.message });
        let errors: Vec<_> = reject.iter().map(told).collect();
        Ok(Outcome::result(json!({ "valid": errors.is_empty(), "errors": errors, "item": item })))
    })
}
