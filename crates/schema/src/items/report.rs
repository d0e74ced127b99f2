//! What a merge of configuration comes to, for people and for programs.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ItemKey;

/// What becomes of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as `config/` says, but for what is kept.
    Unchanged,
    /// It was in the database before anything was recorded of it; from now on it is `config/`'s.
    Adopted,
    /// It was not there.
    Created,
    /// `config/` changed these columns, and nobody else did.
    Updated(Vec<String>),
    /// It was taken out of `config/`, and nobody had changed it.
    Deleted,
    /// It was taken out of `config/` and was gone already.
    Forgotten,
    /// Somebody deleted it in the admin UI: it stays deleted.
    DeletedByHand,
    /// It belongs to something that somebody deleted in the admin UI: it is not created.
    Withheld(ItemKey),
    /// It was taken out of `config/`, but somebody had changed these columns: it is theirs now.
    KeptEdited(Vec<String>),
    /// It was taken out of `config/`, but these hang on it: it is people's now.
    KeptInUse(Vec<ItemKey>),
}

/// Why a column is not as `config/` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was changed in the admin UI.
    Edited,
    /// It was changed in the admin UI and, otherwise, in `config/`.
    Conflict,
    /// It differed when the item was adopted, and nothing says who changed it.
    Adopted,
    /// What `config/` lets it point to was deleted in the admin UI.
    Dangling,
}

/// A column that keeps what is in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name.
    pub field: String,
    /// Why.
    pub why: Why,
}

/// An item of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which item.
    pub key: ItemKey,
    /// What people call it, where it has a name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Columns that keep what is in the database.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kept: Vec<Kept>,
}

/// All items that `config/` says or said something about, in the order of writing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One for each.
    pub items: Vec<Entry>,
}

/// How many items came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Created.
    pub created: usize,
    /// Updated.
    pub updated: usize,
    /// Deleted.
    pub deleted: usize,
    /// Items that differ from `config/` because of people.
    pub kept: usize,
}

impl Entry {
    /// Whether the database differs from `config/` here, because of people.
    pub fn is_kept(&self) -> bool {
        !self.kept.is_empty()
            || matches!(
                self.verdict,
                Verdict::DeletedByHand
                    | Verdict::Withheld(_)
                    | Verdict::KeptEdited(_)
                    | Verdict::KeptInUse(_)
            )
    }

    /// Key and name.
    fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.key),
            None => self.key.to_string(),
        }
    }

    /// A sentence for each thing that is kept.
    fn notes(&self) -> Vec<String> {
        let label = self.label();
        let whole = match &self.verdict {
            Verdict::DeletedByHand => {
                Some("was deleted in the admin UI and stays deleted".to_owned())
            }
            Verdict::Withheld(owner) => {
                Some(format!("is not created, since {owner} was deleted in the admin UI"))
            }
            Verdict::KeptEdited(fields) => Some(format!(
                "was taken out of config/ but edited in the admin UI ({}): kept, and yours now",
                fields.join(", ")
            )),
            Verdict::KeptInUse(users) => Some(format!(
                "was taken out of config/ but is in use by {}: kept, and yours now",
                some_of(users)
            )),
            _ => None,
        };
        let columns = [
            (Why::Edited, "edited in the admin UI: kept"),
            (Why::Conflict, "changed in config/ and edited in the admin UI: the edit is kept"),
            (Why::Adopted, "not as in config/ when it was adopted: kept"),
            (Why::Dangling, "points to what was deleted in the admin UI: not set"),
        ]
        .into_iter()
        .filter_map(|(why, says)| {
            let fields: Vec<_> =
                self.kept.iter().filter(|kept| kept.why == why).map(|kept| &*kept.field).collect();
            (!fields.is_empty()).then(|| format!("{}: {says}", fields.join(", ")))
        });
        whole.into_iter().chain(columns).map(|says| format!("{label}: {says}")).collect()
    }
}

fn some_of(keys: &[ItemKey]) -> String {
    match keys {
        [] => String::new(),
        [one] => one.to_string(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

impl Report {
    /// How many items came to what.
    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for entry in &self.items {
            match entry.verdict {
                Verdict::Created => count.created += 1,
                Verdict::Updated(_) => count.updated += 1,
                Verdict::Deleted => count.deleted += 1,
                _ => {}
            }
            count.kept += usize::from(entry.is_kept());
        }
        count
    }

    /// Whether the database was left as it is.
    pub fn changes_nothing(&self) -> bool {
        let count = self.count();
        count.created + count.updated + count.deleted == 0
    }

    /// One line: `2 items updated; 1 kept as edited in the admin UI: directus_panels`.
    pub fn summary(&self) -> String {
        let count = self.count();
        let mut parts: Vec<String> =
            [(count.created, "created"), (count.updated, "updated"), (count.deleted, "deleted")]
                .into_iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, what)| format!("{number} {what}"))
                .collect();
        if parts.is_empty() {
            parts.push("nothing to change".to_owned());
        } else if let Some(first) = parts.first_mut() {
            let (number, what) = first.split_once(' ').unwrap_or((first, ""));
            let items = if number == "1" { "item" } else { "items" };
            *first = format!("{number} {items} {what}");
        }
        let mut line = parts.join(", ");
        if count.kept > 0 {
            let collections: BTreeSet<&str> = self
                .items
                .iter()
                .filter(|entry| entry.is_kept())
                .map(|entry| &*entry.key.collection)
                .collect();
            let collections: Vec<_> = collections.into_iter().collect();
            line += &format!(
                "; {} kept as people made {}: {}",
                count.kept,
                if count.kept == 1 { "it" } else { "them" },
                collections.join(", ")
            );
        }
        line
    }

    /// A sentence for each thing that is not as `config/` says.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.items.iter().flat_map(Entry::notes)
    }
}

/// A table of what is changed and what is kept.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = Vec::new();
        for entry in &self.items {
            let (did, detail) = match &entry.verdict {
                Verdict::Created => ("created", String::new()),
                Verdict::Updated(fields) => ("updated", fields.join(", ")),
                Verdict::Deleted => ("deleted", String::new()),
                _ => ("", String::new()),
            };
            if !did.is_empty() {
                rows.push((did, entry.label(), detail));
            }
            for note in entry.notes() {
                let detail = note.strip_prefix(&entry.label()).unwrap_or(&note);
                rows.push(("kept", entry.label(), detail.trim_start_matches(": ").to_owned()));
            }
        }
        if rows.is_empty() {
            return write!(f, "nothing to change");
        }
        let width = rows.iter().map(|(_, label, _)| label.chars().count()).max().unwrap_or(0);
        for (index, (did, label, detail)) in rows.iter().enumerate() {
            let line = format!("{did:8} {label:width$}  {detail}");
            let end = if index + 1 < rows.len() { "\n" } else { "" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}
