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
