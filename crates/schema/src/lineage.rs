//! The hashes of a snapshot and of its ancestors: what `snapshots/lineage` holds.

use std::fmt;
use std::str::FromStr;

use crate::error::LineageError;
use crate::normalise::SnapshotHash;
use crate::plan::Ancestry;

/// Hashes, oldest first; the last one is that of the snapshot beside it.
///
/// A database whose base is not among them got it from somewhere else, or from the future: its
/// content is not this snapshot's to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(Vec<SnapshotHash>);

impl Lineage {
    /// Whether `hash` is an ancestor, or the snapshot itself.
    pub fn contains(&self, hash: &SnapshotHash) -> bool {
        self.0.contains(hash)
    }

    /// The hash of the snapshot that this lineage belongs to; none where no snapshot was taken yet.
    pub fn current(&self) -> Option<&SnapshotHash> {
        self.0.last()
    }

    /// Whose child the snapshot beside this lineage is, for a database whose base has that hash.
    pub fn ancestry(&self, base: Option<SnapshotHash>) -> Ancestry {
        match base {
            None => Ancestry::NoBase,
            Some(base) if self.contains(&base) => Ancestry::Descendant,
            Some(_) => Ancestry::Rollback,
        }
    }

    /// Makes `hash` the current one. The current one again changes nothing.
    pub fn push(&mut self, hash: SnapshotHash) {
        if self.current() != Some(&hash) {
            self.0.push(hash);
        }
    }
}

impl FromStr for Lineage {
    type Err = LineageError;

    /// Reads one hash a line; empty lines are skipped.
    fn from_str(text: &str) -> Result<Self, LineageError> {
        text.lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, text)| !text.is_empty())
            .map(|(line, text)| {
                text.parse().map_err(|_| LineageError::Line { line, found: text.to_owned() })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|hash| writeln!(f, "{hash}"))
    }
}
