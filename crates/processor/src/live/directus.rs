//! What only Directus knows, asked with the client's own token.
//!
//! The processor holds no secret of Directus's: whether a token is good and
//! what its user may see is whatever Directus answers to that token. Rows are
//! asked for with their `organization`: a role that may not read that field
//! sees nothing here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use biplane_core::live::Topic;
use biplane_core::{DeviceId, EventId, OrganizationId};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::session::{Allowed, Answer, Kinds, Question, Refusal, UserId};
use super::token::Token;
use crate::DIRECTUS_IDLE;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions at a time, so that many clients who come back at once don't stop Directus for its users.
const AT_A_TIME: usize = 16;
/// Ids in a question, and rows in an answer: Directus's own default limit, which no installation lowers.
const CHUNK: usize = 100;
/// So many pages are asked for at most: nobody looks at more devices at a time.
const MOST_PAGES: usize = 200;
/// What is told of a row of `crossings`: who may not read all of it is told none.
const CROSSING: &[&str] = &[
    "id",
    "organization",
    "event",
    "entry",
    "device",
    "checkpoint",
    "geofence",
    "direction",
    "crossed_at",
    "status",
];
/// The same of `alerts`.
const ALERT: &[&str] = &[
    "id",
    "organization",
    "device",
    "event",
    "geofence",
    "kind",
    "severity",
    "status",
    "occurred_at",
    "message",
];
/// The same of `device_status`.
const STATUS: &[&str] = &["device", "connected", "last_received_at"];
/// What is asked of a device.
const DEVICE: &[&str] = &["id", "organization"];

/// Directus, as the live hub sees it.
pub struct Directus {
    base: String,
    http: reqwest::Client,
    places: Semaphore,
}

/// Why a question to Directus was not answered.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("Directus did not answer")]
    Transport(#[from] reqwest::Error),
    #[error("Directus does not accept the token")]
    Unauthorized,
    #[error("Directus forbids it")]
    Forbidden,
    #[error("Directus answered {status}: {body}")]
    Unexpected { status: StatusCode, body: String },
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unauthorized | AskError::Forbidden => Self::Unauthorized,
            AskError::Transport(_) | AskError::Unexpected { .. } => {
                tracing::warn!(error = &error as &dyn std::error::Error, "can't ask Directus");
                Self::Away
            }
        }
    }
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Device {
    id: DeviceId,
    organization: OrganizationId,
}

#[derive(Deserialize)]
struct EventEntry {
    device: Option<DeviceId>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "id")]
    _id: OrganizationId,
}

/// By collection and action.
#[derive(Deserialize)]
#[serde(transparent)]
struct Readable(HashMap<String, HashMap<String, Permission>>);

/// What `GET /permissions/me` says of a collection and an action.
#[derive(Deserialize)]
struct Permission {
    /// `none`, `partial` or `full`.
    access: String,
    #[serde(default)]
    fields: Option<Vec<String>>,
}

impl Readable {
    /// Some rows of a collection, in these fields.
    fn has(&self, collection: &str, fields: &[&str]) -> bool {
        self.0.get(collection).and_then(|actions| actions.get("read")).is_some_and(|read| {
            let granted = read.fields.as_deref().unwrap_or_default();
            let is_granted = |field: &str| granted.iter().any(|it| it == "*" || it == field);
            read.access != "none" && fields.iter().all(|field| is_granted(field))
        })
    }
}

fn none_if_forbidden<T>(answer: Result<T, AskError>) -> Result<Option<T>, AskError> {
    match answer {
        Err(AskError::Forbidden) => Ok(None),
        answer => answer.map(Some),
    }
}

#[derive(Deserialize)]
struct Event {
    organization: OrganizationId,
}

impl Directus {
    /// At `base`, such as `http://127.0.0.1:8055`.
    pub fn new(base: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .pool_idle_timeout(DIRECTUS_IDLE)
            // A client's token goes to Directus and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { base, http, places: Semaphore::new(AT_A_TIME) })
    }

    /// Asks, and waits for the answer.
    pub async fn answer(&self, question: &Question) -> Answer {
        // The semaphore is never closed; were it, asking would go on unlimited.
        let _place = self.places.acquire().await.ok();
        match question {
            Question::User(token) => Answer::User(self.user(token).await.map_err(Refusal::from)),
            Question::Topic(token, topic) => {
                let allowed = self.allowed(token, topic).await;
                Answer::Topic(allowed.map(Arc::new).map_err(Refusal::from))
            }
        }
    }

