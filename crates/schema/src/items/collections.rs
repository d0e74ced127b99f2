//! The collections that may be kept as configuration, and how their rows hang together.

/// What the primary keys of a collection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// A UUID.
    Uuid,
    /// A positive integer.
    Integer,
}

/// What becomes of a row when the row goes that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It can't be without it: Directus deletes it too.
    Part,
    /// It loses the link.
    Link,
    /// The same, and no two rows may point to one.
    UniqueLink,
}

/// A column that points to another row.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The column.
    pub field: &'static str,
    /// The collection it points to.
    pub to: &'static str,
    /// How firmly.
    pub tie: Tie,
}

/// A collection of Directus's own.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Its name, which is that of the file as well.
    pub name: &'static str,
    /// Its path in Directus's API.
    pub path: &'static str,
    /// What its keys are.
    pub id: IdKind,
    /// Whether it has one row, which is always there.
    pub singleton: bool,
    /// Columns that point to other rows.
    pub references: &'static [Reference],
    /// Columns that hold a list as text with commas; the API speaks of arrays.
    pub lists: &'static [&'static str],
}

/// Columns that say who wrote a row and when; never compared or written.
pub const AUDIT: [&str; 4] = ["date_created", "user_created", "date_updated", "user_updated"];

const fn plain(name: &'static str, path: &'static str) -> Collection {
    Collection { name, path, id: IdKind::Uuid, singleton: false, references: &[], lists: &[] }
}

const fn part(field: &'static str, to: &'static str) -> Reference {
    Reference { field, to, tie: Tie::Part }
}

const fn link(field: &'static str, to: &'static str) -> Reference {
    Reference { field, to, tie: Tie::Link }
}

const fn unique(field: &'static str, to: &'static str) -> Reference {
    Reference { field, to, tie: Tie::UniqueLink }
}

/// In the order in which they are written: what is pointed to comes first. Deleted in reverse.
///
/// None of them has a column with a time but the audit columns.
pub const COLLECTIONS: [Collection; 10] = [
    Collection {
        references: &[link("parent", "directus_roles")],
        ..plain("directus_roles", "/roles")
    },
    Collection { lists: &["ip_access"], ..plain("directus_policies", "/policies") },
    Collection {
        references: &[part("role", "directus_roles"), part("policy", "directus_policies")],
        ..plain("directus_access", "/access")
    },
    Collection {
        id: IdKind::Integer,
        references: &[part("policy", "directus_policies")],
        lists: &["fields"],
        ..plain("directus_permissions", "/permissions")
    },
    Collection {
        // No foreign key: a flow may be written before the operation that it begins with.
        references: &[unique("operation", "directus_operations")],
        ..plain("directus_flows", "/flows")
    },
    Collection {
        references: &[
            part("flow", "directus_flows"),
            unique("resolve", "directus_operations"),
            unique("reject", "directus_operations"),
        ],
        ..plain("directus_operations", "/operations")
    },
    plain("directus_dashboards", "/dashboards"),
    Collection {
        references: &[part("dashboard", "directus_dashboards")],
        ..plain("directus_panels", "/panels")
    },
    Collection {
        id: IdKind::Integer,
        references: &[part("role", "directus_roles")],
        ..plain("directus_presets", "/presets")
    },
    Collection {
        id: IdKind::Integer,
        singleton: true,
        references: &[link("public_registration_role", "directus_roles")],
        ..plain("directus_settings", "/settings")
    },
];

/// The collection of that name, if it may be configuration.
pub fn collection(name: &str) -> Option<&'static Collection> {
    COLLECTIONS.iter().find(|collection| collection.name == name)
}

/// Where a collection stands in the order of writing.
pub(super) fn rank(name: &str) -> usize {
    COLLECTIONS.iter().position(|collection| collection.name == name).unwrap_or(COLLECTIONS.len())
}

impl Collection {
    /// How the column `field` points to other rows, if it does.
    pub fn reference(&self, field: &str) -> Option<&'static Reference> {
        self.references.iter().find(|reference| reference.field == field)
    }
}
