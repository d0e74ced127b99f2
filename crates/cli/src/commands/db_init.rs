//! `biplane db-init`: the SQL that Directus does not manage.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use biplane_pipeline::boot;
use biplane_stack::SetupError;
use biplane_store::db_init::{self, Stage};
use clap::Args;

use crate::installation;

/// Run what is due of db-init/: NNN_*.sql once each, always/*.sql whenever it changed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder that databases and logs are in.
    #[arg(long, env = "BIPLANE_DATA")]
    data: Option<PathBuf>,
    /// Only what has to run before Directus's own steps.
    #[arg(long)]
    before_directus: bool,
}

impl Arguments {
    /// Runs it.
    pub async fn run(self, start: &Path) -> Result<ExitCode, SetupError> {
        let failed = |error: &dyn std::fmt::Display| SetupError::new("db-init", error);
        let installation = installation::find(start, self.data)?;
        let mut database = boot::connect(&installation, Duration::from_secs(10), &|_| {})
            .await
            .map_err(|error| failed(&error))?;
        let folder = installation.files.db_init();
        let stages: &[Stage] = if self.before_directus {
            &[Stage::BeforeDirectus]
        } else {
            &[Stage::BeforeDirectus, Stage::AfterDirectus]
        };
        let mut count = 0;
        for stage in stages {
            for file in db_init::apply(&mut database, &folder, *stage)
                .await
                .map_err(|error| failed(&error))?
            {
                println!("{:40} {:6.2} s", file.name, file.took.as_secs_f64());
                count += 1;
            }
        }
        if count == 0 {
            println!("Nothing new in {}.", folder.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
