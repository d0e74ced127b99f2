//! Items as a write would leave them.

use serde_json::Value;

use crate::{Call, Event, Outcome};

/// An item as a write would leave it: the new values, and the stored ones of what stays.
#[derive(Clone, Copy)]
pub struct After<'a> {
    payload: &'a Value,
    stored: Option<&'a Value>,
}

impl<'a> After<'a> {
    /// A field's value; `None` where it is empty or not known.
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        self.payload.get(name).or_else(|| self.stored?.get(name)).filter(|value| !value.is_null())
    }

    /// A field's text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.field(name).and_then(Value::as_str)
    }
}

/// Every item that the write concerns. A change of a part of `fields` is judged together with what the
/// items hold, which is asked for first; a change of none of them concerns no item.
///
/// An answer lacking items means that the caller can't see them all.
pub fn after<'a>(
    call: &'a Call,
    fields: &'static [&'static str],
) -> Result<Vec<After<'a>>, Box<Outcome>> {
    let payload = &call.payload;
    let given = fields.iter().filter(|field| payload.get(field).is_some()).count();
    if call.event != Some(Event::Update) || given == fields.len() {
        return Ok(vec![After { payload, stored: None }]);
    }
    if given == 0 {
        return Ok(Vec::new());
    }
    match call.ctx.items() {
        Ok(Some(items)) => {
            Ok(items.iter().map(|item| After { payload, stored: Some(item) }).collect())
        }
        Ok(None) => Err(Box::new(Outcome::need(call.ctx.ask_items(fields)))),
        Err(rejection) => Err(Box::new(Outcome::reject(rejection))),
    }
}
