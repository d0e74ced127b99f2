//! `snapshots/approved`: plans that lose data and may, and renames.

use std::fmt;
use std::path::Path;

use biplane_schema::{Ancestry, Fingerprint, Merge, Outcome, Plan, Rename, Snapshot};

use super::SchemaError;
use super::files::{Target, shown};
use crate::Files;

/// What people approved, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Fingerprints of plans.
    pub plans: Vec<Fingerprint>,
    /// What is called otherwise from now on.
    pub renames: Vec<Rename>,
    /// The file as it stands.
    text: String,
}

const HEADER: &str = "\
# Schema changes that lose data and were looked at; `biplane schema approve` writes this file.
# It is committed with the snapshot, so that it is reviewed with it. In production no other goes through.
";

impl Approved {
    /// Reads the file; none is an empty one.
    pub fn read(path: &Path) -> Result<Self, SchemaError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(SchemaError::File { path: shown(path), source }),
        };
        let mut approved = Self { text: text.clone(), ..Self::default() };
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let wrong =
                |why: String| SchemaError::Approved { path: shown(path), line: index + 1, why };
            match line.split_once(char::is_whitespace) {
                None if line.is_empty() => {}
                Some(("plan", hash)) => {
                    let hash = hash.trim();
                    let good = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
                    if !good {
                        return Err(wrong(format!("`{hash}` is no fingerprint of a plan")));
                    }
                    approved.plans.push(Fingerprint(hash.to_owned()));
                }
                Some(("rename", rename)) => {
                    approved
                        .renames
                        .push(rename.parse().map_err(|error| wrong(format!("{error}")))?);
                }
                _ => return Err(wrong(format!("`{line}` is neither `plan …` nor `rename …`"))),
            }
        }
        Ok(approved)
    }

    /// Whether this very plan was approved, here or in `BIPLANE_SCHEMA_CONFIRM`.
    pub fn allows(&self, plan: &Plan, confirmed: Option<&str>) -> bool {
        let fingerprint = plan.fingerprint();
        self.plans.contains(&fingerprint)
            || confirmed.map(str::trim) == Some(fingerprint.0.as_str())
    }

    /// Adds a plan with its losses as a comment, and the renames that it is made with.
    pub fn add(&mut self, plan: &Plan) {
        if self.text.is_empty() {
            HEADER.clone_into(&mut self.text);
        }
        for rename in plan.renaming.iter().filter(|rename| !self.renames.contains(rename)) {
            self.text.push_str(&format!("rename {rename}\n"));
        }
        self.renames.extend(plan.renaming.iter().cloned());
        let fingerprint = plan.fingerprint();
        if plan.losses().next().is_none() || self.plans.contains(&fingerprint) {
            return;
        }
        for (item, loss) in plan.losses() {
            self.text.push_str(&format!("# {item}: {} {}\n", loss.kind.as_str(), loss.detail));
        }
        self.text.push_str(&format!("plan {fingerprint}\n"));
        self.plans.push(fingerprint);
    }
}

/// Writes the plan of a database that has `base` and nothing else to the file, unless it is refused
/// or loses nothing; the plan, and whether it was written.
pub fn approve(
    files: &Files,
    target: &Target,
    base: &Snapshot,
    renames: &[Rename],
) -> Result<(Plan, bool), SchemaError> {
    let mut approved = Approved::read(&files.approved())?;
    let renames: Vec<_> = approved.renames.iter().chain(renames).cloned().collect();
    let merge = Merge {
        base: Some(base),
        running: base,
        target: &target.snapshot,
        ancestry: Ancestry::Descendant,
        renames: &renames,
        lenient: false,
    };
    let plan = merge.plan().map_err(|faults| SchemaError::Target {
        said: faults.iter().map(|fault| target.says(fault)).collect(),
    })?;
    let loses = plan.losses().next().is_some() || !plan.renaming.is_empty();
    if plan.outcome() == Outcome::Refused || !loses {
        return Ok((plan, false));
    }
    approved.add(&plan);
    let path = files.approved();
    std::fs::write(&path, approved.to_string())
        .map_err(|source| SchemaError::File { path: shown(&path), source })?;
    Ok((plan, true))
}

/// The file.
impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
