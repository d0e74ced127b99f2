//! Programs whose output is shown as it comes: tests and checks.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use biplane_stack::Layout;
use tokio::process::Command;

/// Runs programs one after the other and remembers how they ended.
#[derive(Debug)]
pub struct Suites {
    folder: std::path::PathBuf,
    env: Vec<(OsString, OsString)>,
    ended: Vec<(String, bool, Duration)>,
}

impl Suites {
    /// None yet; programs run in the checkout with cargo's target in the cache.
    pub fn new(layout: &Layout) -> Self {
        let env = layout.cargo_env().map(|(key, value)| (key.into(), value.into())).to_vec();
        Self { folder: layout.project.clone(), env, ended: Vec::new() }
    }

    /// Sets a variable for the programs that follow.
    pub fn env(&mut self, key: &str, value: impl AsRef<OsStr>) {
        self.env.push((key.into(), value.as_ref().to_owned()));
    }

    /// Runs one program to its end, whatever became of those before.
    pub async fn run(&mut self, name: &str, program: impl AsRef<Path>, args: &[&str]) {
        let program = program.as_ref();
        eprintln!("\n── {name}: {} {}", program.display(), args.join(" "));
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.folder).kill_on_drop(true);
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        let passed = match command.status().await {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("cannot run {}: {error}", program.display());
                false
            }
        };
        self.record(name, passed, started.elapsed());
    }

    /// Adds what was found out otherwise.
    pub fn record(&mut self, name: &str, passed: bool, took: Duration) {
        self.ended.push((name.to_owned(), passed, took));
    }

    /// Prints the table; fails when anything did.
    pub fn finish(self) -> ExitCode {
        eprintln!();
        for (name, passed, took) in &self.ended {
            let mark = if *passed { '✓' } else { '✗' };
            eprintln!("{mark} {name:28} {:6.1} s", took.as_secs_f64());
        }
        let passed = self.ended.iter().filter(|(_, passed, _)| *passed).count();
        let failed = self.ended.len() - passed;
        println!("suites: {passed} passed, {failed} failed");
        if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
