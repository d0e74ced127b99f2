//! Directus's own WebSocket: rows written through its API, told to who subscribed to the collection.

use std::sync::Arc;
use std::time::Duration;

use biplane_stack::{Description, Progress, SetupError, now};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clients::{Round, Side};
use crate::failed;

/// Rounds with so many clients and so many rows written a second.
pub async fn rounds(
    stack: &Description,
    token: &str,
    each: &[(usize, f64)],
    seconds: Duration,
    progress: &Progress,
) -> Result<Vec<Round>, SetupError> {
    let directus = stack.administrator().await.map_err(failed)?;
    let rows = directus.read("/items/device_status?fields=id&limit=200").await.map_err(failed)?;
    let rows: Vec<String> = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| Some(format!("/items/device_status/{}", row["id"].as_str()?)))
        .collect();
    if rows.is_empty() {
        return Err(failed("no row of device_status to write"));
    }
    let directus = Arc::new(directus);
    let url = format!("{}/websocket", stack.directus_url.replacen("http", "ws", 1));
    let side = Side::directus(&url, token);
    let mut rounds = Vec::new();
    for &(clients, rate) in each {
        let step = progress.step(format!("Directus's own, {clients} clients, {rate} rows/s"));
        let writing = tokio::spawn(write(Arc::clone(&directus), rows.clone(), rate));
        let round = side.round(clients, seconds, || Ok(())).await;
        writing.abort();
        let (round, ()) = round?;
        step.done(round.to_string());
        rounds.push(round);
    }
    Ok(rounds)
}

/// Each row in turn, whether the one before is written or not.
async fn write(directus: Arc<biplane_stack::directus::Client>, rows: Vec<String>, rate: f64) {
    let mut writing: JoinSet<Result<Value, String>> = JoinSet::new();
    let mut due = Instant::now();
    for row in rows.iter().cycle() {
        tokio::time::sleep_until(due).await;
        due += Duration::from_secs_f64(1.0 / rate);
        let (directus, row) = (Arc::clone(&directus), row.clone());
        writing.spawn(async move {
            let change = json!({ "last_received_at": now() });
            directus.update(&row, &change).await.map_err(|error| error.to_string())
        });
        while writing.try_join_next().is_some() {}
    }
}
