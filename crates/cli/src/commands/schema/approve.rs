use std::path::PathBuf;

use biplane_pipeline::Files;
use biplane_pipeline::schema::{approve, previous, read_file, read_target};
use biplane_schema::{Outcome, Rename};
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
        let files = Files { home: layout.project.clone() };
        let target = read_target(&files)?;
        let base = match &self.base {
            Some(path) => read_file(path)?.0,
            None => {
                previous(&layout.project, target.snapshot.hash())
                    .map_err(|why| {
                        SetupError::new("Approve", why)
                            .advice("name the snapshot that production has with --base")
                    })?
                    .snapshot
            }
        };
        let (plan, written) = approve(&files, &target, &base, &self.rename)?;
        print!("{plan}");
        if plan.outcome() == Outcome::Refused {
            return Ok(3);
        }
        if written {
            let (path, fingerprint) = (files.approved(), plan.fingerprint());
            println!("{}: {fingerprint} approved; commit it with the snapshot.", path.display());
        } else {
            println!("This plan loses nothing and needs no approval.");
        }
        Ok(0)
    }
}
