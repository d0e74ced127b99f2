//! `live`: the processor and Redis are killed and Directus is away, while a live client that comes
//! back by itself looks at a fleet. Every crossing in the table has to reach it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use biplane_stack::fleet::device_id;
use biplane_stack::{Description, Layout, Progress, SetupError, Stack};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::load::{Load, connect};
use crate::{Outcome, failed};

/// Between two faults, in seconds.
const BETWEEN: u64 = 4;
/// How long processor and Redis are away each time, in seconds.
const SHORT: u64 = 3;
/// Until what was killed has started again, in seconds, all together.
const RETURN: f64 = 45.0;
/// What is in the table has to be told within so long once nothing more happens.
const PATIENCE: Duration = Duration::from_secs(30);
/// The hub pings every 30 s: one that is silent for longer is gone.
const SILENCE: Duration = Duration::from_secs(40);

/// Kill processor and Redis, take Directus away: a live client misses no crossing.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long Directus is away, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(3..=600))]
    seconds: u32,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

/// What a client has been told, over all of its connections.
#[derive(Debug, Default)]
struct Told {
    crossings: HashSet<Uuid>,
    cursor: Option<String>,
    connections: u32,
    /// Why something was missed, by the hub's word.
    missed: Option<String>,
}

impl Arguments {
    /// Starts a stack of its own, torments it, compares, and stops it.
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
        let away = f64::from(self.seconds) + (3 * SHORT + 5 * BETWEEN) as f64;
        let load = Load::new(description, self.devices, away + RETURN).await?;
        let directus = description.administrator().await.map_err(failed)?;
        let devices: Vec<_> =
            load.fleet.tracks.iter().map(|track| device_id(track.number)).collect();
        let told = Arc::new(Mutex::new(Told::default()));
        let token = directus.token().unwrap_or_default().to_owned();
        let listening = tokio::spawn(listen(
            description.live_url.clone(),
            token,
            json!({ "devices": devices }),
            Arc::clone(&told),
        ));
        let first = Instant::now();
        while lock(&told).cursor.is_none() {
            if first.elapsed() > PATIENCE {
                return Err(failed("the live client was not let in within 30 s"));
            }
            sleep(Duration::from_millis(50)).await;
        }

        let step = progress.step("Processor, Redis, Directus, processor");
        let database = connect(description).await?;
        let faults = async {
            for (name, seconds) in [
                ("Processor", SHORT),
                ("Redis", SHORT),
                ("Directus", self.seconds.into()),
                ("Processor", SHORT),
            ] {
                sleep(Duration::from_secs(BETWEEN)).await;
                step.note(format!("{name} is away for {seconds} s"));
                stack.outage(name, sleep(Duration::from_secs(seconds))).await?;
            }
            sleep(Duration::from_secs(BETWEEN)).await;
            Ok::<_, SetupError>(())
        };
        load.under(faults).await?;
        let times = BTreeMap::from([("Processor", 2), ("Redis", 1), ("Directus", 1)]);
        let outcome = load.count("live", 0, times, description, progress).await?;

        let crossings = crossings(&database).await?;
        let since = Instant::now();
        let missing = loop {
            let missing = crossings.difference(&lock(&told).crossings).count() as u64;
            if missing == 0 || since.elapsed() > PATIENCE {
                break missing;
            }
            sleep(Duration::from_millis(200)).await;
        };
        listening.abort();
        let told = lock(&told);
        let beyond = told.crossings.difference(&crossings).count() as u64;
        step.done(format!(
            "{} crossings, {missing} not told, {} connections",
            crossings.len(),
            told.connections
        ));
        if let Some(why) = &told.missed {
            return Err(failed(format!("the hub could not tell what was missed: {why}")));
        }
        Ok(Outcome {
            acknowledged: crossings.len() as u64,
            stored: crossings.len() as u64 - missing,
            lost: missing,
            doubled: beyond,
            // It has to have come back by itself, at least after each death of the processor.
            ok: outcome.ok
                && missing == 0
                && beyond == 0
                && !crossings.is_empty()
                && told.connections >= 3,
            ..outcome
        })
    }
}

async fn crossings(database: &Client) -> Result<HashSet<Uuid>, SetupError> {
    let rows = database.query("SELECT id FROM crossings", &[]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects again and again, each time from where it was.
async fn listen(url: String, token: String, topic: Value, told: Arc<Mutex<Told>>) {
    loop {
        // Whatever ended it, it comes back.
        let _ = connection(&url, &token, &topic, &told).await;
        sleep(Duration::from_millis(500)).await;
    }
}

async fn connection(
    url: &str,
    token: &str,
    topic: &Value,
    told: &Mutex<Told>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let auth = json!({ "type": "auth", "access_token": token });
    socket.send(Message::text(auth.to_string())).await?;
    let resume = lock(told).cursor.clone();
    let subscribe = json!({ "type": "subscribe", "uid": "f", "topic": topic, "resume": resume });
    let mut has_asked = false;
    while let Some(message) = timeout(SILENCE, socket.next()).await? {
        let message = message?;
        let Ok(message) = serde_json::from_str::<Value>(message.to_text()?) else { continue };
        match (message["type"].as_str(), message["event"].as_str()) {
            (Some("auth"), _) if message["status"] == "ok" && !has_asked => {
                has_asked = true;
                socket.send(Message::text(subscribe.to_string())).await?;
            }
            (Some("auth"), _) if message["status"] == "error" => return Ok(()),
            (Some("ping"), _) => socket.send(Message::text(r#"{"type":"pong"}"#)).await?,
            (_, Some("error")) => {
                let error = &message["data"];
                if error["code"] == "LIVE_CURSOR" {
                    lock(told).missed = Some(error.to_string());
                }
                return Ok(());
            }
            (_, Some(event)) => {
                let mut told = lock(told);
                if event == "init" {
                    told.connections += 1;
                }
                if event == "crossings" {
                    let ids = message["data"].as_array().into_iter().flatten();
                    told.crossings
                        .extend(ids.filter_map(|it| it["id"].as_str()?.parse::<Uuid>().ok()));
                }
                if let Some(cursor) = message["cursor"].as_str() {
                    told.cursor = Some(cursor.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(())
}
