//! Why a snapshot or a lineage is refused.

use std::fmt;

use biplane_core::ErrorCode;

use crate::{DIRECTUS_MAJOR, VENDOR};

/// The two forms that `directus schema snapshot` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML, the committed form.
    Yaml,
    /// JSON, the form between programs.
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        })
    }
}

/// Why a text is no snapshot that may be applied.
///
/// A `place` is the path in the document and, where there is one, the name: `fields[3] (devices.imei)`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    /// Nothing but white space.
    #[error("the snapshot is empty; applied, it would delete everything")]
    Empty,
    /// Not YAML or JSON, cut off in the middle, or a key twice in one object.
    #[error("the snapshot is not valid {format} at line {line}, column {column}: {message}")]
    Syntax {
        /// The form that was tried.
        format: Format,
        /// From 1; 0 where the parser does not know.
        line: usize,
        /// From 1; 0 where the parser does not know.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A part that Directus always writes is not there.
    #[error("{place}: `{key}` is missing; is the snapshot cut off?")]
    Missing {
        /// Where.
        place: String,
        /// The key that should be there.
        key: &'static str,
    },
    /// A part is there and is something else.
    #[error("{place}: expected {expected}")]
    Shape {
        /// Where.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The snapshot format itself is another one.
    #[error("version: snapshots of format 1 are read, this one is of format {found}")]
    FormatVersion {
        /// As written.
        found: String,
    },
    /// Taken from another kind of database.
    #[error("vendor: the snapshot is of a {found} database; Biplane runs on {VENDOR}")]
    Vendor {
        /// As written.
        found: String,
    },
    /// Taken by another major version of Directus.
    #[error(
        "directus: the snapshot is of Directus {found}; Biplane runs on Directus {DIRECTUS_MAJOR}"
    )]
    Directus {
        /// As written.
        found: String,
    },
    /// The same collection, field or relation a second time.
    #[error("{place}: is there twice; does the file hold an unfinished merge?")]
    Duplicate {
        /// The second one.
        place: String,
    },
    /// Something belongs to, or points to, a collection that the snapshot lacks.
    #[error("{place}: there is no collection `{collection}`")]
    UnknownCollection {
        /// What points there.
        place: String,
        /// The name that is missing.
        collection: String,
    },
    /// A relation is of a field that the snapshot lacks.
    #[error("{place}: there is no field `{field}` in `{collection}`")]
    UnknownField {
        /// What points there.
        place: String,
        /// Where it should be.
        collection: String,
        /// The name that is missing.
        field: String,
    },
    /// A column has a foreign key that no relation describes; Directus would drop the key.
    #[error(
        "{place}: has a foreign key to `{table}`, but no relation describes it; is the snapshot cut off?"
    )]
    NoRelation {
        /// The field.
        place: String,
        /// Where its foreign key points.
        table: String,
    },
    /// A key that no Directus of this major version writes.
    #[error("{place}: `{key}` is unknown to this version of Directus; is it misspelt?")]
    UnknownKey {
        /// Where.
        place: String,
        /// The key.
        key: String,
    },
}

impl ReadError {
    /// The place in the document, as `fields[3] (devices.imei)`; none where it is the whole.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Missing { place, .. }
            | Self::Shape { place, .. }
            | Self::Duplicate { place }
            | Self::UnknownCollection { place, .. }
            | Self::UnknownField { place, .. }
            | Self::NoRelation { place, .. }
            | Self::UnknownKey { place, .. } => Some(place),
            Self::FormatVersion { .. } => Some("version"),
            Self::Vendor { .. } => Some("vendor"),
            Self::Directus { .. } => Some("directus"),
            Self::Empty | Self::Syntax { .. } => None,
        }
    }

    /// The stable code of this refusal.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Empty => ErrorCode::SnapshotEmpty,
            Self::Syntax { .. } => ErrorCode::SnapshotSyntax,
            Self::Missing { .. } => ErrorCode::SnapshotIncomplete,
            Self::Shape { .. } | Self::FormatVersion { .. } => ErrorCode::SnapshotShape,
            Self::Vendor { .. } => ErrorCode::SnapshotVendor,
            Self::Directus { .. } => ErrorCode::SnapshotVersion,
            Self::Duplicate { .. } => ErrorCode::SnapshotDuplicate,
            Self::UnknownCollection { .. }
            | Self::UnknownField { .. }
            | Self::NoRelation { .. } => ErrorCode::SnapshotDangling,
            Self::UnknownKey { .. } => ErrorCode::SnapshotUnknownKey,
        }
    }
}

/// Why a text is no lineage.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LineageError {
    /// A line is no hash.
    #[error("lineage, line {line}: `{found}` is not a SHA-256 in 64 lower-case hexadecimal digits")]
    Line {
        /// From 1.
        line: usize,
        /// The line as it stands.
        found: String,
    },
}

impl LineageError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Line { .. } => ErrorCode::SnapshotLineage,
        }
    }
}
