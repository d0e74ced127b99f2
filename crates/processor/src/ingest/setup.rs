//! Keeping the setup up to date, and telling the gateways which devices there are.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::{Allowlist, Known, TokenDigest};
use biplane_core::Timestamp;
use biplane_core::retired::Retired;
use biplane_core::timing::Setup;
use biplane_store::{ReadSetupError, SetupReader};
use tokio::sync::{mpsc, oneshot, watch};

use super::away::{Away, chain};
use crate::Metrics;

/// How often the database is asked whether a notice was missed.
const POLL: Duration = Duration::from_secs(1);
/// How often the list of devices is published although nothing changed: Redis may have lost it.
const REPUBLISH: Duration = Duration::from_secs(60);
/// Directus writes a form's rows one after the other: one reading for all.
const SETTLE: Duration = Duration::from_millis(50);

/// The setup as it is now, for those who decide.
#[derive(Clone)]
pub(crate) struct SetupFeed {
    current: watch::Receiver<Option<Arc<Setup>>>,
    requests: mpsc::Sender<oneshot::Sender<()>>,
}

impl SetupFeed {
    /// The setup; waits for the first. `None` when the process ends.
    pub(crate) async fn current(&mut self) -> Option<Arc<Setup>> {
        self.current.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Returns once everything is in that was committed before the call.
    pub(crate) async fn refresh(&self) {
        let (done, waiting) = oneshot::channel();
        if self.requests.send(done).await.is_ok() {
            let _ = waiting.await;
        }
    }
}

/// Starts to follow the setup; the task ends when the feed is dropped.
pub(crate) fn watch_setup(
    database_url: String,
    allowlist: Allowlist,
    metrics: Arc<Metrics>,
) -> (SetupFeed, tokio::task::JoinHandle<()>) {
    let (publish, current) = watch::channel(None);
    let (requests, asked) = mpsc::channel(1);
    let watcher = Watcher {
        database_url,
        allowlist,
        metrics,
        publish,
        replaced: Retired::default(),
        asked,
        known: Vec::new(),
        published: None,
    };
    (SetupFeed { current, requests }, tokio::spawn(watcher.run()))
}

struct Watcher {
    database_url: String,
    allowlist: Allowlist,
    metrics: Arc<Metrics>,
    publish: watch::Sender<Option<Arc<Setup>>>,
    replaced: Retired<Setup>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    /// The devices as they were read last.
    known: Vec<Known>,
    /// When the list of devices was published last; `None`: it is due.
    published: Option<tokio::time::Instant>,
}

impl Watcher {
    async fn run(mut self) {
        let metrics = Arc::clone(&self.metrics);
        let mut away = Away::new("reading the setup", Some(&metrics.database_away));
        let mut answer = None;
        while !self.publish.is_closed() {
            if let Err(error) = self.follow(&mut away, &mut answer).await {
                away.failed(&error).await;
            }
        }
    }

    /// Follows over one connection until it fails or nobody listens any more.
    async fn follow(
        &mut self,
        away: &mut Away<'_>,
        answer: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), ReadSetupError> {
        let mut reader = SetupReader::connect(&self.database_url).await?;
        let mut fingerprint = None;
        loop {
            let now = reader.fingerprint().await?;
            // What SQL changes without a date leaves the fingerprint as it is: who asked for a
            // refresh must not be answered while such a change has been told and not been read.
            if reader.was_noticed() || fingerprint.as_ref() != Some(&now) {
                self.read(&mut reader).await?;
                fingerprint = Some(now);
            }
            away.succeeded();
            if let Some(answer) = answer.take() {
                let _ = answer.send(());
            }
            self.publish_devices().await;
            self.free_replaced();
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = reader.noticed() => {
                    tokio::time::sleep(SETTLE).await;
                    fingerprint = None;
                }
                asked = self.asked.recv() => match asked {
                    Some(asked) => *answer = Some(asked),
                    None => return Ok(()),
                },
            }
        }
    }

    async fn read(&mut self, reader: &mut SetupReader) -> Result<(), ReadSetupError> {
        let (setup, problems) = reader.read().await?;
        let tokens = reader.tokens().await?;
        let token = |imei| tokens.get(&imei).map(|token| TokenDigest::of(token));
        self.known = setup.devices.keys().map(|&imei| Known { imei, token: token(imei) }).collect();
        for problem in problems {
            tracing::warn!(problem, "a row of the setup is left out");
        }
        tracing::info!(
            devices = setup.devices.len(),
            fences = setup.fences.values().map(|index| index.len()).sum::<usize>(),
            entries = setup.entries.values().map(Vec::len).sum::<usize>(),
            checkpoints = setup.checkpoints.values().map(Vec::len).sum::<usize>(),
            "the setup was read"
        );
        let before = self.publish.send_replace(Some(Arc::new(setup)));
        before.into_iter().for_each(|before| self.replaced.keep(before));
        self.metrics.has_setup.store(true, Relaxed);
        self.metrics.setups.fetch_add(1, Relaxed);
        self.published = None;
        Ok(())
    }

    /// Thousands of fences take milliseconds to free: nobody who decides waits for that.
    fn free_replaced(&mut self) {
        let unread = self.replaced.unread();
        if !unread.is_empty() {
            tokio::task::spawn_blocking(|| drop(unread));
        }
    }

    /// After the setup is in use, so that a device that a gateway lets in is known here.
    async fn publish_devices(&mut self) {
        if self.published.is_some_and(|published| published.elapsed() < REPUBLISH) {
            return;
        }
        match self.allowlist.publish(&self.known, now()).await {
            Ok(()) => self.published = Some(tokio::time::Instant::now()),
            Err(error) => {
                tracing::debug!(error = chain(&error), "the list of devices was not published");
            }
        }
    }
}

/// Processing time.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(since.map_or(0, |since| since.as_millis() as i64))
}
