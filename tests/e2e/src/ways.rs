//! The ways into Directus, to ask the same by each.

use biplane_stack::Description;
use biplane_stack::directus::{ApiError, Client};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::{PATIENCE, graphql, path};

/// How somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `/items`.
    Rest,
    /// `/graphql`.
    GraphQl,
    /// Directus's own.
    WebSocket,
}

impl Way {
    /// What a refusal for want of a right may look like.
    pub const fn refusals(self) -> &'static [&'static str] {
        match self {
            Self::Rest | Self::WebSocket => &["FORBIDDEN", "TENANCY_ROLE"],
            // It does not even have what somebody may not do, and of who may do nothing at all Directus
            // says that something unexpected happened.
            Self::GraphQl => {
                &["FORBIDDEN", "TENANCY_ROLE", "GRAPHQL_VALIDATION", "INTERNAL_SERVER_ERROR"]
            }
        }
    }
}

/// A member who asks by one way.
#[derive(Debug)]
pub enum Caller<'a> {
    /// By its session.
    Rest(&'a Client),
    /// By its session.
    GraphQl(&'a Description, &'a Client),
    /// Logged in.
    WebSocket(Box<Socket>),
}

/// Over REST a refusal for want of a right has the status 403, and its code is told; of anything else the
/// reason, and all of it.
fn told(answer: Result<Value, ApiError>) -> Result<Value, String> {
    answer.map_err(|error| match &error {
        ApiError::Refused { status, code, .. } if status.as_u16() == 403 => match error.reason() {
            reason @ "TENANCY_ROLE" => reason.to_owned(),
            _ => code.clone(),
        },
        _ => format!("{}: {error}", error.reason()),
    })
}

impl<'a> Caller<'a> {
    /// Comes in.
    pub async fn new(way: Way, stack: &'a Description, session: &'a Client) -> Self {
        match way {
            Way::Rest => Self::Rest(session),
            Way::GraphQl => Self::GraphQl(stack, session),
            Way::WebSocket => Self::WebSocket(Box::new(Socket::log_in(stack, session).await)),
        }
    }

    /// The id of what was made, or a code.
    pub async fn create(&mut self, collection: &str, item: &Value) -> Result<Value, String> {
        let made = match self {
            Self::Rest(session) => {
                told(session.create(&format!("/items/{collection}"), item).await)?
            }
            Self::WebSocket(socket) => {
                socket.ask(collection, "create", json!({ "data": item })).await?
            }
            Self::GraphQl(stack, session) => {
                let query = format!(
                    "mutation ($item: create_{collection}_input!) {{ made: create_{collection}_item(data: $item) {{ id }} }}"
                );
                graphql(stack, session, &query, json!({ "item": item })).await?["made"].take()
            }
        };
        Ok(made["id"].clone())
    }

    /// What Directus answers, or a code.
    pub async fn update(
        &mut self,
        collection: &str,
        id: Uuid,
        change: &Value,
    ) -> Result<Value, String> {
        match self {
            Self::Rest(session) => told(session.update(&path(collection, id), change).await),
            Self::WebSocket(socket) => {
                socket.ask(collection, "update", json!({ "id": id, "data": change })).await
            }
            Self::GraphQl(stack, session) => {
                let query = format!(
                    "mutation ($id: ID!, $change: update_{collection}_input!) {{ update_{collection}_item(id: $id, data: $change) {{ id }} }}"
                );
                graphql(stack, session, &query, json!({ "id": id, "change": change })).await
            }
        }
    }

    /// What Directus answers, or a code.
    pub async fn delete(&mut self, collection: &str, id: Uuid) -> Result<Value, String> {
        match self {
            Self::Rest(session) => {
                told(session.call(Method::DELETE, &path(collection, id), None).await)
            }
            Self::WebSocket(socket) => socket.ask(collection, "delete", json!({ "id": id })).await,
            Self::GraphQl(stack, session) => {
                let query =
                    format!("mutation ($id: ID!) {{ delete_{collection}_item(id: $id) {{ id }} }}");
                graphql(stack, session, &query, json!({ "id": id })).await
            }
        }
    }
}

/// Directus's own WebSocket.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects and logs in.
    pub async fn log_in(stack: &Description, session: &Client) -> Self {
        let url = format!("{}/websocket", stack.directus_url.replacen("http", "ws", 1));
        let (socket, _) =
            tokio_tungstenite::connect_async(&url).await.expect("Directus's WebSocket");
        let mut socket = Self(socket);
        let answer = socket.say(json!({ "type": "auth", "access_token": session.token() })).await;
        assert_eq!(answer["status"], "ok", "{answer}");
        socket
    }

    async fn say(&mut self, message: Value) -> Value {
        self.0.send(Message::text(message.to_string())).await.expect("sent");
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
            let next = next.expect("an answer in time").expect("a message").expect("a frame");
            let Message::Text(text) = next else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["type"] == "ping" {
                self.0.send(Message::text(r#"{"type":"pong"}"#)).await.expect("sent");
            } else {
                return answer;
            }
        }
    }

    /// Asks for an action on items: their data, or a code.
    pub async fn ask(
        &mut self,
        collection: &str,
        action: &str,
        more: Value,
    ) -> Result<Value, String> {
        let mut message = json!({ "type": "items", "collection": collection, "action": action });
        let members = message.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let mut answer = self.say(message).await;
        match answer["error"]["code"].as_str() {
            Some(code) => Err(code.to_owned()),
            None => Ok(answer["data"].take()),
        }
    }
}
