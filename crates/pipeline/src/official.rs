//! Directus's own command line.
//!
//! It exits 0 in cases where it did nothing and in one where it did half, hangs without a terminal
//! unless told `--yes`, and logs to standard output. So what it did is looked up afterwards; here
//! it is only run, bounded in time, and its words are kept.

use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use biplane_schema::{ReadError, Reading, Snapshot};
use tokio::process::Command;

use crate::output::Output;
use crate::{Installation, program};

/// The name under which the sessions of an apply are known to the database.
pub(crate) const APPLY: &str = "biplane schema apply";
/// And those of a bootstrap.
pub(crate) const BOOTSTRAP: &str = "biplane bootstrap";

/// Longer than any that was seen; a deadlock is retried for seconds, a large table rewritten.
const AT_MOST: Duration = Duration::from_secs(900);

/// Why a command of Directus's failed.
#[derive(Debug, thiserror::Error)]
pub enum OfficialError {
    /// There is a file that Directus would read over its environment.
    #[error("{0} would override Directus's environment; move it away")]
    DotEnv(String),
    /// It could not be started or talked to.
    #[error("cannot run {program}: {source}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It was still running after so long.
    #[error("`directus {command}` was not done after {seconds} s; its last words: {output}")]
    Slow {
        /// Its arguments.
        command: String,
        /// The limit.
        seconds: u64,
        /// The end of its output.
        output: String,
    },
    /// It said that it failed.
    #[error("`directus {command}` failed: {output}")]
    Failed {
        /// Its arguments.
        command: String,
        /// The end of its output.
        output: String,
    },
    /// It wrote a snapshot that can't be read.
    #[error("`directus schema snapshot` wrote what is no snapshot: {0}")]
    Snapshot(#[from] ReadError),
    /// It exited 0 and wrote none.
    #[error("`directus schema snapshot` ended well and wrote nothing; its last words: {0}")]
    NoSnapshot(String),
}

impl Installation {
    /// `directus bootstrap`.
    pub async fn bootstrap(&self) -> Result<String, OfficialError> {
        self.directus(&["bootstrap"], Some(BOOTSTRAP)).await
    }

    /// The schema that the database has now.
    pub async fn running_schema(&self) -> Result<Snapshot, OfficialError> {
        let folder = scratch()?;
        let path = folder.path().join("running.json");
        let shown = path.to_string_lossy().into_owned();
        let said = self
            .directus(&["schema", "snapshot", "--yes", "--format", "json", &shown], None)
            .await?;
        let text = std::fs::read_to_string(&path).map_err(|_| OfficialError::NoSnapshot(said))?;
        // It is what it is: what points nowhere already does.
        Ok(Snapshot::read(&text, Reading::Lenient)?.snapshot)
    }

    /// `directus schema apply --dry-run`: what Directus itself says that it would do.
    pub async fn dry_run(&self, snapshot: &Snapshot) -> Result<String, OfficialError> {
        let folder = scratch()?;
        let path = write(folder.path(), snapshot)?;
        self.directus(&["schema", "apply", "--yes", "--dry-run", &path], None).await
    }

    /// `directus schema apply`. What came of it must be looked up.
    pub async fn apply_as_is(&self, snapshot: &Snapshot) -> Result<String, OfficialError> {
        let folder = scratch()?;
        let path = write(folder.path(), snapshot)?;
        self.directus(&["schema", "apply", "--yes", &path], Some(APPLY)).await
    }

    /// A program that will be Directus: the command line with these arguments.
    pub fn command(&self, args: &[&str]) -> Result<std::process::Command, OfficialError> {
        self.refuse_dot_env()?;
        let mut command = std::process::Command::new(&self.node);
        self.prepare(&mut command, args);
        Ok(command)
    }

    /// Directus for a while: it ends with us, however we end. A change of the schema is not to go on
    /// unwatched.
    pub(crate) fn bound(&self, args: &[&str]) -> Result<Command, OfficialError> {
        self.refuse_dot_env()?;
        let mut command = if can_bind() {
            let mut command = std::process::Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "--"]).arg(&self.node);
            command
        } else {
            std::process::Command::new(&self.node)
        };
        self.prepare(&mut command, args);
        let mut command = Command::from(command);
        command
            // JSON would hide the words, colours would garble them.
            .env("LOG_STYLE", "raw")
            .env("LOG_LEVEL", "info")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Directus would read that file over the environment that it is given.
    pub(crate) fn refuse_dot_env(&self) -> Result<(), OfficialError> {
        let dot_env = self.folder.join(".env");
        if dot_env.exists() {
            return Err(OfficialError::DotEnv(dot_env.display().to_string()));
        }
        Ok(())
    }

    fn prepare(&self, command: &mut std::process::Command, args: &[&str]) {
        command.arg(program(&self.cli)).args(args).current_dir(&self.folder);
        if !self.inherit_env {
            command.env_clear();
            let kept = ["HOME", "LANG", "TMPDIR"];
            command.envs(kept.into_iter().filter_map(|key| Some((key, std::env::var_os(key)?))));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            self.node_folder().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
    }

    /// Runs it to its end; its sessions have the application's name, which the database's guards
    /// let through and hold to the plan.
    async fn directus(
        &self,
        args: &[&str],
        application: Option<&str>,
    ) -> Result<String, OfficialError> {
        let mut command = self.bound(args)?;
        // No command here asks for an extension: loading ours takes as long as all the rest, and a
        // broken one is not to stand in the schema's way.
        let no_extensions = scratch()?;
        command
            .env("EXTENSIONS_PATH", no_extensions.path())
            .env("EXTENSIONS_LOCATION", "")
            .env("EXTENSIONS_MUST_LOAD", "false")
            // Else it would bundle those that there are over the running server's bundle.
            .env("SERVE_APP", "false");
        if let Some(name) = application {
            command.env("PGAPPNAME", name);
        }
        let program = self.node.display().to_string();
        let run = |source| OfficialError::Run { program: program.clone(), source };
        let output = Output::new().map_err(run)?;
        output.of(&mut command).map_err(run)?;
        let mut child = command.spawn().map_err(run)?;
        // Only the words that stand in a fixed place: a path may be anything.
        let said =
            args.iter().filter(|arg| !arg.contains('/')).copied().collect::<Vec<_>>().join(" ");
        let Ok(ended) = tokio::time::timeout(AT_MOST, child.wait()).await else {
            let (seconds, output) = (AT_MOST.as_secs(), output.last_words());
            return Err(OfficialError::Slow { command: said, seconds, output });
        };
        if ended.map_err(run)?.success() {
            return Ok(output.text());
        }
        Err(OfficialError::Failed { command: said, output: output.last_words() })
    }
}

/// Whether a program can be bound to our life. BusyBox, as in Directus's image, has a setpriv that
/// can't; in a container all ends with its first process anyway.
fn can_bind() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        std::process::Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

fn scratch() -> Result<tempfile::TempDir, OfficialError> {
    tempfile::tempdir()
        .map_err(|source| OfficialError::Run { program: "a temporary folder".into(), source })
}

fn write(folder: &Path, snapshot: &Snapshot) -> Result<String, OfficialError> {
    // JSON, since YAML would make a date of what looks like one.
    let path = folder.join("merged.json");
    std::fs::write(&path, snapshot.to_value().to_string())
        .map_err(|source| OfficialError::Run { program: path.display().to_string(), source })?;
    Ok(path.to_string_lossy().into_owned())
}
