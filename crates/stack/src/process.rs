//! Child processes: logged, bounded in time, ended with their parent.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid, User};
use tokio::process::{Child, Command};

use crate::{SetupError, Step};

/// A program to run: its name for people, arguments, environment, folder and log.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    inherit_env: bool,
    folder: PathBuf,
    log: PathBuf,
    user: Option<String>,
    stop_signal: Signal,
}

impl Program {
    /// A program that sees only `PATH`, `HOME`, `LANG` and `TMPDIR` of our environment.
    pub fn new(name: &str, program: impl AsRef<OsStr>, folder: &Path, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            inherit_env: false,
            folder: folder.to_owned(),
            log,
            user: None,
            stop_signal: Signal::SIGTERM,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        for (key, value) in variables {
            self = self.env(key, value);
        }
        self
    }

    /// Sees all of our environment: for package clients, which have proxies and registries there.
    #[must_use]
    pub fn with_our_environment(mut self) -> Self {
        self.inherit_env = true;
        self
    }

    /// Runs as another user of this machine; needs root.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// The signal that asks it to end; SIGTERM unless set.
    #[must_use]
    pub fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    fn command(&self) -> Result<Command, SetupError> {
        let failed = |error: std::io::Error| {
            SetupError::new(&*self.name, format!("{}: {error}", self.log.display()))
        };
        let log = std::fs::File::create(&self.log).map_err(failed)?;
        // setpriv is part of util-linux: the child ends even when we are killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(&self.program).args(&self.args);
        if !self.inherit_env {
            command.env_clear();
            let kept = ["PATH", "HOME", "LANG", "TMPDIR"];
            command.envs(kept.into_iter().filter_map(|key| Some((key, std::env::var_os(key)?))));
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command.current_dir(&self.folder);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        // A group of its own: Ctrl-C in the terminal reaches us alone, and we end things in order.
        command.process_group(0).kill_on_drop(true);
        Ok(command)
    }

    /// Starts it and goes on.
    pub fn start(&self) -> Result<Running, SetupError> {
        let child = self.command()?.spawn().map_err(|error| {
            SetupError::new(
                &*self.name,
                format!("cannot start {}: {error}", self.program.display()),
            )
        })?;
        Ok(Running { program: self.clone(), child })
    }

    /// Runs it to its end, showing its last line of output on `step`.
    pub async fn run(&self, step: &Step, at_most: Duration) -> Result<(), SetupError> {
        let mut running = self.start()?;
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                if let Some(line) = crate::error::last_lines(&self.log, 1).pop() {
                    step.note(line);
                }
            }
        };
        let status = tokio::select! {
            status = running.child.wait() => status,
            () = watch => unreachable!("watching never ends"),
            () = tokio::time::sleep(at_most) => {
                running.stop().await;
                return Err(SetupError::new(&*self.name, format!("not done after {} s", at_most.as_secs()))
                    .log(&self.log));
            }
        };
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(SetupError::new(&*self.name, status).log(&self.log)),
            Err(error) => Err(SetupError::new(&*self.name, error).log(&self.log)),
        }
    }
}

/// A program that was started.
#[derive(Debug)]
pub struct Running {
    program: Program,
    child: Child,
}

impl Running {
    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its log.
    pub fn log_path(&self) -> &Path {
        &self.program.log
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end, which nobody asked for: an error with the end of its log.
    pub async fn unexpected_end(&mut self) -> SetupError {
        let how = match self.child.wait().await {
            Ok(status) => format!("ended unexpectedly ({status})"),
            Err(error) => error.to_string(),
        };
        SetupError::new(self.name(), how)
            .log(self.log_path())
            .advice(format!("read {}; then start again", self.log_path().display()))
    }

    /// Waits until `probe` succeeds; an error if it ends before or time runs out.
    pub async fn wait_until<E: std::fmt::Display>(
        &mut self,
        at_most: Duration,
        mut probe: impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), SetupError> {
        let deadline = tokio::time::Instant::now() + at_most;
        loop {
            let answer = match probe().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(status) = self.ended() {
                return Err(SetupError::new(
                    self.name(),
                    format!("ended while starting ({status})"),
                )
                .log(self.log_path()));
            }
            if tokio::time::Instant::now() > deadline {
                let why = format!("not ready after {} s: {answer}", at_most.as_secs());
                return Err(SetupError::new(self.name(), why).log(self.log_path()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks it to end, and ends it after 10 s.
    pub async fn stop(mut self) {
        let Some(pid) = self.child.id() else { return };
        let group = Pid::from_raw(pid.cast_signed());
        let _ = killpg(group, self.program.stop_signal);
        if tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await.is_err() {
            let _ = killpg(group, Signal::SIGKILL);
            let _ = self.child.wait().await;
        }
    }

    /// Ends it at once, as a crash would.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

/// Whether we are root.
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Whether this machine has a user of that name.
pub fn user_exists(name: &str) -> bool {
    User::from_name(name).is_ok_and(|user| user.is_some())
}

/// The first line of what a quick program prints; `None` when it can't be run or fails.
pub async fn first_line(program: impl AsRef<OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().await.ok()?;
    let text =
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    output.status.success().then_some(text)
}
