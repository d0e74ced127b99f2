use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_bus::Log;
use biplane_core::Frame;
use tokio::sync::{mpsc, oneshot};

use crate::meters::Meters;

/// The most frames that go to the log in one go.
const BATCH: usize = 512;

/// Frames waiting for their turn. A socket has one frame on its way at most, so
/// this bounds how far reading runs ahead of the log, not how much is lost.
const WAITING: usize = 1_024;

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Puts frames into the log, those of all sockets together.
#[derive(Clone)]
pub(crate) struct Appender {
    frames: mpsc::Sender<(Frame, oneshot::Sender<()>)>,
}

/// The gateway stops without having stored the frame: it must not be acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("the gateway stopped before the frame was stored")]
pub(crate) struct NotStored;

impl Appender {
    /// The returned task ends when all appenders are gone and what they sent is stored.
    pub(crate) fn start<L: Log + 'static>(
        log: Arc<L>,
        meters: Arc<Meters>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (frames, waiting) = mpsc::channel(WAITING);
        (Self { frames }, tokio::spawn(append_all(log, meters, waiting)))
    }

    /// Returns when the frame is durable, however long that takes.
    pub(crate) async fn append(&self, frame: Frame) -> Result<(), NotStored> {
        let (stored, told) = oneshot::channel();
        self.frames.send((frame, stored)).await.map_err(|_| NotStored)?;
        told.await.map_err(|_| NotStored)
    }
}

async fn append_all<L: Log>(
    log: Arc<L>,
    meters: Arc<Meters>,
    mut waiting: mpsc::Receiver<(Frame, oneshot::Sender<()>)>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (frames, told): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            match log.append(&frames).await {
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

    use biplane_bus::{Entry, EntryId, Lease, LogError};
    use biplane_core::{Imei, Timestamp};

    use super::*;

    /// As a Redis that hangs: it never answers.
    struct Hangs;

    impl Log for Hangs {
        fn partitions(&self) -> u16 {
            16
        }

        async fn append(&self, _: &[Frame]) -> Result<(), LogError> {
            std::future::pending().await
        }

        async fn fence(&self, _: u16, _: &str) -> Result<Option<Lease>, LogError> {
            Ok(None)
        }

        async fn read(&self, _: &Lease, _: usize, _: Duration) -> Result<Vec<Entry>, LogError> {
            Ok(Vec::new())
        }

        async fn commit(&self, _: &Lease, _: &[EntryId]) -> Result<(), LogError> {
            Ok(())
        }

        async fn bury(&self, _: &Lease, _: &EntryId, _: &[u8], _: &str) -> Result<(), LogError> {
            Ok(())
        }

        async fn release(&self, _: Lease) -> Result<(), LogError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_log_that_hangs_has_a_bounded_number_of_frames_waiting_for_it() {
        let (appender, appending) = Appender::start(Arc::new(Hangs), Arc::new(Meters::new()));
        let frame = Frame {
            imei: Imei::with_check_digit(35_000_000_000_000),
            received_at: Timestamp::default(),
            gateway: "test".into(),
            protocol: "test".into(),
            trace_id: 1,
            fixes: Vec::new(),
        };
        let mut taken = 0;
        loop {
            let (stored, _) = oneshot::channel();
            match appender.frames.try_send((frame.clone(), stored)) {
                Ok(()) => taken += 1,
                // Once the appending task had its turn nothing goes any more.
                Err(_) if taken > WAITING => break,
                Err(_) => tokio::task::yield_now().await,
            }
            assert!(taken <= WAITING + BATCH, "{taken} frames");
        }
        let append = tokio::time::timeout(Duration::from_millis(100), appender.append(frame));
        assert!(append.await.is_err(), "the next one waits before the queue");
        appending.abort();
    }
}
