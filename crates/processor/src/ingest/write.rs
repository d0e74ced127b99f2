//! Writing, then telling the log.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_bus::{Log, LogError};
use biplane_store::{Counts, WriteError, Writer};
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Interval;

use super::away::{Away, chain};
use super::pipeline::{Ask, Job, Work};
use super::setup::now;
use crate::Metrics;

/// A device not heard of for so long is no longer connected: as long as a gateway's registration.
const SILENT_MS: i64 = 300_000;
/// Dead letters that are on their way together.
const BURIED_TOGETHER: usize = 64;
const SWEEP: Duration = Duration::from_secs(30);

/// Writes what is decided until nothing more comes; what is written goes on to be committed,
/// while the next is written. Each is tried until it succeeds.
pub(crate) async fn write(
    mut writer: Writer,
    asks: mpsc::Sender<Ask>,
    written: mpsc::Sender<Work>,
    metrics: Arc<Metrics>,
) {
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while let Some(job) = next_job(&asks, &mut writer, &mut sweep).await {
        match job {
            Job::Write(mut next) => {
                write_one(&mut writer, &mut next, &metrics).await;
                if written.send(*next).await.is_err() {
                    return;
                }
            }
            Job::Tell(told) => {
                let _ = told.send(());
            }
        }
    }
}

/// Asks for something to write, and looks after silent devices until it comes; `None` when nothing
/// more does.
async fn next_job(
    asks: &mpsc::Sender<Ask>,
    writer: &mut Writer,
    sweep: &mut Interval,
) -> Option<Job> {
    let (ask, mut job) = oneshot::channel();
    asks.send(ask).await.ok()?;
    loop {
        tokio::select! {
            job = &mut job => return job.ok(),
            _ = sweep.tick() => {
                if let Err(error) = writer.mark_silent(now() + -SILENT_MS).await {
                    tracing::debug!(error = chain(&error), "silent devices were not marked");
                }
            }
        }
    }
}

async fn write_one(writer: &mut Writer, work: &mut Work, metrics: &Metrics) {
    let started = Instant::now();
    let mut away = Away::new("writing to the database", Some(&metrics.database_away));
    let (counts, positions) = loop {
        let batches: Vec<_> =
            work.decided.batches.values().filter(|batch| !batch.is_empty()).collect();
        if batches.is_empty() {
            away.succeeded();
            return;
        }
        match writer.write(&batches).await {
            Ok(counts) => break (counts, batches.iter().map(|batch| batch.positions()).sum()),
            // The next owner reads all of it again: it is not committed.
            Err(WriteError::Fenced { partitions }) => {
                tracing::warn!(
                    ?partitions,
                    "partitions went to another processor before what was read of them was written"
                );
                metrics.fenced.fetch_add(partitions.len() as u64, Relaxed);
                work.forget(&partitions);
            }
            Err(error) => away.failed(&error).await,
        }
    };
    away.succeeded();
    metrics.observe_write(started.elapsed(), positions);
    count(metrics, counts);
    let written = now();
    for &(received_at, positions) in &work.received {
        let seconds = (written - received_at) as f64 / 1000.0;
        metrics.frame_to_row_seconds.observe(seconds.max(0.0), positions as u64);
    }
}

impl Work {
    /// Leaves partitions to who owns them now.
    fn forget(&mut self, partitions: &[u16]) {
        let lost = |partition: &u16| partitions.contains(partition);
        self.decided.batches.retain(|partition, _| !lost(partition));
        self.done.retain(|(lease, _)| !lost(&lease.partition));
        self.dead.retain(|(lease, _, _)| !lost(&lease.partition));
    }
}

/// Tells the log what is written, until nothing more comes.
pub(crate) async fn commit<L: Log>(
    log: Arc<L>,
    mut written: mpsc::Receiver<Work>,
    metrics: Arc<Metrics>,
) {
    while let Some(work) = written.recv().await {
        let started = Instant::now();
        commit_one(&*log, &work, &metrics).await;
        metrics.commit_seconds.observe(started.elapsed().as_secs_f64(), 1);
    }
}

async fn commit_one<L: Log>(log: &L, work: &Work, metrics: &Metrics) {
    // All at once: Redis flushes its file once for what arrives together.
    let commits = work.done.iter().filter(|(_, ids)| !ids.is_empty());
    join_all(commits.map(|(lease, ids)| until_told(metrics, move || log.commit(lease, ids)))).await;
    for dead in work.dead.chunks(BURIED_TOGETHER) {
        join_all(dead.iter().map(|(lease, id, poison)| {
            tracing::warn!(partition = lease.partition, %id, reason = poison.error, "a log entry goes to the dead letters");
            until_told(metrics, move || log.bury(lease, id, &poison.bytes, &poison.error))
        }))
        .await;
    }
}

/// Repeats until the log takes it, or says that the partition is no longer ours: then its next
/// owner reads it again, finds it written, and commits it.
async fn until_told<F: Future<Output = Result<(), LogError>>>(
    metrics: &Metrics,
    tell: impl Fn() -> F,
) {
    let mut away = Away::new("committing to the log", Some(&metrics.log_away));
    loop {
        match tell().await {
            Ok(()) => return away.succeeded(),
            Err(error @ (LogError::Fenced { .. } | LogError::Partition { .. })) => {
                tracing::info!(error = chain(&error), "not committed");
                return away.succeeded();
            }
            Err(error) => away.failed(&error).await,
        }
    }
}

fn count(metrics: &Metrics, counts: Counts) {
    metrics.stored.fetch_add(counts.stored, Relaxed);
    metrics.duplicate.fetch_add(counts.duplicate, Relaxed);
    metrics.quarantined.fetch_add(counts.quarantined, Relaxed);
    metrics.crossings.fetch_add(counts.crossings, Relaxed);
}
