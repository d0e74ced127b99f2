//! Owning partitions: leases, and a reader for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::{Lease, Log, LogError};
use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::away::{Away, chain};
use super::{Chunk, Owned};
use crate::Metrics;

/// Entries that one read takes; a frame is one to some tens of positions.
const READ: usize = 256;
/// How long a read waits for something new.
const WAIT: Duration = Duration::from_secs(2);

struct Held {
    lease: Lease,
    reader: JoinHandle<()>,
}

/// Takes what partitions it can and reads them into `chunks`, until told to stop. Returns the
/// leases that it holds then: they are to be released once everything read is written.
/// Every `renew`, a few times a lease, leases are renewed and others' partitions tried.
///
/// Readers wait when nobody takes their chunks, leases are renewed all the same: a database that
/// is away costs no partition.
pub(crate) async fn own<L: Log + 'static>(
    log: Arc<L>,
    owner: String,
    renew: Duration,
    chunks: mpsc::Sender<Chunk>,
    owned: watch::Sender<Owned>,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) -> Vec<Lease> {
    let mut held: HashMap<u16, Held> = HashMap::new();
    let mut away = Away::new("renewing leases", Some(&metrics.log_away));
    loop {
        let all = join_all((0..log.partitions()).map(|partition| {
            let (log, owner) = (&log, &owner);
            async move { (partition, log.fence(partition, owner).await) }
        }));
        let answers = tokio::select! {
            answers = all => answers,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let mut failure = None;
        for (partition, answer) in answers {
            match answer {
                Ok(Some(lease)) => {
                    let goes_on = held.get(&partition).is_some_and(|held| {
                        held.lease.generation == lease.generation && !held.reader.is_finished()
                    });
                    if !goes_on {
                        let reader =
                            tokio::spawn(read(Arc::clone(&log), lease.clone(), chunks.clone()));
                        let before = held.insert(partition, Held { lease, reader });
                        if let Some(before) = before {
                            before.reader.abort();
                        }
                    }
                }
                Ok(None) => {
                    if let Some(lost) = held.remove(&partition) {
                        tracing::warn!(partition, "the partition went to another processor");
                        lost.reader.abort();
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        metrics.partitions.store(held.len() as u64, Relaxed);
        let now: Owned = held.iter().map(|(&p, held)| (p, held.lease.generation)).collect();
        owned.send_if_modified(|before| std::mem::replace(before, now.clone()) != now);
        let pause = async {
            match failure {
                Some(error) => away.failed(&error).await,
                None => {
                    away.succeeded();
                    tokio::time::sleep(renew).await;
                }
            }
        };
        tokio::select! {
            () = pause => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let mut leases = Vec::new();
    for (_, held) in held {
        held.reader.abort();
        // Only when the reader is gone nobody holds the other end of `chunks`.
        let _ = held.reader.await;
        leases.push(held.lease);
    }
    metrics.partitions.store(0, Relaxed);
    leases
}

/// Reads a partition until its lease is lost. What a reader that is aborted had in hand is read
/// again by the next owner.
async fn read<L: Log>(log: Arc<L>, lease: Lease, chunks: mpsc::Sender<Chunk>) {
    let mut away = Away::new("reading the log", None);
    loop {
        match log.read(&lease, READ, WAIT).await {
            Ok(entries) => {
                away.succeeded();
                if !entries.is_empty()
                    && chunks.send(Chunk { lease: lease.clone(), entries }).await.is_err()
                {
                    return;
                }
            }
            Err(error @ LogError::Fenced { .. }) => {
                tracing::info!(error = chain(&error), "reading the partition ends");
                return;
            }
            Err(error) => away.failed(&error).await,
        }
    }
}
