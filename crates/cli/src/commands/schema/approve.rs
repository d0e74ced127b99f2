use std::path::PathBuf;

use biplane_pipeline::schema::{Approved, SchemaError, previous, read_file, read_target};
use biplane_schema::{Ancestry, Merge, Outcome, Rename};
use biplane_stack::{Layout, SetupError};
use clap::Args;

use super::{Failed, Place};

/// Approve a plan that loses data: write its fingerprint to snapshots/approved, to be committed.
///
/// The plan is that of a database which has the version before: the newest one in git that is another
/// schema, unless --base names one.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The snapshot that production has.
    #[arg(long)]
    base: Option<PathBuf>,
    /// Take `collection.old=collection.new` for a rename that keeps its data.
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<Rename>,
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let layout = Layout::of_checkout(&place.start, place.data.clone())?;
        let files = biplane_pipeline::Files { home: layout.project.clone() };
        let target = read_target(&files)?.snapshot;
        let base = match &self.base {
            Some(path) => read_file(path)?.0,
            None => {
                previous(&layout.project, target.hash())
                    .map_err(|why| {
                        SetupError::new("Approve", why)
                            .advice("name the snapshot that production has with --base")
                    })?
                    .snapshot
            }
        };
        let mut approved = Approved::read(&files.approved())?;
        let renames: Vec<_> = approved.renames.iter().chain(&self.rename).cloned().collect();
        let ancestry = Ancestry::Descendant;
        let merge = Merge {
            base: Some(&base),
            running: &base,
            target: &target,
            ancestry,
            renames: &renames,
            lenient: false,
        };
        let plan = merge.plan().map_err(|faults| SchemaError::Target {
            said: faults.iter().map(ToString::to_string).collect(),
        })?;
        print!("{plan}");
        if plan.outcome() == Outcome::Refused {
            return Ok(3);
        }
        if plan.losses().next().is_none() && plan.renaming.is_empty() {
            println!("This plan loses nothing and needs no approval.");
            return Ok(0);
        }
        approved.add(&plan);
        let path = files.approved();
        std::fs::write(&path, approved.to_string())
            .map_err(|source| SchemaError::File { path: path.display().to_string(), source })?;
        println!(
            "{}: {} approved; commit it with the snapshot.",
            path.display(),
            plan.fingerprint()
        );
        Ok(0)
    }
}
