//! Tenancy: who writes into an organization is a member with a role that allows it, and what an
//! item points to is of the item's own organization.
//!
//! Directus's own item rules say who may change what exists. They can't say in which organization
//! somebody may *create*, nor where an item's references lead: a create rule sees the payload only.

mod guarded;
mod pointer;

use biplane_core::ErrorCode;
use serde_json::{Value, json};

use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};
use guarded::{GUARDED, Guarded, Reference};
use pointer::{Pointer, same};

/// Of each membership of the caller.
const MEMBERSHIP: &[&str] = &["organization", "role"];

/// Writes need a membership that allows them, and references stay within an organization.
pub const MEMBER: Rule = Rule {
    name: "tenancy.member",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: guarded::COLLECTIONS,
        fields: guarded::FIELDS,
        flat: None,
    },
};

/// See [`MEMBER`].
///
/// Directus itself passes, and so does who is not logged in: what the public may do is for
/// Directus's permissions to say. Administrators need no membership, but their references have to
/// stay within an organization too.
pub fn member(call: &Call) -> Outcome {
    match (&call.ctx.user, GUARDED.iter().find(|it| it.collection == call.ctx.collection)) {
        (Some(user), Some(guarded)) => {
            Question { call, guarded, user }.decide().unwrap_or_else(Outcome::reject)
        }
        _ => Outcome::default(),
    }
}

/// A write, and who makes it.
struct Question<'a> {
    call: &'a Call,
    guarded: &'static Guarded,
    user: &'a str,
}

impl Question<'_> {
    fn decide(&self) -> Result<Outcome, Rejection> {
        let (updates, admin) = (self.call.event == Some(Event::Update), self.call.ctx.admin);
        // Another collection's fields cross too: a checkpoint has a `role`.
        let touched = self.guarded.fields().find(|field| self.call.payload.get(field).is_some());
        if updates && touched.is_none() {
            return Ok(Outcome::default());
        }
        let organization = match self.given("organization").map(Pointer::read) {
            Some(Pointer::Id { id, .. }) => Some(id),
            // It comes into being with this item at the earliest: nobody is a member of it.
            Some(_) if !admin => return Err(self.forbidden("organization")),
            _ if updates => None,
            _ if admin => return Ok(Outcome::default()),
            _ => return Err(required()),
        };
        let references = self.references()?;
        let needs = self.needs(updates, &references);
        if !needs.is_empty() {
            return Ok(Outcome::needs(needs));
        }
        let items = if updates { self.items()? } else { &[] };
        let before = items.iter().filter_map(organization_of);
        if !admin {
            let memberships = self.answer("memberships")?;
            if !before.clone().chain(organization).all(|it| self.allows(memberships, it)) {
                return Err(self.forbidden(touched.filter(|_| updates).unwrap_or("organization")));
            }
        }
        for (reference, pointer) in &references {
            // What stays as it is was judged when it came: a tracker may have changed hands since.
            let stays = |item| pointer.is(field_of(item, reference.field));
            if organization.is_none() && items.iter().all(stays) {
                continue;
            }
            let mut after =
                organization.into_iter().chain(before.clone().filter(|_| organization.is_none()));
            let led_to = match pointer {
                Pointer::Id { .. } => self.answer(reference.field)?.first(),
                Pointer::New { .. } | Pointer::Malformed => None,
            };
            if !after.all(|it| pointer.leads_into(it, led_to.map(organization_of))) {
                return Err(self.stray(reference.field));
            }
        }
        Ok(Outcome::default())
    }

    /// A field of the payload, unless it is left out or emptied.
    fn given(&self, field: &str) -> Option<&Value> {
        self.call.payload.get(field).filter(|value| !value.is_null())
    }

    fn references(&self) -> Result<Vec<(&'static Reference, Pointer<'_>)>, Rejection> {
        let given =
            self.guarded.references.iter().filter_map(|it| Some((it, self.given(it.field)?)));
        given
            .map(|(reference, value)| match Pointer::read(value) {
                Pointer::Malformed => Err(self.stray(reference.field)),
                pointer => Ok((reference, pointer)),
            })
            .collect()
    }

    /// What has to be read and was not: all of it at once.
    fn needs(&self, updates: bool, references: &[(&'static Reference, Pointer<'_>)]) -> Vec<Need> {
        let missing = |name: &str| !self.call.ctx.results.contains_key(name);
        let mut needs = Vec::new();
        if updates && missing("items") {
            needs.push(self.call.ctx.ask_items(self.guarded.read));
        }
        if !self.call.ctx.admin && missing("memberships") {
            needs.push(
                Need::find(
                    "memberships",
                    "organization_members",
                    json!({ "user": { "_eq": self.user } }),
                    MEMBERSHIP,
                    None,
                )
                .kept(),
            );
        }
        for (reference, pointer) in references {
            if let Pointer::Id { id, .. } = pointer
                && missing(reference.field)
            {
                needs.push(
                    Need::read(
                        reference.field,
                        reference.collection,
                        vec![json!(id)],
                        &["organization"],
                    )
                    .kept(),
                );
            }
        }
        needs
    }

    fn answer(&self, name: &str) -> Result<&[Value], Rejection> {
        let missing = || Rejection::contract(format!("the answer `{name}` is missing"));
        self.call.ctx.answer(name)?.ok_or_else(missing)
    }

    fn items(&self) -> Result<&[Value], Rejection> {
        let missing = || Rejection::contract("the answer `items` is missing");
        self.call.ctx.items()?.ok_or_else(missing)
    }

    /// Whether one of the caller's memberships in an organization allows the write.
    fn allows(&self, memberships: &[Value], organization: &str) -> bool {
        let managers_only = match self.call.event {
            Some(Event::Update) => self
                .guarded
                .managers_change
                .iter()
                .any(|field| self.call.payload.get(field).is_some()),
            _ => self.guarded.managers_create,
        };
        memberships.iter().any(|membership| {
            organization_of(membership).is_some_and(|it| same(it, organization))
                && match field_of(membership, "role").as_str() {
                    Some("manager") => true,
                    Some("operator") => !managers_only,
                    _ => false,
                }
        })
    }

    fn forbidden(&self, field: &'static str) -> Rejection {
        let collection = self.guarded.collection;
        let value = shown(self.call.payload.get(field));
        let message = match self.call.event {
            Some(Event::Update) => {
                format!(
                    "{field}: your role in the item's organization does not let you set it to {value}"
                )
            }
            _ => format!("{field}: in {value} you may not create items of `{collection}`"),
        };
        Rejection::field(ErrorCode::TenancyRole, field, message)
    }

    /// The same sentence whether it does not exist, can't be seen, or is of another organization.
    fn stray(&self, field: &'static str) -> Rejection {
        let value = shown(self.call.payload.get(field));
        let message = format!("{field}: {value} is not in the item's organization");
        Rejection::field(ErrorCode::TenancyReference, field, message)
    }
}

fn required() -> Rejection {
    Rejection::field(ErrorCode::TenancyReference, "organization", "organization: is required")
}

fn field_of<'a>(item: &'a Value, field: &str) -> &'a Value {
    item.get(field).unwrap_or(&Value::Null)
}

fn organization_of(item: &Value) -> Option<&str> {
    field_of(item, "organization").as_str()
}

/// What an item is or points to, as a sentence shows it.
fn shown(value: Option<&Value>) -> String {
    let id = match value {
        Some(Value::Object(item)) => item.get("id"),
        value => value,
    };
    match id {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(id) => biplane_core::shown::shown(id),
    }
}

#[cfg(test)]
mod tests;
