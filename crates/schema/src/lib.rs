//! Directus schema snapshots: read without losing anything, brought to one form, named by a hash.
//!
//! Directus takes whatever a snapshot lacks for something to delete. So a snapshot is read whole or
//! refused with the place of the fault, and what Biplane does not know is kept as it came.
//!
//! Pure: text in, values out. Files, databases and the `directus` command are the callers'.

mod compare;
mod drift;
mod error;
mod facets;
mod fill;
pub mod items;
mod keys;
mod lineage;
mod locate;
mod loss;
mod merge;
mod normalise;
mod plan;
mod read;
mod rename;
mod report;
mod snapshot;
mod stages;
mod strict;
#[cfg(test)]
mod typescript;
mod yaml;

pub use drift::{Drift, DriftError, DriftStatus, DriftTexts, Part};
pub use error::{Format, LineageError, ReadError};
pub use lineage::Lineage;
pub use locate::line_of;
pub use loss::{Loss, LossKind};
pub use merge::Merge;
pub use normalise::SnapshotHash;
pub use plan::{Ancestry, Change, Difference, Fingerprint, Item, Outcome, Plan, Reason, Verdict};
pub use read::{Reading, Warned};
pub use rename::{Rename, RenameError};
pub use snapshot::{Collection, Field, FieldKey, Relation, Snapshot, SystemField};

/// The major version of Directus whose snapshots are read.
pub const DIRECTUS_MAJOR: u64 = 11;

/// The database vendor whose snapshots are read, as Directus names it.
pub const VENDOR: &str = "postgres";
