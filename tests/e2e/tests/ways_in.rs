//! The same rights by whichever way somebody comes in: REST, GraphQL and Directus's own WebSocket.

use std::time::Duration;

use biplane_e2e::Least::{Manager, Operator, Viewer};
use biplane_e2e::{Findings, RIGHTS, Tenant, admin, change, create, graphql, path, stack};
use biplane_stack::Description;
use biplane_stack::directus::{ApiError, Client};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

/// How somebody comes in.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rest,
    GraphQl,
    WebSocket,
}

impl Way {
    /// What a refusal for want of a right may look like.
    const fn refusals(self) -> &'static [&'static str] {
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
enum Caller<'a> {
    Rest(&'a Client),
    GraphQl(&'a Description, &'a Client),
    WebSocket(Box<Socket>),
}

/// Over REST a refusal for want of a right has the status 403, and its code is told; of anything else all.
fn told(answer: Result<Value, ApiError>) -> Result<Value, String> {
    answer.map_err(|error| match &error {
        ApiError::Refused { status, code, .. } if status.as_u16() == 403 => match error.reason() {
            reason @ "TENANCY_ROLE" => reason.to_owned(),
            _ => code.clone(),
        },
        _ => error.to_string(),
    })
}

impl<'a> Caller<'a> {
    async fn new(way: Way, stack: &'a Description, session: &'a Client) -> Self {
        match way {
            Way::Rest => Self::Rest(session),
            Way::GraphQl => Self::GraphQl(stack, session),
            Way::WebSocket => Self::WebSocket(Box::new(Socket::log_in(stack, session).await)),
        }
    }

    /// The id of what was made, or a code.
    async fn create(&mut self, collection: &str, item: &Value) -> Result<Value, String> {
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

    async fn update(
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

    async fn delete(&mut self, collection: &str, id: Uuid) -> Result<Value, String> {
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
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn log_in(stack: &Description, session: &Client) -> Self {
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
            let next = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
            let next = next.expect("an answer within 20 s").expect("a message").expect("a frame");
            let Message::Text(text) = next else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["type"] == "ping" {
                self.0.send(Message::text(r#"{"type":"pong"}"#)).await.expect("sent");
            } else {
                return answer;
            }
        }
    }

    async fn ask(&mut self, collection: &str, action: &str, more: Value) -> Result<Value, String> {
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

/// Where GraphQL takes no key of an item that the caller could make too, but all of that item.
const NO_KEYS: [&str; 2] = ["entries", "checkpoints"];

async fn table(way: Way) {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let items = tenant.fill(&admin).await;
    for (who, role, session) in [
        ("a viewer", Some(Viewer), &tenant.viewer),
        ("an operator", Some(Operator), &tenant.operator),
        ("a manager", Some(Manager), &tenant.manager),
        ("another's manager", None, &other.manager),
    ] {
        let mut caller = Caller::new(way, &stack, session).await;
        for (collection, creates, updates, deletes) in RIGHTS {
            let new = tenant.another(&admin, collection, &items).await;
            let creates = Some(creates)
                .filter(|_| !matches!(way, Way::GraphQl) || !NO_KEYS.contains(&collection));
            let made = match creates {
                Some(_) => caller.create(collection, &new).await,
                None => Ok(json!(create(&admin, collection, &new).await)),
            };
            let target = match collection {
                "organizations" => tenant.organization,
                _ => match made.as_ref().ok().and_then(Value::as_str) {
                    Some(id) => id.parse().expect("an id"),
                    None => create(&admin, collection, &new).await,
                },
            };
            let updated = caller.update(collection, target, &change(collection)).await;
            let deleted = caller.delete(collection, target).await;
            let left = admin.read(&path(collection, target)).await.is_ok();
            findings.check(deleted.is_ok() != left, || {
                format!("{way:?}: {who} deletes {collection}: {deleted:?}, and it is there: {left}")
            });
            for (action, least, answer) in [
                ("creates", creates, made),
                ("updates", Some(updates), updated),
                ("deletes", Some(deletes), deleted),
            ] {
                let Some(least) = least else { continue };
                let allowed = role.is_some_and(|role| role >= least);
                let as_meant = match &answer {
                    Ok(_) => allowed,
                    Err(code) => !allowed && way.refusals().contains(&code.as_str()),
                };
                findings.check(as_meant, || {
                    format!("{way:?}: {who} {action} {collection}, allowed: {allowed}: {answer:?}")
                });
            }
        }
    }
}

#[tokio::test]
async fn each_role_does_over_rest_what_the_table_says() {
    table(Way::Rest).await;
}

#[tokio::test]
async fn each_role_does_over_graphql_what_the_table_says() {
    table(Way::GraphQl).await;
}

#[tokio::test]
async fn each_role_does_over_directuss_websocket_what_the_table_says() {
    table(Way::WebSocket).await;
}

#[tokio::test]
async fn a_rule_refuses_over_directuss_websocket_too() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut socket = Socket::log_in(&stack, &tenant.manager).await;
    let wrong = json!({
        "organization": tenant.organization, "name": "Typed wrong", "imei": "356307042441014", "protocol": "teltonika",
    });
    let answer = socket.ask("devices", "create", json!({ "data": wrong })).await;
    assert_eq!(answer, Err("FAILED_VALIDATION".to_owned()));
    let made = "/items/devices?filter[imei][_eq]=356307042441014";
    assert_eq!(admin.read(made).await.expect("a list"), json!([]));
}
