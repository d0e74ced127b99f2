//! Telling the hubs. Best effort: nothing waits for it.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use biplane_bus::LiveFeed;
use biplane_core::DeviceId;
use biplane_core::live::PublishedPosition;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::away::Away;
use crate::Metrics;

/// Publishes in a task of its own, of each device the latest position of each kind: what comes while
/// Redis is at the ones before takes the place of what waits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    waiting: Arc<Mutex<Waiting>>,
    /// Rung when something waits.
    bell: mpsc::Sender<()>,
}

/// By device, and whether it is marked as faulty; with its partition.
type Waiting = HashMap<(DeviceId, bool), (u16, PublishedPosition)>;

impl Publisher {
    /// The task ends when everything is published and no clone is left.
    pub(crate) fn start(feed: LiveFeed, metrics: Arc<Metrics>) -> (Self, JoinHandle<()>) {
        let (bell, mut rung) = mpsc::channel(1);
        let waiting = Arc::new(Mutex::new(Waiting::new()));
        let publisher = Self { waiting: Arc::clone(&waiting), bell };
        let task = tokio::spawn(async move {
            let mut away = Away::new("publishing live positions", None);
            while rung.recv().await.is_some() {
                let taken = std::mem::take(&mut *lock(&waiting));
                let mut items: Vec<_> = taken.into_values().collect();
                items.sort_by_key(|(_, item)| item.position.time);
                match feed.publish(&items).await {
                    Ok(()) => away.succeeded(),
                    Err(error) => {
                        metrics.unpublished.fetch_add(items.len() as u64, Relaxed);
                        away.failed(&error).await;
                    }
                }
            }
        });
        (publisher, task)
    }

    /// In the order in which they are decided.
    pub(crate) fn positions(&self, items: impl IntoIterator<Item = (u16, PublishedPosition)>) {
        let mut waiting = lock(&self.waiting);
        for (partition, item) in items {
            waiting.insert((item.position.device, item.position.faulty), (partition, item));
        }
        drop(waiting);
        // Full: it was rung, and what waits is not taken yet.
        let _ = self.bell.try_send(());
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
