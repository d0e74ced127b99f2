//! A fleet under way, and what has become of what it saw acknowledged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use biplane_stack::fleet::{self, Fleet};
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, Progress, SetupError};
use tokio_postgres::{Client, NoTls};

use crate::{Outcome, failed};

/// Recorded seconds a second: 50 trackers send 10,000 positions a second.
const SPEED: f64 = 200.0;
const FENCES: u32 = 1_000;

/// A fleet that the gateway knows.
pub struct Load {
    pub fleet: Fleet,
    pub gateway: SocketAddr,
    seconds: f64,
    pub counters: Arc<Counters>,
}

impl Load {
    /// Registers trackers that have something to send for so many seconds.
    pub async fn new(
        description: &Description,
        devices: u32,
        seconds: f64,
    ) -> Result<Self, SetupError> {
        let fleet = Fleet::new(devices, (seconds * SPEED) as u32);
        let gateway: SocketAddr = description.teltonika.parse().map_err(failed)?;
        fleet.furnish(&connect(description).await?, FENCES).await?;
        fleet.await_known(gateway).await?;
        Ok(Self { fleet, gateway, seconds, counters: Arc::default() })
    }

    /// The fleet flies from before the fault until after it.
    pub async fn under<T>(
        &self,
        fault: impl Future<Output = Result<T, SetupError>>,
    ) -> Result<T, SetupError> {
        let pace = Pace::Times(SPEED);
        let flying = replay::fly(self.gateway, &self.fleet.tracks, pace, &self.counters);
        let mut flying = std::pin::pin!(flying);
        // The trackers fly on when the fault is over, never the other way round: then the end of
        // it would have met an idle stack.
        let outcome = tokio::select! {
            outcome = fault => outcome?,
            flown = &mut flying => {
                flown.map_err(failed)?;
                return Err(failed("the trackers were through before the fault was"));
            }
        };
        let patience = Duration::from_secs_f64(self.seconds + 120.0);
        tokio::time::timeout(patience, flying).await.map_err(failed)?.map_err(failed)?;
        Ok(outcome)
    }

    /// Counts what was acknowledged and what is stored of it.
    pub async fn count(
        &self,
        fault: &'static str,
        seed: u64,
        times: BTreeMap<&'static str, u32>,
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let acknowledged = self.counters.acknowledged.load(Ordering::Relaxed);
        let step = progress.step("Counting");
        let (stored, rows) = self.settled(&connect(description).await?).await?;
        step.done(format!("{acknowledged} acknowledged, {stored} stored, in {rows} rows"));
        let (lost, doubled) = (acknowledged.saturating_sub(stored), rows - stored);
        let ok = lost == 0 && doubled == 0 && acknowledged > 0;
        Ok(Outcome { fault, seed, acknowledged, stored, lost, doubled, ok, times })
    }

    /// How many of the fleet's records are in the table, and in how many rows, once that has not
    /// changed for 10 s or is complete.
    async fn settled(&self, database: &Client) -> Result<(u64, u64), SetupError> {
        let complete = self.fleet.positions() as u64;
        let mut before = (0, 0);
        let mut quiet = 0;
        loop {
            let now = self.stored(database).await?;
            quiet = if now == before { quiet + 1 } else { 0 };
            if now.0 == complete || quiet >= 10 {
                return Ok(now);
            }
            before = now;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// How many of the fleet's records are in the table, and in how many rows.
    pub async fn stored(&self, database: &Client) -> Result<(u64, u64), SetupError> {
        let devices: Vec<_> =
            self.fleet.tracks.iter().map(|track| fleet::device_id(track.number)).collect();
        // Every record of a tracker has a time of its own.
        let row = database
            .query_one(
                "SELECT count(DISTINCT (device, ts)), count(*) FROM telemetry.positions
                 WHERE device = ANY($1)",
                &[&devices],
            )
            .await
            .map_err(failed)?;
        Ok((row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs()))
    }
}

/// A number that differs from run to run.
pub fn seed_of_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as u64)
}

/// A connection made anew: the former one may have died with a PostgreSQL.
pub async fn connect(description: &Description) -> Result<Client, SetupError> {
    let (client, connection) =
        tokio_postgres::connect(&description.database_url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    Ok(client)
}
