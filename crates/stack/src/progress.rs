use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where there is no terminal, a long step says so often that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

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
    shown: Shown,
    times: Arc<Mutex<Vec<StepTime>>>,
    finished: bool,
}

#[derive(Debug)]
enum Shown {
    /// A line that is drawn anew.
    Terminal(ProgressBar),
    /// Lines that stay: when the last was written.
    Lines(Mutex<Instant>),
}

impl Progress {
    /// Begins a step.
    pub fn step(&self, name: impl Into<String>) -> Step {
        let name = name.into();
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template(
                "{spinner} {prefix:28} {elapsed:>6}    {wide_msg:.dim}",
            ) {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            Shown::Terminal(bar)
        } else {
            Shown::Lines(Mutex::new(Instant::now()))
        };
        let started = Instant::now();
        Step { name, started, shown, times: Arc::clone(&self.times), finished: false }
    }

    /// The steps that were finished so far.
    pub fn times(&self) -> Vec<StepTime> {
        self.times.lock().map(|times| times.clone()).unwrap_or_default()
    }
}

impl Step {
    /// Shows what the step is doing just now.
    pub fn note(&self, text: impl Into<String>) {
        match &self.shown {
            Shown::Terminal(bar) => bar.set_message(text.into()),
            Shown::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                if last.elapsed() >= SIGN_OF_LIFE {
                    *last = Instant::now();
                    self.line('…', &text.into());
                }
            }
        }
    }

    /// Ends the step, saying what came of it.
    pub fn done(mut self, result: impl AsRef<str>) {
        self.finished = true;
        let seconds = self.started.elapsed().as_secs_f64();
        self.line('✓', result.as_ref());
        if let Ok(mut times) = self.times.lock() {
            times.push(StepTime {
                step: self.name.clone(),
                seconds: (seconds * 10.0).round() / 10.0,
            });
        }
    }

    /// Ends the step as one that did not come out well, saying how.
    pub fn failed(mut self, result: impl AsRef<str>) {
        self.finished = true;
        self.line('✗', result.as_ref());
    }

    /// How long it has been under way.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn line(&self, mark: char, text: &str) {
        if let Shown::Terminal(bar) = &self.shown {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        say(format_args!("{mark} {:28} {seconds:6.1} s  {text}", self.name));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.line('✗', "");
        }
    }
}

/// A line on standard error; where nobody reads it any more, that is no reason to break.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
