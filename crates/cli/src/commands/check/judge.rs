//! Items as the rules judge them, with what the collection itself asks for.

use std::collections::BTreeSet;

use biplane_core::ErrorCode;
use biplane_rules::{Context, Judged, Need, Rejection, has_rules, judge};
use biplane_schema::{FieldKey, Snapshot};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Found;
use super::error::CheckError;

/// What fills a field by itself, so that it need not be given.
const GENERATED: [&str; 4] = ["uuid", "date-created", "role-created", "user-created"];

/// The rules of one collection.
pub struct Judge {
    collection: String,
    now_ms: f64,
    defaults: Map<String, Value>,
    known: BTreeSet<String>,
    /// What Directus misses in a new item; nothing where only the rules count.
    required: Vec<String>,
    complete: bool,
    /// What rules would have had to read.
    unread: BTreeSet<&'static str>,
    /// What items have and the collection has not.
    unknown: BTreeSet<String>,
}

/// What is said of an item.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Its own, else its number in the file, from 1.
    pub id: Value,
    /// Whether it would be taken.
    pub valid: bool,
    /// Why not.
    pub errors: Vec<Fault>,
    /// For people, who know it by that.
    #[serde(skip)]
    pub name: Option<String>,
}

/// One reason against an item.
#[derive(Debug, Serialize)]
pub struct Fault {
    /// Stable.
    pub code: ErrorCode,
    /// At fault.
    pub field: Option<String>,
    /// A sentence.
    pub message: String,
}

impl Judge {
    /// The rules that a create in the collection meets.
    pub fn new(
        collection: &str,
        snapshot: &Snapshot,
        complete: bool,
        now_ms: f64,
    ) -> Result<Self, CheckError> {
        if !snapshot.collections.get(collection).is_some_and(|it| it.has_table()) {
            let tables = snapshot.collections.iter().filter(|(_, it)| it.has_table());
            let known: Vec<&str> = tables.map(|(name, _)| name.as_str()).collect();
            let (collection, known) = (collection.to_owned(), known.join(", "));
            return Err(CheckError::Collection { collection, known });
        }
        let mut judge = Self {
            collection: collection.to_owned(),
            now_ms,
            defaults: Map::new(),
            known: BTreeSet::new(),
            required: Vec::new(),
            complete,
            unread: BTreeSet::new(),
            unknown: BTreeSet::new(),
        };
        for (FieldKey { collection: of, field }, body) in &snapshot.fields {
            if of == collection {
                judge.learn(field, &body.body);
            }
        }
        Ok(judge)
    }

    fn learn(&mut self, field: &str, body: &Map<String, Value>) {
        self.known.insert(field.to_owned());
        let of = |part: &str, key: &str| body.get(part).and_then(|it| it.get(key)).cloned();
        let preset = of("schema", "default_value").filter(|value| !value.is_null());
        let nullable = of("schema", "is_nullable") != Some(Value::Bool(false))
            || of("schema", "is_generated") == Some(Value::Bool(true));
        let special = of("meta", "special").unwrap_or_default();
        let fills_itself = special.as_array().is_some_and(|special| {
            special.iter().filter_map(Value::as_str).any(|it| GENERATED.contains(&it))
        });
        if !nullable && !fills_itself && preset.is_none() {
            self.required.push(field.to_owned());
        }
        if let Some(preset) = preset {
            self.defaults.insert(field.to_owned(), preset);
        }
    }

    /// Judges an item, the `number`th of its file.
    pub fn item(&mut self, number: u64, found: &Found) -> Verdict {
        let (id, name, errors) = match found {
            Err(why) => {
                let (code, message) = (ErrorCode::InvalidPayload, why.clone());
                (None, None, vec![Fault { code, field: None, message }])
            }
            Ok(item) => {
                self.unknown.extend(item.keys().filter(|it| !self.known.contains(*it)).cloned());
                let text =
                    |field: &str| item.get(field).filter(|it| it.is_string() || it.is_number());
                let name = text("name").and_then(Value::as_str).map(str::to_owned);
                (text("id").cloned(), name, self.faults(item))
            }
        };
        Verdict { id: id.unwrap_or(number.into()), valid: errors.is_empty(), errors, name }
    }

    fn faults(&mut self, item: &Map<String, Value>) -> Vec<Fault> {
        let ctx = Context {
            now_ms: self.now_ms,
            collection: self.collection.clone(),
            // Who may write is the one thing that a file can't tell.
            user: Some("00000000-0000-0000-0000-000000000000".to_owned()),
            admin: true,
            ..Context::default()
        };
        let Judged { item, reject, need } = judge(&ctx, item.clone(), &self.defaults);
        self.unread.extend(need.iter().map(Need::name));
        let mut faults = reject.into_iter().map(Fault::from).collect();
        if self.complete {
            self.miss(&item, &mut faults);
        }
        faults
    }

    /// Adds the required fields that the item lacks and nothing was said of.
    fn miss(&self, item: &Map<String, Value>, faults: &mut Vec<Fault>) {
        for field in &self.required {
            let given = item.get(field).is_some_and(|value| !value.is_null());
            if !given && !faults.iter().any(|it| it.field.as_ref() == Some(field)) {
                let (code, message) =
                    (ErrorCode::FailedValidation, format!("{field}: is required"));
                faults.push(Fault { code, field: Some(field.clone()), message });
            }
        }
    }

    /// What the verdicts don't cover.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !has_rules(&self.collection) {
            notes.push(format!("no rule applies to new items of `{}`", self.collection));
        }
        let mut unchecked = vec!["memberships"];
        unchecked.extend(&self.unread);
        notes.push(format!("not checked, since a database has it: {}", unchecked.join(", ")));
        if !self.unknown.is_empty() {
            let unknown: Vec<_> = self.unknown.iter().take(20).map(String::as_str).collect();
            let more = if self.unknown.len() > unknown.len() { ", …" } else { "" };
            notes.push(format!("`{}` has no field {}{more}", self.collection, unknown.join(", ")));
        }
        notes
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        let field = rejection.field.map(str::to_owned);
        Self { code: rejection.code, field, message: rejection.message }
    }
}
