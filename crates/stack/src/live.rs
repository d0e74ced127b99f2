//! A client of the live channel, as far as checks and fault runs need one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::SetupError;

/// What came over the channel.
#[derive(Debug, Default)]
pub struct Received {
    /// Positions, each device's latest a message.
    pub positions: AtomicU64,
    /// Crossings.
    pub crossings: AtomicU64,
}

/// Subscribes to a topic as the token's user, and counts what comes until the channel closes, which
/// ends the task, or the task is aborted.
pub async fn follow(
    url: &str,
    token: &str,
    topic: &Value,
) -> Result<(Arc<Received>, tokio::task::JoinHandle<()>), SetupError> {
    let failed = |why: &dyn std::fmt::Display| SetupError::new("Live channel", why);
    let (mut socket, _) =
        tokio_tungstenite::connect_async(url).await.map_err(|error| failed(&error))?;
    let auth = json!({ "type": "auth", "access_token": token });
    ask(&mut socket, auth, |answer| answer["type"] == "auth").await.map_err(|why| failed(&why))?;
    let subscribe = json!({ "type": "subscribe", "uid": "check", "topic": topic });
    ask(&mut socket, subscribe, |answer| answer["event"] == "init")
        .await
        .map_err(|why| failed(&why))?;
    let received = Arc::new(Received::default());
    let counted = Arc::clone(&received);
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let Some(message) =
                message.to_text().ok().and_then(|text| serde_json::from_str::<Value>(text).ok())
            else {
                continue;
            };
            if message["type"] == "ping"
                && socket.send(Message::text(r#"{"type":"pong"}"#)).await.is_err()
            {
                break;
            }
            let count = message["data"].as_array().map_or(0, |data| data.len() as u64);
            match message["event"].as_str() {
                Some("positions") => counted.positions.fetch_add(count, Ordering::Relaxed),
                Some("crossings") => counted.crossings.fetch_add(count, Ordering::Relaxed),
                _ => continue,
            };
        }
    });
    Ok((received, reading))
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Says something and waits for its answer; an error is the channel's own words.
async fn ask(
    socket: &mut Socket,
    message: Value,
    is_answer: impl Fn(&Value) -> bool,
) -> Result<(), String> {
    socket.send(Message::text(message.to_string())).await.map_err(|error| error.to_string())?;
    while let Some(message) = socket.next().await {
        let message = message.map_err(|error| error.to_string())?;
        let Some(message) =
            message.to_text().ok().and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            continue;
        };
        if message["status"] == "error" || message["event"] == "error" {
            return Err(message.to_string());
        }
        if is_answer(&message) {
            return Ok(());
        }
    }
    Err("closed without an answer".into())
}
