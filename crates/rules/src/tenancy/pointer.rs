//! A reference as Directus takes it: an id, or an item to change or to make on the way.

use serde_json::Value;

use crate::request::is_uuid;

/// Where a reference leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer<'a> {
    /// To this item; with the organization that it is given, if it comes as an object with one.
    Id { id: &'a str, organization: Option<&'a str> },
    /// To an item that comes into being.
    New { organization: Option<&'a str> },
    /// Nowhere: neither a UUID nor an item.
    Malformed,
}

impl<'a> Pointer<'a> {
    pub fn read(value: &'a Value) -> Self {
        match value {
            Value::String(id) if is_uuid(id) => Self::Id { id, organization: None },
            Value::Object(item) => {
                let organization = match item.get("organization").map(Self::read) {
                    Some(Self::Id { id, .. }) => Some(id),
                    _ => None,
                };
                match item.get("id") {
                    Some(Value::String(id)) if is_uuid(id) => Self::Id { id, organization },
                    None | Some(Value::Null) => Self::New { organization },
                    Some(_) => Self::Malformed,
                }
            }
            _ => Self::Malformed,
        }
    }

    /// Whether it leads into an organization, given whose the item is that was found there.
    pub fn leads_into(&self, organization: &str, found: Option<Option<&str>>) -> bool {
        match (found, self) {
            (Some(of), _) => of.is_some_and(|of| same(of, organization)),
            // It comes into being on the way. Should it exist after all, Directus takes this for a
            // change of it, and of what the caller can't even read it allows none.
            (None, Self::Id { organization: Some(own), .. })
            | (None, Self::New { organization: Some(own) }) => same(own, organization),
            _ => false,
        }
    }

    /// Whether it leads to where a stored reference leads.
    pub fn is(&self, stored: &Value) -> bool {
        matches!((self, stored), (Self::Id { id, .. }, Value::String(stored)) if same(id, stored))
    }
}

/// Whether two UUIDs are the same: hexadecimal digits have two cases.
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
