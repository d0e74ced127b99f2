//! Telling the hubs. Best effort: nothing waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use biplane_bus::LiveFeed;
use biplane_core::live::PublishedPosition;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::away::Away;
use crate::Metrics;

/// How many batches may wait; what comes beyond is not shown.
const WAITING: usize = 256;

type Items = (u16, Vec<PublishedPosition>);

/// Publishes in the order given, in a task of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    positions: mpsc::Sender<Items>,
    metrics: Arc<Metrics>,
}

impl Publisher {
    /// The task ends when everything is published and no clone is left.
    pub(crate) fn start(feed: LiveFeed, metrics: Arc<Metrics>) -> (Self, JoinHandle<()>) {
        let (positions, mut next_positions) = mpsc::channel::<Items>(WAITING);
        let counts = Arc::clone(&metrics);
        let task = tokio::spawn(async move {
            let mut away = Away::new("publishing live positions", None);
            while let Some(next) = next_positions.recv().await {
                match feed.publish(next.0, &next.1).await {
                    Ok(()) => away.succeeded(),
                    Err(error) => {
                        counts.unpublished.fetch_add(next.1.len() as u64, Relaxed);
                        away.failed(&error).await;
                    }
                }
            }
        });
        (Self { positions, metrics }, task)
    }

    pub(crate) fn positions(&self, items: impl IntoIterator<Item = Items>) {
        for items in items {
            let count = items.1.len() as u64;
            if self.positions.try_send(items).is_err() {
                self.metrics.unpublished.fetch_add(count, Relaxed);
            }
        }
    }
}
