//! `directus-down`: Directus is away under load. Positions and crossings go on meanwhile, and a live
//! client that was let in before stays.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use biplane_stack::fleet::device_id;
use biplane_stack::{Description, Layout, Progress, SetupError, Stack, live};
use clap::Args;
use serde_json::json;
use tokio_postgres::Client;

use crate::load::{Load, connect};
use crate::{Outcome, failed};

/// Before Directus goes, in seconds.
const BEFORE: u64 = 3;
/// How long Directus may take to come back, in seconds.
const RETURN: f64 = 30.0;

/// Kill Directus under load and leave it dead for a while.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long Directus is away, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

/// What there is at a moment.
struct Seen {
    stored: u64,
    crossings: i64,
    live: u64,
}

impl Arguments {
    /// Starts a stack of its own, takes its Directus away, counts, and stops it.
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
        let seconds = (BEFORE as f64) + f64::from(self.seconds) + RETURN;
        let load = Load::new(description, self.devices, seconds).await?;
        let database = connect(description).await?;
        let directus = description.administrator().await.map_err(failed)?;
        let devices: Vec<_> =
            load.fleet.tracks.iter().map(|track| device_id(track.number)).collect();
        let topic = json!({ "devices": devices });
        let (received, channel) =
            live::follow(&description.live_url, directus.token().unwrap_or_default(), &topic)
                .await?;

        let step = progress.step("Directus is away");
        let look = async || {
            let stored = load.stored(&database).await?.0;
            let live = received.positions.load(Ordering::Relaxed);
            Ok::<_, SetupError>(Seen { stored, crossings: crossings(&database).await?, live })
        };
        let away = async {
            tokio::time::sleep(Duration::from_secs(BEFORE)).await;
            let outage = async {
                // What was on its way when Directus went is not what came without it.
                tokio::time::sleep(Duration::from_secs(2)).await;
                let from = look().await?;
                tokio::time::sleep(Duration::from_secs(u64::from(self.seconds) - 2)).await;
                Ok::<_, SetupError>((from, look().await?))
            };
            stack.outage("Directus", outage).await?
        };
        let (from, to) = load.under(away).await?;
        let stayed = !channel.is_finished();
        channel.abort();
        let (positions, live) = (to.stored - from.stored, to.live - from.live);
        let crossings = to.crossings - from.crossings;
        step.done(format!("{positions} positions, {crossings} crossings, {live} seen live"));

        let times = BTreeMap::from([("Directus", 1)]);
        let mut outcome = load.count("directus-down", 0, times, description, progress).await?;
        outcome.ok &= positions > 0 && crossings > 0 && live > 0 && stayed;
        Ok(outcome)
    }
}

async fn crossings(database: &Client) -> Result<i64, SetupError> {
    let row = database.query_one("SELECT count(*) FROM crossings", &[]).await.map_err(failed)?;
    Ok(row.get(0))
}
