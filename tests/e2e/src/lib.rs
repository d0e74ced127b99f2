//! What the end-to-end tests share: the running stack, tenants of their own, a live client.

mod findings;
mod items;
mod rights;
mod ways;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use biplane_core::{Imei, Timestamp};
use biplane_stack::Description;
use biplane_stack::demo::Track;
use biplane_stack::directus::{ApiError, Client};
use biplane_stack::replay::{self, Pace, ReplayError};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

pub use findings::Findings;
pub use items::{COLLECTIONS, Items, change, create, path};
pub use rights::{Least, RIGHTS};
pub use ways::{Caller, Socket, Way};

/// The stack that `biplane test` started.
pub fn stack() -> Description {
    let file = std::env::var("BIPLANE_STACK")
        .expect("run these tests by `npm test`: BIPLANE_STACK names a running stack");
    let text = std::fs::read_to_string(&file).expect("the stack's description");
    serde_json::from_str(&text).expect("the stack's description")
}

/// The stack's administrator.
pub async fn admin(stack: &Description) -> Client {
    stack.administrator().await.expect("the administrator logs in")
}

/// A refusal: its status, its reason ([`ApiError::reason`]), the sentence, and all else that it tells.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (u16, String, String, Value) {
    match result {
        Err(error) => {
            let reason = error.reason().to_owned();
            match error {
                ApiError::Refused { status, message, extensions, .. } => {
                    (status.as_u16(), reason, message, extensions)
                }
                ApiError::Http(error) => panic!("expected a refusal, got {error}"),
            }
        }
        Ok(answer) => panic!("expected a refusal, got {answer:?}"),
    }
}

/// What GraphQL answers: the data, or the first error's code.
pub async fn graphql(
    stack: &Description,
    session: &Client,
    query: &str,
    variables: Value,
) -> Result<Value, String> {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", stack.directus_url))
        .json(&json!({ "query": query, "variables": variables }));
    let request = match session.token() {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let mut answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let extensions = &answer["errors"][0]["extensions"];
    match (extensions["code"].as_str(), extensions["reason"].as_str()) {
        // A refusal of Directus's own has a sentence there.
        (Some("FAILED_VALIDATION"), Some(reason)) => Err(reason.to_owned()),
        (Some(code), _) => Err(code.to_owned()),
        (None, _) => Ok(answer["data"].take()),
    }
}

/// An organization of a test's own, with a user of each role, a tracker in a running event, and a
/// course of one circle of 1 km around 46° N 12° E.
#[derive(Debug)]
pub struct Tenant {
    /// Its organization.
    pub organization: Uuid,
    /// Its event.
    pub event: Uuid,
    /// Its tracker.
    pub device: Uuid,
    /// Its tracker's IMEI.
    pub imei: Imei,
    /// Its circle.
    pub geofence: Uuid,
    /// Its circle's place in the course.
    pub checkpoint: Uuid,
    /// The tracker in the event.
    pub entry: Uuid,
    /// Logged in.
    pub manager: Client,
    /// Logged in.
    pub operator: Client,
    /// Logged in.
    pub viewer: Client,
}

/// A number that no other test has.
pub fn unique() -> u64 {
    let now = SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    now.as_nanos() as u64 ^ (u64::from(std::process::id()) << 40)
}

/// An id of a test's own.
pub fn fresh_id() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &unique().to_le_bytes())
}

impl Tenant {
    /// Its tracker flies northwards for 20 s, a fix and 11 m a second, over the southern border of
    /// its circle, at about 45.991007°, 10.068 s after the start. The processor tells the gateway of
    /// new devices within seconds; until then it is refused, and tries again.
    pub async fn fly(&self, stack: &Description, start: Timestamp) {
        let fixes = northbound(start, 45.9900, 0.0001, 20);
        let track = [Track { number: 1, imei: self.imei, fixes }];
        let gateway = stack.teltonika.parse().expect("an address");
        eventually("the new tracker is let in", async || {
            match replay::fly(gateway, &track, Pace::Unlimited, &Arc::default()).await {
                Ok(()) => Some(()),
                Err(ReplayError::Refused(_)) => None,
                Err(error) => panic!("{error}"),
            }
        })
        .await;
    }

