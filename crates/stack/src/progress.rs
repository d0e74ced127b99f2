use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Shows on standard error which step runs and how long each took.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    times: Arc<Mutex<Vec<StepTime>>>,
}

/// How long a step took.
#[derive(Clone, Debug, Serialize)]
pub struct StepTime {
    /// What it was.
    pub step: String,
    /// In seconds.
    pub seconds: f64,
}

/// A step under way; dropped unfinished, it shows as failed.
#[derive(Debug)]
pub struct Step {
    name: String,
    started: Instant,
    bar: ProgressBar,
    times: Arc<Mutex<Vec<StepTime>>>,
    finished: bool,
}

impl Progress {
    /// Begins a step.
    pub fn step(&self, name: impl Into<String>) -> Step {
        let name = name.into();
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {prefix:28} {elapsed:>5}  {wide_msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        Step { name, started: Instant::now(), bar, times: Arc::clone(&self.times), finished: false }
    }

    /// The steps that were finished so far.
    pub fn times(&self) -> Vec<StepTime> {
        self.times.lock().map(|times| times.clone()).unwrap_or_default()
    }
}

impl Step {
    /// Shows what the step is doing just now.
    pub fn note(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Ends the step, saying what came of it.
    pub fn done(mut self, result: impl AsRef<str>) {
        self.finished = true;
        let seconds = self.started.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        eprintln!("✓ {:28} {seconds:6.1} s  {}", self.name, result.as_ref());
        if let Ok(mut times) = self.times.lock() {
            times.push(StepTime {
                step: self.name.clone(),
                seconds: (seconds * 10.0).round() / 10.0,
            });
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.bar.finish_and_clear();
            eprintln!("✗ {:28} {:6.1} s", self.name, self.started.elapsed().as_secs_f64());
        }
    }
}
