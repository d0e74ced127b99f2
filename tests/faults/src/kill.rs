//! `kill`: kill -9 of gateway, processor, Redis and PostgreSQL at random moments under load.
//!
//! Proves what survives a crash of a process. It proves nothing about a loss of power: what the
//! kernel has, a killed process leaves behind.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use biplane_stack::fleet::{self, Fleet, Sequence};
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, Layout, Progress, SetupError, Stack};
use clap::Args;
use tokio_postgres::{Client, NoTls};

use crate::{Outcome, failed};

/// What is killed, by the names that the stack gives them.
const VICTIMS: [&str; 4] = ["Gateway", "Processor", "Redis", "PostgreSQL"];
/// Recorded seconds a second: 50 trackers send 10,000 positions a second.
const SPEED: f64 = 200.0;
/// Between two kills, in seconds.
const PAUSE: std::ops::Range<f64> = 0.5..3.0;

/// Kill gateway, processor, Redis and PostgreSQL at random moments under load.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often something is killed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    /// Chooses victims and moments; from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

impl Arguments {
    /// Starts a stack of its own, torments it, counts, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        crate::on_a_stack(layout, progress, async |stack, description| {
            self.torment(stack, description, progress).await
        })
        .await
    }

    async fn torment(
        self,
        stack: &mut Stack,
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let seed = self.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(0, |now| now.as_millis() as u64)
        });
        // Long enough that the last kill still finds trackers at work.
        let seconds = f64::from(self.kills) * (PAUSE.end + 1.0) + 5.0;
        let fleet = Fleet::new(self.devices, (seconds * SPEED) as u32);
        let gateway: SocketAddr = description.teltonika.parse().map_err(failed)?;
        fleet.furnish(&connect(description).await?, 100).await?;
        fleet.await_known(gateway).await?;

        let step = progress.step("Killing");
        let counters = Arc::new(Counters::default());
        let flying = replay::fly(gateway, &fleet.tracks, Pace::Times(SPEED), &counters);
        let mut flying = std::pin::pin!(flying);
        let mut kills = BTreeMap::new();
        let killing = async {
            let mut random = Sequence::new(seed);
            for kill in 1..=self.kills {
                let pause = PAUSE.start + random.unit() * (PAUSE.end - PAUSE.start);
                tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                let victim = VICTIMS[(random.unit() * VICTIMS.len() as f64) as usize];
                step.note(format!("{kill} of {}: {victim}", self.kills));
                stack.crash(victim).await?;
                *kills.entry(victim).or_insert(0) += 1;
            }
            Ok::<_, SetupError>(())
        };
        // The trackers fly on when the killing is over, never the other way round: then the last
        // kills would have met an idle stack.
        tokio::select! {
            killed = killing => killed?,
            flown = &mut flying => {
                flown.map_err(failed)?;
                return Err(failed("the trackers were through before the killing was"));
            }
        }
        let patience = Duration::from_secs_f64(seconds + 120.0);
        tokio::time::timeout(patience, flying).await.map_err(failed)?.map_err(failed)?;
        let acknowledged = counters.acknowledged.load(Ordering::Relaxed);
        step.done(format!("{} kills, {acknowledged} records acknowledged", self.kills));

        let step = progress.step("Counting");
        let (stored, rows) = settled(&connect(description).await?, &fleet).await?;
        step.done(format!("{stored} of them stored, in {rows} rows"));
        let (lost, doubled) = (acknowledged.saturating_sub(stored), rows - stored);
        let ok = lost == 0 && doubled == 0 && acknowledged > 0;
        Ok(Outcome { fault: "kill", seed, acknowledged, stored, lost, doubled, ok, kills })
    }
}

/// How many of the fleet's records are in the table, and in how many rows, once that has not
/// changed for 10 s or is complete.
async fn settled(database: &Client, fleet: &Fleet) -> Result<(u64, u64), SetupError> {
    let devices: Vec<_> = fleet.tracks.iter().map(|track| fleet::device_id(track.number)).collect();
    let complete = fleet.positions() as u64;
    let mut before = (0, 0);
    let mut quiet = 0;
    loop {
        // Every record of a tracker has a time of its own.
        let row = database
            .query_one(
                "SELECT count(DISTINCT (device, ts)), count(*) FROM telemetry.positions
                 WHERE device = ANY($1)",
                &[&devices],
            )
            .await
            .map_err(failed)?;
        let now = (row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs());
        quiet = if now == before { quiet + 1 } else { 0 };
        if now.0 == complete || quiet >= 10 {
            return Ok(now);
        }
        before = now;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A connection made anew: the former one died with a PostgreSQL.
async fn connect(description: &Description) -> Result<Client, SetupError> {
    let (client, connection) =
        tokio_postgres::connect(&description.database_url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    Ok(client)
}
