//! Telling the hubs. Best effort: nothing waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use biplane_bus::LiveFeed;
use biplane_core::live::LiveItem;
use tokio::sync::mpsc;

use super::away::Away;
use crate::Metrics;

/// How many batches of a partition may wait; what comes beyond is not shown.
const WAITING: usize = 256;

/// Publishes in the order given, in a task of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<(u16, Vec<LiveItem>)>,
    metrics: Arc<Metrics>,
}

impl Publisher {
    pub(crate) fn start(feed: LiveFeed, metrics: Arc<Metrics>) -> Self {
        let (queue, mut queued) = mpsc::channel::<(u16, Vec<LiveItem>)>(WAITING);
        let counts = Arc::clone(&metrics);
        tokio::spawn(async move {
            let mut away = Away::new("publishing live positions", None);
            while let Some((partition, items)) = queued.recv().await {
                match feed.publish(partition, &items).await {
                    Ok(()) => away.succeeded(),
                    Err(error) => {
                        counts.unpublished.fetch_add(items.len() as u64, Relaxed);
                        away.failed(&error).await;
                    }
                }
            }
        });
        Self { queue, metrics }
    }

    pub(crate) fn publish(&self, items: impl IntoIterator<Item = (u16, Vec<LiveItem>)>) {
        for (partition, items) in items {
            let count = items.len() as u64;
            if self.queue.try_send((partition, items)).is_err() {
                self.metrics.unpublished.fetch_add(count, Relaxed);
            }
        }
    }
}