    /// Makes one through Directus's API, as an administrator would.
    pub async fn make(stack: &Description, admin: &Client) -> Self {
        let tag = unique();
        let organization = fresh_id();
        let body = json!({ "id": organization, "name": format!("Tenant {tag}"), "slug": format!("tenant-{tag}"), "status": "active" });
        admin.create("/items/organizations", &body).await.expect("an organization");
        let mut sessions = Vec::new();
        for role in ["manager", "operator", "viewer"] {
            sessions.push(user(stack, admin, role, &[(organization, role)]).await);
        }
        let [manager, operator, viewer] = sessions.try_into().expect("three sessions");
        let (event, device, geofence, entry, checkpoint) =
            (fresh_id(), fresh_id(), fresh_id(), fresh_id(), fresh_id());
        let imei = Imei::with_check_digit(86_000_000_000_000 + tag % 1_000_000_000_000);
        for (collection, item) in [
            (
                "devices",
                json!({ "id": device, "name": "Tracker", "imei": imei.to_string(), "protocol": "teltonika", "status": "active" }),
            ),
            (
                "geofences",
                json!({ "id": geofence, "name": "Circle", "kind": "circle", "geometry": { "type": "Point", "coordinates": [12.0, 46.0] }, "radius_m": 1000, "status": "active" }),
            ),
            (
                "events",
                json!({ "id": event, "name": "Race", "status": "running", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2036-01-01T00:00:00Z", "timezone": "UTC" }),
            ),
            (
                "entries",
                json!({ "id": entry, "event": event, "device": device, "number": "1", "name": "One", "status": "started" }),
            ),
            (
                "checkpoints",
                json!({ "id": checkpoint, "event": event, "geofence": geofence, "sort": 1, "name": "Circle", "role": "turnpoint", "direction": "any" }),
            ),
        ] {
            let mut item = item;
            item["organization"] = json!(organization);
            admin
                .create(&format!("/items/{collection}"), &item)
                .await
                .unwrap_or_else(|error| panic!("{collection}: {error}"));
        }
        Self {
            organization,
            event,
            device,
            imei,
            geofence,
            checkpoint,
            entry,
            manager,
            operator,
            viewer,
        }
    }
}

/// A user with one of Directus's roles, and with memberships: of which organization, as what.
pub async fn user(
    stack: &Description,
    admin: &Client,
    role: &str,
    memberships: &[(Uuid, &str)],
) -> Client {
    let roles = admin.read("/roles?fields=id,name&limit=-1").await.expect("roles");
    let roles = roles.as_array().expect("an array");
    let found = roles
        .iter()
        .find(|found| found["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(role)));
    let role_id = &found.unwrap_or_else(|| panic!("no role {role}"))["id"];
    let tag = unique();
    let (id, email, password) =
        (fresh_id(), format!("{role}-{tag}@example.com"), format!("pw-{tag}"));
    let user = json!({ "id": id, "email": email, "password": password, "role": role_id, "status": "active" });
    admin.create("/users", &user).await.expect("a user");
    for (organization, role) in memberships {
        let member =
            json!({ "id": fresh_id(), "organization": organization, "user": id, "role": role });
        admin.create("/items/organization_members", &member).await.expect("a membership");
    }
    Client::log_in(&stack.directus_url, &email, &password).await.expect("the user logs in")
}

/// Longer than anything takes that comes at all, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `probe` gives something.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a device's positions were timed again `count` times because of changes in a collection;
/// says over which event times.
pub async fn timed_again(
    stack: &Description,
    device: Uuid,
    cause: &str,
    count: usize,
) -> Vec<(SystemTime, SystemTime)> {
    let (client, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    eventually("positions are timed again", async || {
        let statement = "SELECT from_ts, until_ts FROM telemetry.recomputes
                         WHERE device = $1 AND cause = $2 AND done_at IS NOT NULL ORDER BY id";
        let rows = client.query(statement, &[&device, &cause]).await.expect("orders");
        (rows.len() >= count).then(|| rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    })
    .await
}

/// How often a device's positions were ordered to be timed again, carried out or not.
pub async fn orders(stack: &Description, device: Uuid) -> i64 {
    let (client, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let statement = "SELECT count(*) FROM telemetry.recomputes WHERE device = $1";
    client.query_one(statement, &[&device]).await.expect("a count").get(0)
}

/// A fix a second from a start, along the meridian of 12° E.
fn northbound(start: Timestamp, from_lat: f64, step: f64, count: u32) -> Vec<biplane_core::Fix> {
    (0..count)
        .map(|second| biplane_core::Fix {
            time: start + i64::from(second) * 1000,
            lat: from_lat + step * f64::from(second),
            lon: 12.0,
            altitude_m: Some(100.0),
            speed_kmh: Some(30.0),
            course_deg: Some(0.0),
            satellites: Some(9),
            hdop: None,
            io: Vec::new(),
        })
        .collect()
}

/// A plain WebSocket client of the live channel.
#[derive(Debug)]
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Live {
    /// Connects and says nothing yet.
    pub async fn connect(stack: &Description) -> Self {
        let (socket, _) =
            tokio_tungstenite::connect_async(&stack.live_url).await.expect("the live channel");
        Self { socket }
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("sent");
    }

    /// The next message but pings; `None` once it is closed. Fails after a minute of silence.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .unwrap_or_else(|_| panic!("no message within {PATIENCE:?}"));
            match next {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return Some(message);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message of a subscription with this event, whatever comes before it.
    pub async fn hear_event(&mut self, event: &str) -> Value {
        loop {
            let message = self.hear().await.expect("the channel stays open");
            if message["event"] == event {
                return message;
            }
            assert!(event == "error" || message["event"] != "error", "{message}");
        }
    }

    /// Authenticates by a token, and expects to be let in.
    pub async fn log_in(stack: &Description, session: &Client) -> Self {
        let mut live = Self::connect(stack).await;
        live.say(json!({ "type": "auth", "access_token": session.token() })).await;
        let answer = live.hear().await.expect("an answer");
        assert_eq!(
            (&answer["type"], &answer["status"]),
            (&json!("auth"), &json!("ok")),
            "{answer}"
        );
        live
    }
}
