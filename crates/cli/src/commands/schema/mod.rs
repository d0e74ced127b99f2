//! `biplane schema`: the schema between git and database.

mod apply;
mod approve;
mod ci;
mod plan;
mod rescue;
mod snapshot;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use biplane_pipeline::schema::SchemaError;
use biplane_pipeline::{Installation, boot};
use biplane_stack::{SetupError, say};
use clap::{Args, Subcommand};
use tokio_postgres::Client;

use crate::installation;

/// Take the schema into git, plan and apply changes, bring back what went.
///
/// Exit codes: 0 there is nothing to do, or it is done; 2 there is a plan, or a difference; 3 a
/// conflict, or refused; 1 an error.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder that databases and logs are in.
    #[arg(long, env = "BIPLANE_DATA", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Snapshot(snapshot::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Approve(approve::Arguments),
    Rescue(rescue::Arguments),
    Ci(ci::Arguments),
}

impl Arguments {
    /// Runs one of them.
    pub async fn run(self, start: &Path) -> Result<ExitCode, SetupError> {
        let place = Place { start: start.to_owned(), data: self.data };
        let done = match self.command {
            Command::Snapshot(arguments) => arguments.run(&place).await,
            Command::Plan(arguments) => arguments.run(&place).await,
            Command::Apply(arguments) => arguments.run(&place).await,
            Command::Approve(arguments) => arguments.run(&place).await,
            Command::Rescue(arguments) => arguments.run(&place).await,
            Command::Ci(arguments) => arguments.run(&place).await,
        };
        match done {
            Ok(code) => Ok(ExitCode::from(code)),
            Err(Failed::Setup(error)) => Err(error),
            Err(Failed::Schema(error)) => {
                say(format_args!("biplane: {error}"));
                Ok(ExitCode::from(error.exit_code()))
            }
        }
    }
}

/// Where the command was given.
struct Place {
    start: PathBuf,
    data: Option<PathBuf>,
}

impl Place {
    fn installation(&self) -> Result<Installation, SetupError> {
        installation::find(&self.start, self.data.clone())
    }

    async fn connect(&self) -> Result<(Installation, Client), Failed> {
        let installation = self.installation()?;
        let database = boot::connect(&installation, Duration::from_secs(10), &|_| {})
            .await
            .map_err(|error| SetupError::new("Schema", error))?;
        Ok((installation, database))
    }
}

/// Tells a running Directus that its schema is another one now.
async fn tell(installation: &Installation, database: &Client) {
    if let Err(error) = installation.schema_changed(database).await {
        say(format_args!(
            "The Directus that runs has the schema from before in mind; restart it: {error}"
        ));
    }
}

/// Why a command ended early.
enum Failed {
    Setup(SetupError),
    Schema(SchemaError),
}

impl From<SetupError> for Failed {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<SchemaError> for Failed {
    fn from(error: SchemaError) -> Self {
        Self::Schema(error)
    }
}
