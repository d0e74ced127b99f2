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
        self.check_there()?;
        let child = self.command()?.spawn().map_err(|error| {
            SetupError::new(
                &*self.name,
                format!("cannot start {}: {error}", self.program.display()),
            )
        })?;
        Ok(Running { program: self.clone(), child })
    }

    /// setpriv, which starts it, would only leave a line in the log.
    fn check_there(&self) -> Result<(), SetupError> {
        let program = Path::new(&self.program);
        let path = self.env.iter().rev().find(|(key, _)| key == "PATH");
        let path = path.map(|(_, path)| path.clone()).or_else(|| std::env::var_os("PATH"));
        let there = if program.components().count() > 1 {
            program.is_file()
        } else {
            find(program, &path.unwrap_or_default()).is_some()
        };
        if there {
            return Ok(());
        }
        Err(SetupError::new(&*self.name, format!("there is no program {}", program.display()))
            .advice("install it or put its folder on PATH, then start again"))
    }

    /// Runs it to its end, showing its last line of output on `step`.
    pub async fn run(&self, step: &Step, at_most: Duration) -> Result<(), SetupError> {
        let mut running = self.start()?;
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                step.note(crate::error::last_lines(&self.log, 1).pop().unwrap_or_default());
            }
        };
        let status = tokio::select! {
            status = running.child.wait() => status,
            () = watch => unreachable!("watching never ends"),
            () = tokio::time::sleep(at_most) => {
                running.stop(Duration::from_secs(5)).await;
                return Err(SetupError::new(&*self.name, format!("not done after {} s", at_most.as_secs()))
                    .log(&self.log));
            }
        };
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                let (program, how) = (self.program.display(), describe(status));
                Err(SetupError::new(&*self.name, format!("{program} {how}")).log(&self.log))
            }
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

    /// Its log.
    pub fn log_path(&self) -> &Path {
        &self.program.log
    }

    /// Its process id, until it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end, which nobody asked for: an error with the end of its log.
    pub async fn unexpected_end(&mut self) -> SetupError {
        let how = match self.child.wait().await {
            Ok(status) => format!("{} while it should run", describe(status)),
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
                let why = format!("{} while starting", describe(status));
                return Err(SetupError::new(self.name(), why).log(self.log_path()));
            }
            if tokio::time::Instant::now() > deadline {
                let why = format!("not ready after {} s: {answer}", at_most.as_secs());
                return Err(SetupError::new(self.name(), why).log(self.log_path()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks it to end, and ends it with all that it started when it takes longer than `grace`.
    pub async fn stop(mut self, grace: Duration) {
        self.signal(self.program.stop_signal);
        if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
            self.signal(Signal::SIGKILL);
            let _ = self.child.wait().await;
        }
    }

    /// Ends it at once, as a crash does, and starts it anew.
    pub async fn crash(mut self) -> Result<Self, SetupError> {
        self.kill().await;
        self.program.start()
    }

    /// Ends it at once and leaves it so.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait().await;
    }

    /// Stands still, as a machine that hangs: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// To it and what it started, until it has ended.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id() {
            let _ = killpg(Pid::from_raw(pid.cast_signed()), signal);
        }
    }
}

impl Drop for Running {
    /// Where nobody had the time to wait: a compiler or npm is asked and given a moment, so that
    /// its own children don't outlive it.
    fn drop(&mut self) {
        self.signal(self.program.stop_signal);
        for _ in 0..100 {
            if self.child.id().is_none() || self.ended().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.signal(Signal::SIGKILL);
        let _ = self.child.start_kill();
    }
}

/// How a program ended, as a verb.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => {
            let name = Signal::try_from(signal).map_or("unknown", Signal::as_str);
            format!("was ended by signal {signal} ({name})")
        }
        (None, None) => status.to_string(),
    }
}

/// Where a program lies in the folders of `path`.
pub(crate) fn find(program: impl AsRef<Path>, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(&program)).find(|file| file.is_file())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;

    fn shell(script: &str, log: &str) -> Program {
        let folder = std::env::temp_dir();
        let log = folder.join(format!("biplane-{log}-{}.log", std::process::id()));
        Program::new("Shell", "sh", &folder, log).args(["-c", script])
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let step = Progress::default().step("test");
        let mut program = shell("", "absent");
        program.program = "biplane-no-such-program".into();
        let error = program.run(&step, Duration::from_secs(5)).await.expect_err("absent");
        assert!(error.to_string().contains("no program biplane-no-such-program"), "{error}");
    }

    #[tokio::test]
    async fn a_failure_shows_how_it_ended_and_its_last_words() {
        let step = Progress::default().step("test");
        let program = shell("echo no luck; exit 3", "failure");
        let error = program.run(&step, Duration::from_secs(5)).await.expect_err("exit 3");
        std::fs::remove_file(program.log_path()).expect("the log");
        let text = error.to_string();
        assert!(text.starts_with("Shell: sh ended with exit code 3\n"), "{text}");
        assert!(text.contains("    no luck"), "{text}");
    }

    #[tokio::test]
    async fn what_a_dropped_program_had_started_ends_with_it() {
        let running = shell("sleep 987 & echo $!; wait", "dropped").start().expect("a shell");
        let child = loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if let Some(line) = crate::error::last_lines(running.log_path(), 1).pop() {
                break Pid::from_raw(line.parse().expect("a process id"));
            }
        };
        std::fs::remove_file(running.log_path()).expect("the log");
        drop(running);
        for _ in 0..100 {
            // A zombie that nobody waits for counts as gone.
            let state = std::fs::read_to_string(format!("/proc/{child}/stat"));
            if !state.is_ok_and(|state| !state.contains(") Z ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the child {child} is still there");
    }
}
