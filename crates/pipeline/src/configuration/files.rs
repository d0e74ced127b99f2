//! The files of `config/`: read whole, or refused with everything that is wrong in them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use biplane_schema::items::{
    AUDIT, COLLECTIONS, Collection, IdKind, Item, ItemKey, Items, collection,
};
use serde_json::Value;

use super::running::Columns;

/// Something in a file that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The file's path, from the folder's name on.
    pub file: String,
    /// What it is.
    pub what: What,
}

/// What can be wrong with a file. Items count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The folder or the file can't be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// It is not there. Taking that for an empty one would delete all that it held.
    #[error("is missing; if there is nothing to say, write []")]
    Missing,
    /// Its name is none of the collections that may be configuration.
    #[error("no such configuration; there are {}", known())]
    UnknownCollection,
    /// It is no JSON.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// It is JSON, but no list.
    #[error("expected an array of items")]
    NotAnArray,
    /// A member of the list is no object.
    #[error("item {0}: expected an object")]
    NotAnItem(usize),
    /// An item has no key, so that nobody could find it again.
    #[error("item {0}{1}: has no id; give it a fixed one")]
    NoId(usize, Name),
    /// An item's key is not of the collection's kind.
    #[error("item {number}{name}: the id {found} is not {expected}")]
    WrongId {
        /// Which item.
        number: usize,
        /// Its name.
        name: Name,
        /// As written.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two items have one key.
    #[error("item {number}{name}: the id {id} is there twice")]
    DuplicateId {
        /// Which item.
        number: usize,
        /// Its name.
        name: Name,
        /// The key.
        id: String,
    },
    /// Directus would drop it without a word.
    #[error("{id}: there is no column {column}")]
    UnknownColumn {
        /// The item's key.
        id: String,
        /// The column.
        column: String,
    },
}

/// An item's name in brackets, if it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Option<String>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

fn known() -> String {
    COLLECTIONS.map(|collection| collection.name).join(", ")
}

/// `config/directus_roles.json`.
fn shown(folder: &Path, file: &str) -> String {
    let folder = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    if file.is_empty() { folder.into_owned() } else { format!("{folder}/{file}") }
}

/// All items of a folder, or all that is wrong with it.
pub(super) fn read(folder: &Path) -> Result<Items, Vec<FileProblem>> {
    let mut items = Items::new();
    let mut problems = Vec::new();
    match strangers(folder) {
        Ok(strangers) => problems.extend(strangers),
        Err(error) => {
            let what = What::Unreadable(error.to_string());
            return Err(vec![FileProblem { file: shown(folder, ""), what }]);
        }
    }
    for collection in &COLLECTIONS {
        let name = format!("{}.json", collection.name);
        let mut problem = |what| problems.push(FileProblem { file: shown(folder, &name), what });
        match std::fs::read_to_string(folder.join(&name)) {
            Ok(text) => read_file(collection, &text, &mut items, &mut problem),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => problem(What::Missing),
            Err(error) => problem(What::Unreadable(error.to_string())),
        }
    }
    if problems.is_empty() { Ok(items) } else { Err(problems) }
}

/// JSON files that are no configuration.
fn strangers(folder: &Path) -> std::io::Result<Vec<FileProblem>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".json").is_some_and(|name| collection(name).is_none()) {
            names.push(name);
        }
    }
    names.sort();
    let problem =
        |name: String| FileProblem { file: shown(folder, &name), what: What::UnknownCollection };
    Ok(names.into_iter().map(problem).collect())
}

fn read_file(
    collection: &Collection,
    text: &str,
    items: &mut Items,
    problem: &mut impl FnMut(What),
) {
    let rows = match serde_json::from_str(text) {
        Ok(Value::Array(rows)) => rows,
        Ok(_) => return problem(What::NotAnArray),
        Err(error) => return problem(What::Syntax(error.to_string())),
    };
    for (number, row) in (1..).zip(rows) {
        let Value::Object(mut row) = row else {
            problem(What::NotAnItem(number));
            continue;
        };
        row.retain(|column, _| !AUDIT.contains(&column.as_str()));
        match key(collection, number, &row) {
            Ok(key) if items.contains_key(&key) => {
                problem(What::DuplicateId { number, name: name(&row), id: key.id });
            }
            Ok(key) => {
                items.insert(key, row);
            }
            Err(what) => problem(what),
        }
    }
}