    async fn allowed(&self, token: &Token, topic: &Topic) -> Result<Allowed, AskError> {
        let readable = self.readable(token).await?;
        let mut allowed = Allowed {
            kinds: Kinds {
                crossings: readable.has("crossings", CROSSING),
                alerts: readable.has("alerts", ALERT),
                status: readable.has("device_status", STATUS),
            },
            ..Allowed::default()
        };
        match topic {
            Topic::Devices(ids) => self.devices(token, ids, &mut allowed).await?,
            Topic::Event(event) => {
                let path = format!("/items/events/{event}?fields=organization");
                let request = self.request(Method::GET, &path, token);
                let found = none_if_forbidden(self.send::<Event>(request).await)?;
                allowed.event = found.map(|found| (*event, found.organization));
                let ids = self.entered(token, *event).await?;
                self.devices(token, &ids, &mut allowed).await?;
            }
            Topic::Organization(organization) => {
                let path = format!("/items/organizations/{organization}?fields=id");
                let request = self.request(Method::GET, &path, token);
                let found = none_if_forbidden(self.send::<Id>(request).await)?;
                allowed.organization = found.map(|_| *organization);
                let filter = json!({ "organization": { "_eq": organization } });
                let devices: Vec<Device> = self.pages("devices", filter, DEVICE, token).await?;
                let own = devices.iter().filter(|device| device.organization == *organization);
                allowed.devices.extend(own.map(|device| (device.id, device.organization)));
            }
        }
        Ok(allowed)
    }

    /// Which collections the token's user may read some of, with all the fields that are told.
    async fn readable(&self, token: &Token) -> Result<Readable, AskError> {
        self.send(self.request(Method::GET, "/permissions/me", token)).await
    }

    async fn user(&self, token: &Token) -> Result<UserId, AskError> {
        #[derive(Deserialize)]
        struct Me {
            id: UserId,
        }
        let me: Me = self.send(self.request(Method::GET, "/users/me?fields=id", token)).await?;
        Ok(me.id)
    }

    /// Those of `ids` that the token's user may see.
    async fn devices(
        &self,
        token: &Token,
        ids: &[DeviceId],
        allowed: &mut Allowed,
    ) -> Result<(), AskError> {
        for ids in ids.chunks(CHUNK) {
            let query =
                json!({ "filter": { "id": { "_in": ids } }, "fields": DEVICE, "limit": -1 });
            let devices: Result<Vec<Device>, _> = self.search("devices", query, token).await;
            // Only what was asked for, whatever came.
            let asked = none_if_forbidden(devices)?
                .unwrap_or_default()
                .into_iter()
                .filter(|device| ids.contains(&device.id));
            allowed.devices.extend(asked.map(|device| (device.id, device.organization)));
        }
        Ok(())
    }

    /// The devices of an event's entries, of those that the token's user may see.
    async fn entered(&self, token: &Token, event: EventId) -> Result<Vec<DeviceId>, AskError> {
        let filter = json!({ "event": { "_eq": event }, "device": { "_nnull": true } });
        let entries: Vec<EventEntry> =
            self.pages("entries", filter, &["id", "device"], token).await?;
        let devices: BTreeSet<DeviceId> = entries.iter().filter_map(|entry| entry.device).collect();
        Ok(devices.into_iter().collect())
    }

    /// All rows, page by page; none where the collection may not be read.
    async fn pages<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: Value,
        fields: &[&str],
        token: &Token,
    ) -> Result<Vec<T>, AskError> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let query = json!({
                "filter": filter, "fields": fields, "sort": ["id"], "limit": CHUNK, "page": page,
            });
            let rows: Result<Vec<T>, _> = self.search(collection, query, token).await;
            let Some(rows) = none_if_forbidden(rows)? else { break };
            let is_last = rows.len() < CHUNK;
            all.extend(rows);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn search<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: Value,
        token: &Token,
    ) -> Result<T, AskError> {
        let search = Method::from_bytes(b"SEARCH").expect("SEARCH is a valid method name");
        let request = self.request(search, &format!("/items/{collection}"), token);
        self.send(request.json(&json!({ "query": query }))).await
    }

    fn request(&self, method: Method, path: &str, token: &Token) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token.as_str())
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, AskError> {
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json::<Data<T>>().await?.data);
        }
        let body = response.text().await.unwrap_or_default();
        // A token that can't be read is a 403 in Directus, as is what its user may not see.
        let code = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|body| Some(body["errors"][0]["extensions"]["code"].as_str()?.to_owned()));
        Err(match (status, code.as_deref()) {
            (StatusCode::UNAUTHORIZED, _) | (_, Some("INVALID_TOKEN")) => AskError::Unauthorized,
            (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, Some("FORBIDDEN")) => {
                AskError::Forbidden
            }
            _ => AskError::Unexpected { status, body: body.chars().take(300).collect() },
        })
    }
}
