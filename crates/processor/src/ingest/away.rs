//! Waiting for a server that is away.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Says once that a server is away and once that it is back, and how long to wait between tries.
pub(crate) struct Away<'a> {
    what: &'static str,
    flag: Option<&'a AtomicBool>,
    tries: u32,
}

impl<'a> Away<'a> {
    pub(crate) fn new(what: &'static str, flag: Option<&'a AtomicBool>) -> Self {
        Self { what, flag, tries: 0 }
    }

    /// Notes a failed try and waits: 100 ms at first, 3.2 s at most.
    pub(crate) async fn failed(&mut self, error: &(dyn Error + Send + Sync)) {
        if self.tries == 0 {
            let what = self.what;
            tracing::warn!(error = chain(error), "{what} failed; trying again until it succeeds");
            self.set(true);
        }
        let pause = Duration::from_millis(100 << self.tries.min(5));
        self.tries += 1;
        tokio::time::sleep(pause).await;
    }

    pub(crate) fn succeeded(&mut self) {
        if self.tries > 0 {
            tracing::info!(tries = self.tries, "{} succeeded again", self.what);
            self.tries = 0;
            self.set(false);
        }
    }

    fn set(&self, away: bool) {
        if let Some(flag) = self.flag {
            flag.store(away, Relaxed);
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
