//! Making and dropping partitions, beside the writing.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use biplane_store::{Compression, Retention, Upkeep};

use crate::Metrics;
use crate::ingest::chain;

/// Partitions are made for days ahead, and live days: once an hour is often.
const EVERY: Duration = Duration::from_secs(3600);
/// After a round that broke off: the table was at work, or there is none yet.
const AGAIN: Duration = Duration::from_secs(60);

/// Does a round of upkeep at the start and once an hour.
pub(crate) async fn upkeep(mut upkeep: Upkeep, retention: Retention, metrics: Arc<Metrics>) {
    // Said once: a setting that has no effect stays one.
    let mut has_warned = false;
    loop {
        match upkeep.round(retention, SystemTime::now()).await {
            Ok(None) => tracing::debug!("another processor makes and drops partitions"),
            Ok(Some(upkept)) => {
                metrics.days_made.fetch_add(u64::from(upkept.made), Relaxed);
                metrics.days_dropped.fetch_add(upkept.dropped.len() as u64, Relaxed);
                metrics.quarantine_forgotten.fetch_add(upkept.forgotten, Relaxed);
                if !upkept.dropped.is_empty() || upkept.forgotten > 0 {
                    let (days, quarantined) = (upkept.dropped, upkept.forgotten);
                    tracing::info!(?days, quarantined, "positions went, their retention is over");
                }
                match upkept.compression {
                    Some(Compression::Set) => {
                        let days = retention.compress_after_days;
                        tracing::info!(?days, "TimescaleDB compresses positions that are older");
                    }
                    Some(Compression::Unavailable) if !has_warned => {
                        has_warned = true;
                        tracing::warn!(
                            "BIPLANE_COMPRESS_AFTER_DAYS has no effect: TimescaleDB does not hold the positions"
                        );
                    }
                    _ => {}
                }
            }
            Err(error) => {
                metrics.upkeep_failures.fetch_add(1, Relaxed);
                tracing::warn!(error = chain(&error), "partitions: tried again in a minute");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
