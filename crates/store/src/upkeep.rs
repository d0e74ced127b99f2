//! Partitions of the positions: made ahead, and dropped when their time is over.

use std::time::{Duration, SystemTime};

use tokio_postgres::Client;

use crate::{ConnectError, connect};

/// How long positions are kept, and when they are compressed; by the device's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Whole days; `None`: for ever.
    pub days: Option<u32>,
    /// Compressed by TimescaleDB after so many days; `None`: as the database is set up.
    pub compress_after_days: Option<u32>,
}

/// What one round of upkeep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkept {
    /// Partitions that were made for days to come.
    pub made: u32,
    /// The days that were dropped, as `2026-05-01`.
    pub dropped: Vec<String>,
    /// Rows of the quarantine that were deleted.
    pub forgotten: u64,
    /// Rows of what live clients were told that were deleted.
    pub told: u64,
    /// What became of the wish to compress, where there is one.
    pub compression: Option<Compression>,
}

/// What the database says to a wish to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// From now on.
    Set,
    /// It did already.
    Unchanged,
    /// It has no TimescaleDB, and PostgreSQL's own partitions can't.
    Unavailable,
}

/// Why a round of upkeep broke off. What it did before is done.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused, did not get the lock in time, or went away.
    #[error("PostgreSQL did not {what}")]
    Refused {
        /// What it was to do.
        what: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
}

/// Upkeep over one connection that holds the right to it: one processor has it at a time, and another
/// takes over when its connection ends.
#[derive(Debug)]
pub struct Upkeep {
    url: String,
    client: Option<Client>,
}

/// Of the advisory lock; any number that nobody else takes in this database.
const LOCK: i64 = 0x6269_706c_616e_6502;
/// Days that are made ahead of today.
const AHEAD_DAYS: i32 = 3;
/// To make or drop a partition nobody may be at the table; while that waits for its turn, writers wait
/// behind it. So it waits for no longer than they can do without the table.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '500ms'";
/// Rows of the quarantine that are deleted in one transaction.
const TOGETHER: i32 = 10_000;

fn refused(what: &'static str) -> impl Fn(tokio_postgres::Error) -> UpkeepError {
    move |source| UpkeepError::Refused { what, source }
}

impl Upkeep {
    /// Connects at the first round.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None }
    }

    /// One round, `now` being by the processor's clock; `None` while another processor does it.
    ///
    /// Each partition is a transaction of its own. Crossings, trips and alerts of dropped positions
    /// stay.
    pub async fn round(
        &mut self,
        retention: Retention,
        now: SystemTime,
    ) -> Result<Option<Upkept>, UpkeepError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
            let (client, _) = connect(&self.url).await?;
            client.batch_execute(LOCK_TIMEOUT).await.map_err(refused("set a lock timeout"))?;
            let sql = "SELECT pg_try_advisory_lock($1)";
            let row = client.query_one(sql, &[&LOCK]).await.map_err(refused("lock"))?;
            if !row.get::<_, bool>(0) {
                return Ok(None);
            }
            self.client = Some(client);
        }
        let Some(client) = &self.client else { return Ok(None) };
        let mut upkept = Upkept::default();
        for ahead in 0..=AHEAD_DAYS {
            let sql = "SELECT telemetry.ensure_partitions(day, day)
                FROM (SELECT $1::timestamptz + make_interval(days => $2) AS day) AS one";
            let row = client.query_one(sql, &[&now, &ahead]).await;
            let row = row.map_err(refused("make a partition ahead"))?;
            upkept.made += row.get::<_, i32>(0).unsigned_abs();
        }
        if let Some(days) = retention.days {
            let keep_from = keep_from(now, days);
            upkept.dropped = drop_before(client, keep_from).await?;
            upkept.forgotten = forget_quarantine(client, keep_from).await?;
        }
        upkept.told = crate::live_events::forget(client)
            .await
            .map_err(refused("forget what live clients were told"))?;
        if let Some(days) = retention.compress_after_days {
            let days = i32::try_from(days).unwrap_or(i32::MAX);
            let row = client.query_one("SELECT telemetry.compress_after($1)", &[&days]).await;
            let row = row.map_err(refused("set a policy of compression"))?;
            upkept.compression = Some(match row.get(0) {
                "set" => Compression::Set,
                "unchanged" => Compression::Unchanged,
                _ => Compression::Unavailable,
            });
        }
        Ok(Some(upkept))
    }
}

fn keep_from(now: SystemTime, days: u32) -> SystemTime {
    let kept = Duration::from_secs(u64::from(days) * 86_400);
    now.checked_sub(kept).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Each day by itself: the table is nobody else's for as long as it takes to drop one.
async fn drop_before(client: &Client, keep_from: SystemTime) -> Result<Vec<String>, UpkeepError> {
    let mut dropped = Vec::new();
    loop {
        let sql = "SELECT telemetry.drop_before($1, 1)::text[]";
        let row = client.query_one(sql, &[&keep_from]).await;
        let days: Vec<String> = row.map_err(refused("drop a partition"))?.get(0);
        if days.is_empty() {
            return Ok(dropped);
        }
        dropped.extend(days);
    }
}

async fn forget_quarantine(client: &Client, keep_from: SystemTime) -> Result<u64, UpkeepError> {
    let mut forgotten = 0;
    loop {
        let sql = "SELECT telemetry.forget_quarantine($1, $2)";
        let row = client.query_one(sql, &[&keep_from, &TOGETHER]).await;
        let count: i64 = row.map_err(refused("forget quarantined positions"))?.get(0);
        if count == 0 {
            return Ok(forgotten);
        }
        forgotten += count.unsigned_abs();
    }
}
