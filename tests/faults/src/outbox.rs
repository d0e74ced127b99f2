//! `outbox`: Redis hangs while rows come into the outbox, then it is killed. All of them have to reach
//! Redis all the same, once it is back.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use biplane_stack::{Description, Layout, Progress, SetupError, Stack};
use clap::Args;
use tokio_postgres::{Client, NoTls};

use crate::{Outcome, failed};

/// Directus's user in Redis may write commands only.
const STREAM: &str = "commands:outbox-fault";

/// Let Redis hang, then kill it, while rows come into the outbox.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long Redis hangs, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
}

impl Arguments {
    /// Starts a stack of its own, lets its Redis hang, counts, and stops it.
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
        let (database, connection) =
            tokio_postgres::connect(&description.database_url, NoTls).await.map_err(failed)?;
        tokio::spawn(connection);

        let step = progress.step("Redis hangs");
        let mut set: u64 = 0;
        let working = async {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(self.seconds);
            while tokio::time::Instant::now() < deadline {
                put(&database, set).await?;
                set += 1;
                step.note(format!("{set} rows"));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok::<_, SetupError>(())
        };
        stack.freeze("Redis", working).await??;
        step.done(format!("{} s, {set} rows came meanwhile", self.seconds));

        let step = progress.step("Redis is killed");
        // The first entries may just be on their way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        stack.crash("Redis").await?;
        put(&database, set).await?;
        set += 1;
        let arrived = settled(description, set).await?;
        let stored = arrived.len() as u64;
        let doubled = arrived.values().sum::<u64>() - stored;
        step.done(format!("{stored} of {set} entries are in Redis, {doubled} of them again"));
        let lost = set.saturating_sub(stored);
        // At least once: what comes again carries the same `outbox_id`.
        let (ok, times) = (lost == 0 && set > 1, BTreeMap::from([("Redis", 1)]));
        Ok(Outcome {
            fault: "outbox",
            seed: 0,
            acknowledged: set,
            stored,
            lost,
            doubled,
            ok,
            times,
        })
    }
}

async fn put(database: &Client, number: u64) -> Result<(), SetupError> {
    let statement = "INSERT INTO telemetry.outbox (stream, fields)
                     VALUES ($1, jsonb_build_object('number', $2::text))";
    database.execute(statement, &[&STREAM, &number.to_string()]).await.map(|_| ()).map_err(failed)
}

/// How often each row is in the stream, once all are there or nothing has changed for 20 s.
async fn settled(description: &Description, set: u64) -> Result<HashMap<String, u64>, SetupError> {
    let client = redis::Client::open(description.redis_url.as_str()).map_err(failed)?;
    let mut connection = client.get_multiplexed_async_connection().await.map_err(failed)?;
    let (mut before, mut quiet) = (0, 0);
    loop {
        let entries: redis::streams::StreamRangeReply = redis::cmd("XRANGE")
            .arg(STREAM)
            .arg("-")
            .arg("+")
            .query_async(&mut connection)
            .await
            .map_err(failed)?;
        let mut arrived = HashMap::new();
        for id in entries.ids.iter().filter_map(|entry| entry.get::<String>("outbox_id")) {
            *arrived.entry(id).or_insert(0) += 1;
        }
        quiet = if arrived.len() == before { quiet + 1 } else { 0 };
        if arrived.len() as u64 >= set || quiet >= 20 {
            return Ok(arrived);
        }
        before = arrived.len();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
