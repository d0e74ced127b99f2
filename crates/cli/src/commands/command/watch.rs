//! What comes of commands, for people.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use biplane_stack::directus::Client;
use biplane_stack::{SetupError, say};
use serde_json::{Value, json};

use super::failed;

/// What is shown of a command.
pub const FIELDS: [&str; 7] =
    ["id", "device.name", "name", "status", "attempts", "result", "expires_at"];
/// Commands in one request.
pub const TOGETHER: usize = 500;
const EVERY: Duration = Duration::from_millis(500);
const OPEN: [&str; 5] = ["awaiting_approval", "pending", "queued", "routed", "sent"];

/// The commands, once none is open or the time is over; says meanwhile how they stand.
pub async fn until_ended(
    directus: &Client,
    ids: &[String],
    wait_s: u32,
) -> Result<Vec<Value>, SetupError> {
    let began = Instant::now();
    let mut before = String::new();
    loop {
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOGETHER) {
            let query =
                json!({ "filter": { "id": { "_in": ids } }, "fields": FIELDS, "limit": -1 });
            let found = directus.search("/items/commands", &query).await.map_err(failed)?;
            rows.extend(found.as_array().into_iter().flatten().cloned());
        }
        let stand = stand(&rows);
        if stand != before {
            say(format_args!("{:6.1} s  {stand}", began.elapsed().as_secs_f64()));
            before = stand;
        }
        let open = rows.iter().filter(|row| OPEN.iter().any(|state| row["status"] == *state));
        if open.count() == 0 || began.elapsed() >= Duration::from_secs(wait_s.into()) {
            return Ok(rows);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// How many are in which state.
fn stand(rows: &[Value]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row["status"].as_str().unwrap_or("?")).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    counts.join(", ")
}

/// A line a command.
pub fn print<'a>(rows: impl Iterator<Item = &'a Value>, json: bool) {
    for row in rows {
        if json {
            println!("{row}");
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        println!(
            "{}  {:20} {:12} {:17} {}",
            text(&row["id"]),
            text(&row["device"]["name"]),
            text(&row["name"]),
            text(&row["status"]),
            text(&row["result"]).lines().next().unwrap_or_default(),
        );
    }
}
