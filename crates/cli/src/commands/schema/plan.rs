use std::path::{Path, PathBuf};

use biplane_pipeline::schema::{self, Approved, SchemaError, read_file, read_target};
use biplane_schema::{Ancestry, Merge, Outcome, Plan, Rename};
use clap::Args;

use super::{Failed, Place};

/// Show what an apply would do, and why. Changes nothing.
///
/// With files alone, `--running` and `--target`, and `--base` where there is one: YAML or JSON.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
    /// What was applied last, from a file.
    #[arg(long, requires = "running", requires = "target")]
    base: Option<PathBuf>,
    /// What the database has, from a file.
    #[arg(long, requires = "target")]
    running: Option<PathBuf>,
    /// What is to be applied, from a file.
    #[arg(long, requires = "running")]
    target: Option<PathBuf>,
    /// Write the merged snapshot to a file: with three files alone, a merge for git.
    #[arg(long, value_name = "FILE")]
    merged: Option<PathBuf>,
    /// Take `collection.old=collection.new` for a rename that keeps its data.
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<Rename>,
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let plan = match (&self.running, &self.target) {
            (Some(running), Some(target)) => self.of_files(running, target)?,
            _ => self.of_database(place).await?,
        };
        if let Some(path) = &self.merged
            && plan.outcome() != Outcome::Refused
        {
            std::fs::write(path, plan.merged.to_yaml())
                .map_err(|source| SchemaError::File { path: path.display().to_string(), source })?;
        }
        if self.json {
            println!("{:#}", plan.to_json());
        } else {
            print!("{plan}");
        }
        Ok(plan.outcome().exit_code())
    }

    fn of_files(&self, running: &Path, target: &Path) -> Result<Plan, SchemaError> {
        let base = self.base.as_deref().map(read_file).transpose()?;
        let (running, mut warnings) = read_file(running)?;
        let (target, more) = read_file(target)?;
        warnings.extend(more);
        let ancestry = Ancestry::Descendant;
        let base = base.map(|(base, _)| base);
        let merge = Merge {
            base: base.as_ref(),
            running: &running,
            target: &target,
            ancestry,
            renames: &self.rename,
            lenient: true,
        };
        let mut plan = merge.plan().map_err(|faults| SchemaError::Target {
            said: faults.iter().map(ToString::to_string).collect(),
        })?;
        warnings.append(&mut plan.warnings);
        plan.warnings = warnings;
        Ok(plan)
    }

    async fn of_database(&self, place: &Place) -> Result<Plan, Failed> {
        let (installation, database) = place.connect().await?;
        let target = read_target(&installation.files)?;
        let mut renames = Approved::read(&installation.files.approved())?.renames;
        renames.extend(self.rename.iter().cloned());
        Ok(schema::plan(&installation, &database, &target, &renames).await?)
    }
}
