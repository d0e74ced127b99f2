//! A client of the live channel, as far as `up --check` needs one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use biplane_stack::SetupError;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// What came over the channel.
#[derive(Debug, Default)]
pub struct Received {
    /// Positions, each device's latest a message.
    pub positions: AtomicU64,
    /// Crossings.
    pub crossings: AtomicU64,
}

/// Subscribes to an event as the token's user, and counts what comes until dropped.
pub async fn follow(
    url: &str,
    token: &str,
    event: &str,
) -> Result<(Arc<Received>, tokio::task::JoinHandle<()>), SetupError> {
    let failed = |why: &dyn std::fmt::Display| SetupError::new("Live channel", why);
    let (mut socket, _) =
        tokio_tungstenite::connect_async(url).await.map_err(|error| failed(&error))?;
    for message in [
        json!({ "type": "auth", "access_token": token }),
        json!({ "type": "subscribe", "uid": "check", "topic": { "event": event } }),
    ] {
        socket.send(Message::text(message.to_string())).await.map_err(|error| failed(&error))?;
    }
    // Until the subscription stands.
    loop {
        let message = socket
            .next()
            .await
            .ok_or_else(|| failed(&"closed"))?
            .map_err(|error| failed(&error))?;
        let Ok(text) = message.to_text() else { continue };
        let Ok(message) = serde_json::from_str::<Value>(text) else { continue };
        if message["status"] == "error" || message["event"] == "error" {
            return Err(failed(&message));
        }
        if message["event"] == "init" {
            break;
        }
    }
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