fn key(collection: &Collection, number: usize, row: &Item) -> Result<ItemKey, What> {
    let id = row.get("id").unwrap_or(&Value::Null);
    if id.is_null() {
        return Err(What::NoId(number, name(row)));
    }
    let expected = match collection.id {
        _ if collection.singleton => "1, the key of the only row",
        IdKind::Integer => "a positive integer",
        IdKind::Uuid => "a UUID",
    };
    let fits = match collection.id {
        _ if collection.singleton => id.as_u64() == Some(1),
        IdKind::Integer => id.as_u64().is_some_and(|id| id > 0),
        IdKind::Uuid => id.as_str().is_some_and(is_uuid),
    };
    let wrong = || What::WrongId { number, name: name(row), found: id.to_string(), expected };
    ItemKey::of(collection.name, id).filter(|_| fits).ok_or_else(wrong)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn name(row: &Item) -> Name {
    Name(row.get("name").and_then(Value::as_str).map(str::to_owned))
}

/// Columns that Directus does not have: it drops them without a word, and they would look like
/// edits ever after.
pub(super) fn check_columns(
    folder: &Path,
    target: &Items,
    columns: &BTreeMap<String, Columns>,
) -> Result<(), Vec<FileProblem>> {
    let mut problems = Vec::new();
    for (key, item) in target {
        let known = columns.get(&key.collection).map(|columns| &columns.names);
        for column in
            item.keys().filter(|column| known.is_some_and(|known| !known.contains(*column)))
        {
            let file = shown(folder, &format!("{}.json", key.collection));
            let what = What::UnknownColumn { id: key.id.clone(), column: column.clone() };
            problems.push(FileProblem { file, what });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder named `config` that is whole but for these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("config");
        std::fs::create_dir(&folder).expect("a folder");
        for collection in &COLLECTIONS {
            std::fs::write(folder.join(format!("{}.json", collection.name)), "[]").expect("a file");
        }
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        parent
    }

    fn refusal(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let problems = read(&folder.path().join("config")).expect_err("a refusal");
        super::super::ConfigurationError::Files(problems).to_string()
    }

    const ID: &str = "67eac3f7-df74-59b2-bec1-3474c5cff266";

    #[test]
    fn broken_json_is_named_with_its_place() {
        assert_eq!(
            refusal(&[("directus_roles.json", "[{\"id\": 1,]")]),
            "config/directus_roles.json: not valid JSON: key must be a string at line 1 column 11"
        );
    }

    #[test]
    fn what_is_no_list_of_items_is_refused() {
        let refused =
            refusal(&[("directus_roles.json", "{\"data\": []}"), ("directus_panels.json", "[1]")]);
        assert_eq!(
            refused,
            "config/directus_roles.json: expected an array of items\n\
             config/directus_panels.json: item 1: expected an object"
        );
    }

    #[test]
    fn an_item_without_an_id_or_with_one_of_another_kind_is_refused() {
        let refused = refusal(&[
            ("directus_roles.json", "[{\"name\": \"Crew\"}, {\"id\": null}]"),
            ("directus_permissions.json", "[{\"id\": \"7\"}]"),
            ("directus_panels.json", "[{\"id\": \"live\", \"name\": \"Live\"}]"),
            ("directus_settings.json", "[{\"id\": 2}]"),
        ]);
        assert_eq!(
            refused,
            "config/directus_roles.json: item 1 (Crew): has no id; give it a fixed one\n\
             config/directus_roles.json: item 2: has no id; give it a fixed one\n\
             config/directus_permissions.json: item 1: the id \"7\" is not a positive integer\n\
             config/directus_panels.json: item 1 (Live): the id \"live\" is not a UUID\n\
             config/directus_settings.json: item 1: the id 2 is not 1, the key of the only row"
        );
    }

    #[test]
    fn an_id_that_is_there_twice_is_refused() {
        let rows = format!("[{{\"id\": \"{ID}\"}}, {{\"id\": \"{}\"}}]", ID.to_uppercase());
        assert_eq!(
            refusal(&[("directus_dashboards.json", &rows)]),
            format!("config/directus_dashboards.json: item 2: the id {ID} is there twice")
        );
    }

    #[test]
    fn a_file_that_is_no_configuration_is_refused_and_other_files_are_none_of_our_business() {
        let refused = refusal(&[("directus_users.json", "[]"), ("README.md", "# Read me")]);
        assert_eq!(
            refused,
            "config/directus_users.json: no such configuration; there are directus_roles, \
             directus_policies, directus_access, directus_permissions, directus_flows, \
             directus_operations, directus_dashboards, directus_panels, directus_presets, \
             directus_settings"
        );
    }

    #[test]
    fn a_missing_file_is_not_taken_for_an_empty_one() {
        let folder = folder(&[]);
        let config = folder.path().join("config");
        assert_eq!(read(&config), Ok(Items::new()));
        std::fs::remove_file(config.join("directus_roles.json")).expect("a file");
        let problems = read(&config).expect_err("a refusal");
        assert_eq!(
            problems[0].to_string(),
            "config/directus_roles.json: is missing; if there is nothing to say, write []"
        );
        let problems = read(&folder.path().join("konfig")).expect_err("a refusal");
        assert!(problems[0].to_string().starts_with("konfig: can't be read: "), "{problems:?}");
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_who_and_when_are_left_out() {
        let other = "1f0c2c41-84bb-5f7e-9f3c-0a4c1f6b8f11";
        let row = |id: &str| format!("{{\"id\": \"{id}\", \"date_created\": \"2026\"}}");
        let of = |rows: String| {
            let folder = folder(&[("directus_dashboards.json", &rows)]);
            read(&folder.path().join("config")).expect("items")
        };
        let items = of(format!("[{}, {}]", row(ID), row(other)));
        assert_eq!(items, of(format!("[{}, {}]", row(other), row(ID))));
        assert!(items.values().all(|item| item.len() == 1));
    }

    #[test]
    fn the_project_s_own_configuration_is_whole() {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        assert!(read(&config).expect("no problem").len() > 80);
    }
}
