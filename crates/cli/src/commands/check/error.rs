//! Why a file could not be judged at all.

use super::input::MAX_ITEM_BYTES;

/// No verdicts, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file can't be opened, or reading it failed.
    #[error("{file}: {source}")]
    File {
        /// As it was named.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what its format asks for.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// From 1; of a row of CSV the line that it begins on.
        line: u64,
        /// From 1, in bytes.
        column: u64,
        /// What is wrong.
        what: String,
    },
    /// One item is larger than what is held in memory.
    #[error("the item {number} is larger than {} MiB", MAX_ITEM_BYTES >> 20)]
    TooLarge {
        /// From 1.
        number: u64,
    },
    /// Neither the extension nor an option tells the format.
    #[error("{file}: its name does not tell its format: add --format json, jsonl, geojson or csv")]
    NoFormat {
        /// As it was named.
        file: String,
    },
    /// The snapshot lacks the collection.
    #[error("there is no collection `{collection}`; there is: {known}")]
    Collection {
        /// As it was given.
        collection: String,
        /// All that there are.
        known: String,
    },
    /// No snapshot was found.
    #[error(
        "there is no snapshots/schema.yaml here: run this in a checkout, or add --snapshot FILE"
    )]
    NoSnapshot,
    /// The snapshot can't be read.
    #[error("{path}: {why}")]
    Snapshot {
        /// Of the file.
        path: String,
        /// Why.
        why: String,
    },
    /// The verdicts can't be written.
    #[error("the verdicts can't be written: {0}")]
    Output(std::io::Error),
}

impl CheckError {
    /// At a place of the file.
    pub fn at(line: u64, column: u64, what: impl Into<String>) -> Self {
        Self::Syntax { line, column, what: what.into() }
    }
}
