use biplane_schema::{Fingerprint, LineageError, Plan, ReadError};

use crate::official::OfficialError;
use crate::sql_message;

/// Why the schema was left as it is, or what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A file can't be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A snapshot file is refused, with each fault's file, line, code and sentence.
    #[error("the snapshot is refused, and nothing was touched:\n    {}", said.join("\n    "))]
    Target {
        /// A line for each fault.
        said: Vec<String>,
    },
    /// The lineage is refused.
    #[error("{path}: {source}")]
    Lineage {
        /// Which file.
        path: String,
        /// Why.
        source: LineageError,
    },
    /// A line of `snapshots/approved` is none.
    #[error("{path}, line {line}: {why}")]
    Approved {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The mode is none.
    #[error("DIRECTUS_SCHEMA_APPLY_MODE: {why}")]
    Mode {
        /// What is wrong.
        why: String,
    },
    /// The base in the database can't be read.
    #[error("the base that this database keeps is no snapshot: {0}")]
    Base(ReadError),
    /// The pipeline's own tables are not there.
    #[error(
        "the schema pipeline's tables are missing in this database; run `biplane db-init` first"
    )]
    NoTables,
    /// Directus's command line failed.
    #[error(transparent)]
    Official(#[from] OfficialError),
    /// PostgreSQL refused.
    #[error("PostgreSQL: {}", sql_message(.0))]
    Database(#[from] tokio_postgres::Error),
    /// Somebody else changes the schema.
    #[error(
        "another session is changing the schema of this database, and was not done after {seconds} s"
    )]
    Locked {
        /// How long was waited.
        seconds: u64,
    },
    /// The target lists what is there already, made by somebody else.
    #[error("the snapshot creates what this database has already, untracked by Directus: {}. Track or move it first", names.join(", "))]
    Untracked {
        /// Tables and columns.
        names: Vec<String>,
    },
    /// People have to decide first.
    #[error(
        "{plan}\nNothing was changed. Settle the conflicts, in the database or in the snapshot: take the database's version with `biplane schema snapshot --force`, or undo the change here"
    )]
    Conflict {
        /// The whole plan.
        plan: Box<Plan>,
    },
    /// Data would go, and nobody approved.
    #[error(
        "{plan}\nNothing was changed: this plan loses data and is not approved. Look at it; then commit its fingerprint with `biplane schema approve`, or set BIPLANE_SCHEMA_CONFIRM={fingerprint}"
    )]
    Unapproved {
        /// The whole plan.
        plan: Box<Plan>,
        /// What an approval has to name.
        fingerprint: Fingerprint,
    },
    /// Directus would delete what the plan does not.
    #[error("Directus would delete what the plan does not name: {}. Nothing was changed", names.join(", "))]
    UnplannedDeletion {
        /// What.
        names: Vec<String>,
    },
    /// The database is not what the plan said; it was set back.
    #[error("the apply did not come out as planned, and the database is as it was before: {}", why.join("; "))]
    Undone {
        /// What differed, or why it failed.
        why: Vec<String>,
    },
    /// The database is not what the plan said, and setting it back failed too.
    #[error("the apply did not come out as planned ({}), and setting the database back failed: {cause}. Rescue {rescue} holds what was saved: `biplane schema rescue show {rescue}`", why.join("; "))]
    Stranded {
        /// What differed.
        why: Vec<String>,
        /// Why it could not be undone.
        cause: Box<SchemaError>,
        /// The backup's number.
        rescue: i64,
    },
    /// The file has what this database never had.
    #[error(
        "{path} was not applied to this database: taking a snapshot over it would undo what it holds. Apply it first, or pass --force"
    )]
    NotApplied {
        /// The snapshot file.
        path: String,
    },
    /// There is no such backup.
    #[error("there is no rescue {0}; `biplane schema rescue list` shows all")]
    NoRescue(i64),
    /// A restore would overwrite something.
    #[error("rescue {rescue} can't be restored as it is: {why}")]
    Unrestorable {
        /// Which.
        rescue: i64,
        /// What stands in the way.
        why: String,
    },
}

impl SchemaError {
    /// 3 where people have to decide, 1 where something went wrong.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Target { .. }
            | Self::Conflict { .. }
            | Self::Unapproved { .. }
            | Self::Untracked { .. }
            | Self::UnplannedDeletion { .. }
            | Self::NotApplied { .. } => 3,
            _ => 1,
        }
    }
}
