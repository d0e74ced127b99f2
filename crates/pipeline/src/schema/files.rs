//! The snapshot in git, and what is said of it.

use std::path::{Path, PathBuf};

use biplane_schema::{Lineage, ReadError, Reading, Reason, Snapshot, Warned, line_of};

use super::SchemaError;
use crate::Files;

/// What is to be applied.
#[derive(Debug)]
pub struct Target {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Its ancestors.
    pub lineage: Lineage,
    path: PathBuf,
    text: String,
}

impl Target {
    /// A fault with its file, line and code.
    pub(crate) fn says(&self, fault: &ReadError) -> String {
        says(&self.path, &self.text, fault)
    }

    /// What is wrong with it as a whole.
    pub(crate) fn says_of_all(&self, reason: &Reason) -> String {
        let line = line_of(&self.text, "collections").map(|line| format!(":{line}"));
        format!("{}{}: {reason} ({})", shown(&self.path), line.unwrap_or_default(), reason.code())
    }
}

/// Reads the snapshot and its lineage, strictly.
pub fn read_target(files: &Files) -> Result<Target, SchemaError> {
    let path = files.snapshot();
    let text = read_text(&path)?;
    let snapshot = text
        .parse()
        .map_err(|fault| SchemaError::Target { said: vec![says(&path, &text, &fault)] })?;
    let lineage = read_lineage(&files.lineage())?;
    Ok(Target { snapshot, lineage, path, text })
}

/// The lineage; an empty one where there is no file yet.
pub(crate) fn read_lineage(path: &Path) -> Result<Lineage, SchemaError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(SchemaError::File { path: shown(path), source }),
    };
    text.parse().map_err(|source| SchemaError::Lineage { path: shown(path), source })
}

/// Reads any snapshot for a plan that is never applied; what a strict reading refuses is warned
/// about, in words that name file and line.
pub fn read_file(path: &Path) -> Result<(Snapshot, Vec<String>), SchemaError> {
    let text = read_text(path)?;
    let Warned { snapshot, warnings } = Snapshot::read(&text, Reading::Lenient)
        .map_err(|fault| SchemaError::Target { said: vec![says(path, &text, &fault)] })?;
    Ok((snapshot, warnings.iter().map(|fault| says(path, &text, fault)).collect()))
}

fn read_text(path: &Path) -> Result<String, SchemaError> {
    let bytes =
        std::fs::read(path).map_err(|source| SchemaError::File { path: shown(path), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error());
        SchemaError::File { path: shown(path), source }
    })
}

fn says(path: &Path, text: &str, fault: &ReadError) -> String {
    let line = match fault {
        ReadError::Syntax { .. } => None,
        fault => fault.place().and_then(|place| line_of(text, place)),
    };
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: {fault} ({})", shown(path), fault.code())
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
