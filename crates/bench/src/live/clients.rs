//! Clients of any side, and what came to them within a round.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use biplane_stack::{SetupError, now};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::failed;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Milliseconds that are told apart; what takes longer counts as this.
const LONGEST_MS: usize = 10_000;
/// Of a round's beginning, not counted.
const WARM_UP: Duration = Duration::from_millis(500);
/// How many connect at a time.
const TOGETHER: usize = 32;
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose clients they are.
pub struct Side {
    url: String,
    /// What each says when it is connected, in order, and after which answer it goes on.
    says: Says,
    /// In what a position's time is written.
    field: &'static str,
}

enum Says {
    Ours { token: String, groups: Vec<Vec<Uuid>> },
    Node { groups: Vec<Vec<Uuid>> },
    Directus { token: String },
}

impl Side {
    /// The live channel.
    pub fn ours(url: &str, token: &str, groups: Vec<Vec<Uuid>>) -> Self {
        let says = Says::Ours { token: token.to_owned(), groups };
        Self { url: url.to_owned(), says, field: "\"time\":\"" }
    }

    /// The relay in Node.
    pub fn node(url: &str, groups: Vec<Vec<Uuid>>) -> Self {
        Self { url: url.to_owned(), says: Says::Node { groups }, field: "\"time\":\"" }
    }

    /// Directus's own WebSocket, on the collection `device_status`.
    pub fn directus(url: &str, token: &str) -> Self {
        let says = Says::Directus { token: token.to_owned() };
        Self { url: url.to_owned(), says, field: "\"last_received_at\":\"" }
    }

    /// Connects so many clients and lets them hear for so long; asks `during` once all are connected
    /// and have heard for most of it.
    pub async fn round<T>(
        &self,
        clients: usize,
        long: Duration,
        during: impl FnOnce() -> Result<T, SetupError>,
    ) -> Result<(Round, T), SetupError> {
        let mut sockets = Vec::with_capacity(clients);
        while sockets.len() < clients {
            let first = sockets.len();
            let connecting = (first..clients.min(first + TOGETHER)).map(|n| self.connect(n));
            for socket in futures_util::future::join_all(connecting).await {
                sockets.push(socket?);
            }
        }
        let start = Instant::now() + WARM_UP;
        let window = (start, start + long);
        let began = SystemTime::now() + WARM_UP;
        let mut hearing = JoinSet::new();
        for (client, socket) in sockets.into_iter().enumerate() {
            let (field, ours) = (self.field, matches!(self.says, Says::Ours { .. }));
            hearing.spawn(async move { (client, hear(socket, window, field, ours).await) });
        }
        tokio::time::sleep_until(start + long.mul_f64(0.8)).await;
        let asked = during()?;
        let mut round = Round::new(clients, began, long);
        round.groups = self.groups();
        while let Some(heard) = hearing.join_next().await {
            let (client, heard) = heard.map_err(failed)?;
            round.add(client, heard?);
        }
        Ok((round, asked))
    }

    fn groups(&self) -> usize {
        match &self.says {
            Says::Ours { groups, .. } | Says::Node { groups } => groups.len(),
            Says::Directus { .. } => 1,
        }
    }

    async fn connect(&self, client: usize) -> Result<Socket, SetupError> {
        let connecting = async {
            let (mut socket, _) =
                tokio_tungstenite::connect_async(&self.url).await.map_err(failed)?;
            match &self.says {
                Says::Ours { token, groups } => {
                    let auth = json!({ "type": "auth", "access_token": token });
                    ask(&mut socket, auth, "\"status\":\"ok\"").await?;
                    let topic = json!({ "devices": groups[client % groups.len()] });
                    let subscribe = json!({ "type": "subscribe", "uid": "b", "topic": topic });
                    ask(&mut socket, subscribe, "\"event\":\"init\"").await?;
                }
                Says::Node { groups } => {
                    let devices = json!({ "devices": groups[client % groups.len()] });
                    ask(&mut socket, devices, "ready").await?;
                }
                Says::Directus { token } => {
                    let auth = json!({ "type": "auth", "access_token": token });
                    ask(&mut socket, auth, "\"status\":\"ok\"").await?;
                    let subscribe = json!({
                        "type": "subscribe", "collection": "device_status", "event": "update",
                        "query": { "fields": ["device", "last_received_at"] },
                    });
                    ask(&mut socket, subscribe, "\"event\":\"init\"").await?;
                }
            }
            Ok(socket)
        };
        tokio::time::timeout(PATIENCE, connecting)
            .await
            .map_err(|_| failed("a client was not let in within a minute"))?
    }
}

