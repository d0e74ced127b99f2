//! `biplane boot`: what a container starts with.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use biplane_pipeline::configuration::ConfigurationError;
use biplane_pipeline::{boot, schema};
use biplane_stack::{SetupError, say};
use clap::Args;

use crate::installation;
use crate::signals::asked_to_stop;

/// Make the database ready, then become Directus.
///
/// 1/5 waits for the database, 2/5 runs db-init, 3/5 Directus's bootstrap, 4/5 applies the schema
/// as DIRECTUS_SCHEMA_APPLY_MODE says, 5/5 brings in config/. One replica does the work, the others
/// wait. A step that fails ends the boot with its name, cause and what to do.
#[derive(Debug, Args)]
pub struct Arguments {
    /// End after the steps instead of becoming Directus.
    #[arg(long)]
    no_start: bool,
    /// Seconds to wait for the database.
    #[arg(long, default_value_t = 120, env = "BIPLANE_DATABASE_WAIT")]
    database_wait: u64,
}

impl Arguments {
    /// Returns only if a step failed, or if it was asked not to start.
    pub async fn run(self) -> Result<ExitCode, SetupError> {
        let installation = installation::from_environment()?;
        let advice = |error: &boot::BootError| match error {
            boot::BootError::Database { .. } => {
                "check that the database runs and that DB_HOST, DB_PORT, DB_USER and DB_PASSWORD are right"
            }
            boot::BootError::Environment(_) => "nothing was touched; set the variables instead",
            boot::BootError::DbInit(_) => {
                "mend the file that is named, in a new commit; files before it stay applied"
            }
            boot::BootError::Schema(error) if error.exit_code() == 3 => {
                "nothing was changed; the previous version can go on serving this database"
            }
            boot::BootError::Configuration(ConfigurationError::Files(_)) => {
                "mend the files that are named, in a new commit; nothing of config/ was touched"
            }
            _ => {
                "nothing was lost: mend the cause and boot again; a boot may be interrupted anywhere"
            }
        };
        let failed = |error: boot::BootError| {
            let advice = advice(&error);
            SetupError::new("Boot", error).advice(advice)
        };
        let schema = schema::Options::from_environment(&installation.files)
            .map_err(|error| SetupError::new("Boot", error))?;
        let options = boot::Options {
            schema,
            database: std::time::Duration::from_secs(self.database_wait),
            ..boot::Options::default()
        };
        let say = |line: &str| say(line);
        let steps = async {
            let mut booted = boot::prepare(&installation, &options, &say).await?;
            // The session ends here, and its lock with it.
            boot::configure(&installation, &mut booted, &say).await
        };
        tokio::select! {
            done = steps => done.map_err(failed)?,
            // As a container's first process we would not end by ourselves.
            asked = asked_to_stop() => {
                say(&format!("{}: the boot ends here; the next one goes on", asked.name));
                return Ok(ExitCode::from(asked.code));
            }
        }
        if self.no_start {
            return Ok(ExitCode::SUCCESS);
        }
        let mut command =
            installation.command(&["start"]).map_err(|error| SetupError::new("Boot", error))?;
        // Signals go to Directus itself: it takes this process over.
        Err(SetupError::new("Boot", command.exec()))
    }
}
