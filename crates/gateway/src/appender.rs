use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_bus::{Log, LogError, RedisLog};
use biplane_core::Frame;
use tokio::sync::{mpsc, oneshot};

use crate::admission::Admitted;
use crate::meters::Meters;

/// The most frames that go to the log in one go.
const BATCH: usize = 512;

/// Frames waiting for their turn. A socket has one frame on its way at most, so
/// this bounds how far reading runs ahead of the log, not how much is lost.
const WAITING: usize = 1_024;

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Where frames go, durably.
pub(crate) trait Store: Send + Sync + 'static {
    /// Of devices that are all let in to the same.
    fn store(
        &self,
        frames: &[Frame],
        to: Admitted,
    ) -> impl Future<Output = Result<(), LogError>> + Send;
}

impl Store for RedisLog {
    async fn store(&self, frames: &[Frame], to: Admitted) -> Result<(), LogError> {
        match to {
            Admitted::Log => self.append(frames).await,
            Admitted::Quarantine => self.quarantine(frames).await,
            Admitted::Refused => Ok(()),
        }
    }
}

type Waiting = (Frame, oneshot::Sender<()>);

/// Puts frames into the log, those of all sockets together. Strangers queue apart: many of them
/// hold up nobody else.
#[derive(Clone)]
pub(crate) struct Appender {
    frames: mpsc::Sender<Waiting>,
    strangers: mpsc::Sender<Waiting>,
}

/// It must not be acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStored {
    #[error("the gateway stopped before the frame was stored")]
    Stopped,
    #[error("a frame of {0} bytes is too large for a device in quarantine")]
    TooLarge(usize),
    #[error("the device is not let in")]
    Refused,
}

impl Appender {
    /// The returned task ends when all appenders are gone and what they sent is stored.
    pub(crate) fn start<S: Store>(
        store: Arc<S>,
        meters: Arc<Meters>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (frames, waiting) = mpsc::channel(WAITING);
        let (strangers, apart) = mpsc::channel(WAITING);
        let appending = tokio::spawn(async move {
            tokio::join!(
                append_all(&*store, Admitted::Log, &meters, waiting),
                append_all(&*store, Admitted::Quarantine, &meters, apart),
            );
        });
        (Self { frames, strangers }, appending)
    }

    /// Returns when the frame is durable, however long that takes.
    pub(crate) async fn append(&self, frame: Frame, to: Admitted) -> Result<(), NotStored> {
        let queue = match to {
            Admitted::Refused => return Err(NotStored::Refused),
            Admitted::Log => &self.frames,
            Admitted::Quarantine => {
                let size = frame.to_bytes().len();
                if size > RedisLog::QUARANTINE_LARGEST {
                    return Err(NotStored::TooLarge(size));
                }
                &self.strangers
            }
        };
        let (stored, told) = oneshot::channel();
        queue.send((frame, stored)).await.map_err(|_| NotStored::Stopped)?;
        told.await.map_err(|_| NotStored::Stopped)
    }
}

async fn append_all(
    store: &impl Store,
    to: Admitted,
    meters: &Meters,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (frames, told): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            match store.store(&frames, to).await {
                Ok(()) => {
                    meters.append_seconds.record(started.elapsed());
                    meters.append_batch.record(frames.len() as f64);
                    break;
                }
                Err(error) => {
                    meters.append_failures.increment(1);
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        frames = frames.len(),
                        "the log takes no frames; devices are not acknowledged, trying again"
                    );
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                }
            }
        }
        for told in told {
            // A socket that is gone needs no answer: its device sends again.
            let _ = told.send(());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use biplane_core::{Imei, Timestamp};

    use super::*;

    /// As a Redis that hangs: it never answers. Of strangers it takes what comes.
    struct Hangs;

    impl Store for Hangs {
        async fn store(&self, _: &[Frame], to: Admitted) -> Result<(), LogError> {
            if to == Admitted::Log { std::future::pending().await } else { Ok(()) }
        }
    }

    fn frame() -> Frame {
        Frame {
            imei: Imei::with_check_digit(35_000_000_000_000),
            received_at: Timestamp::default(),
            gateway: "test".into(),
            protocol: "test".into(),
            trace_id: 1,
            fixes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_log_that_hangs_has_a_bounded_number_of_frames_waiting_for_it() {
        let (appender, appending) = Appender::start(Arc::new(Hangs), Arc::new(Meters::new()));
        let mut taken = 0;
        loop {
            let (stored, _) = oneshot::channel();
            match appender.frames.try_send((frame(), stored)) {
                Ok(()) => taken += 1,
                // Once the appending task had its turn nothing goes any more.
                Err(_) if taken > WAITING => break,
                Err(_) => tokio::task::yield_now().await,
            }
            assert!(taken <= WAITING + BATCH, "{taken} frames");
        }
        let append = tokio::time::timeout(
            Duration::from_millis(100),
            appender.append(frame(), Admitted::Log),
        );
        assert!(append.await.is_err(), "the next one waits before the queue");
        appender.append(frame(), Admitted::Quarantine).await.unwrap();
        appending.abort();
    }

    #[tokio::test]
    async fn a_strangers_frame_that_is_too_large_is_not_stored() {
        let (appender, _appending) = Appender::start(Arc::new(Hangs), Arc::new(Meters::new()));
        let large = Frame { protocol: "x".repeat(RedisLog::QUARANTINE_LARGEST), ..frame() };
        let refused = appender.append(large, Admitted::Quarantine).await;
        assert!(matches!(refused, Err(NotStored::TooLarge(size)) if size > 16_384), "{refused:?}");
        let refused = appender.append(frame(), Admitted::Refused).await;
        assert!(matches!(refused, Err(NotStored::Refused)), "{refused:?}");
    }
}