async fn ask(socket: &mut Socket, message: Value, answer: &str) -> Result<(), SetupError> {
    socket.send(Message::text(message.to_string())).await.map_err(failed)?;
    loop {
        let next = socket.next().await.ok_or_else(|| failed("a client was closed"))?;
        let next = next.map_err(failed)?;
        let Ok(text) = next.to_text() else { continue };
        if text.contains(answer) {
            return Ok(());
        }
        if text.contains("\"status\":\"error\"") || text.contains("\"event\":\"error\"") {
            return Err(failed(text));
        }
    }
}

/// What one client heard.
struct Heard {
    /// Positions by the milliseconds that they took.
    took: Vec<u32>,
    crossings: HashSet<Uuid>,
}

async fn hear(
    mut socket: Socket,
    (start, end): (Instant, Instant),
    field: &str,
    has_crossings: bool,
) -> Result<Heard, SetupError> {
    let mut heard = Heard { took: vec![0; LONGEST_MS + 1], crossings: HashSet::new() };
    loop {
        let next = tokio::select! {
            next = socket.next() => next.ok_or_else(|| failed("a client was closed"))?,
            () = tokio::time::sleep_until(end) => break,
        };
        let message = match next.map_err(failed)? {
            Message::Text(text) => text,
            Message::Close(frame) => return Err(failed(format!("a client was closed: {frame:?}"))),
            _ => continue,
        };
        if message.contains("\"type\":\"ping\"") {
            socket.send(Message::text(r#"{"type":"pong"}"#)).await.map_err(failed)?;
            continue;
        }
        if has_crossings && message.contains("\"event\":\"crossings\"") {
            let message: Value = serde_json::from_str(&message).map_err(failed)?;
            let ids = message["data"].as_array().into_iter().flatten();
            heard.crossings.extend(ids.filter_map(|it| it["id"].as_str()?.parse::<Uuid>().ok()));
            continue;
        }
        if Instant::now() < start || message.contains("\"event\":\"init\"") {
            continue;
        }
        let now = now().as_millis().rem_euclid(DAY_MS);
        let mut rest = &*message;
        while let Some(place) = rest.find(field) {
            rest = &rest[place + field.len()..];
            if let Some(sent) = time_of_day(rest) {
                let took = (now - sent).rem_euclid(DAY_MS);
                heard.took[usize::try_from(took).unwrap_or(LONGEST_MS).min(LONGEST_MS)] += 1;
            }
        }
    }
    Ok(heard)
}

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since midnight of an RFC 3339 instant in UTC with milliseconds.
fn time_of_day(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let seconds = (number(11, 13)? * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    Some(seconds * 1000 + number(20, 23)?)
}

/// What all clients of a round heard.
pub struct Round {
    clients: usize,
    groups: usize,
    began: SystemTime,
    long: Duration,
    took: Vec<u64>,
    crossings: Vec<(usize, HashSet<Uuid>)>,
}

impl Round {
    fn new(clients: usize, began: SystemTime, long: Duration) -> Self {
        let took = vec![0; LONGEST_MS + 1];
        Self { clients, groups: 1, began, long, took, crossings: Vec::new() }
    }

    fn add(&mut self, client: usize, heard: Heard) {
        for (all, one) in self.took.iter_mut().zip(&heard.took) {
            *all += u64::from(*one);
        }
        self.crossings.push((client, heard.crossings));
    }

    /// Positions that reached a client, a second.
    pub fn deliveries_per_s(&self) -> f64 {
        self.took.iter().sum::<u64>() as f64 / self.long.as_secs_f64()
    }

    /// Milliseconds within which such a share came.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = self.took.iter().sum::<u64>() as f64 * share;
        let mut sum = 0;
        for (ms, count) in self.took.iter().enumerate() {
            sum += count;
            if *count > 0 && sum as f64 >= wanted {
                return ms as f64;
            }
        }
        f64::INFINITY
    }

    /// The 99th percentile, in milliseconds.
    pub fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    /// How many crossings came, counted for each client.
    pub fn crossings_told(&self) -> usize {
        self.crossings.iter().map(|(_, told)| told.len()).sum()
    }

    /// What each client of a group was told.
    pub fn told_of_group(&self, group: usize) -> impl Iterator<Item = &HashSet<Uuid>> {
        let groups = self.groups;
        let of_group = move |(client, _): &&(usize, HashSet<Uuid>)| client % groups == group;
        self.crossings.iter().filter(of_group).map(|(_, told)| told)
    }

    /// Rows of this time have been told to all: since all were connected, until a second before the end.
    pub fn between(&self, asked: SystemTime) -> (SystemTime, SystemTime) {
        (self.began.max(asked), self.began + self.long - Duration::from_secs(1))
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (deliveries, p99) = (self.deliveries_per_s(), self.p99());
        write!(f, "{deliveries:.0} positions a second to {}, p99 {p99:.0} ms", self.clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_read_from_an_instant() {
        assert_eq!(time_of_day("2026-11-29T01:02:03.456Z\""), Some(3_723_456));
        assert_eq!(time_of_day("2026"), None);
    }
}
