//! What only Directus knows, asked with the client's own token.
//!
//! The processor holds no secret of Directus's: whether a token is good and
//! what its user may see is whatever Directus answers to that token. Rows are
//! asked for with their `organization`: a role that may not read that field
//! sees nothing here.

use std::time::Duration;

use biplane_core::live::Topic;
use biplane_core::{DeviceId, EventId, OrganizationId};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::session::{Allowed, Answer, Question, Refusal, UserId};
use super::token::Token;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions at a time, so that many clients who come back at once don't stop Directus for its users.
const AT_A_TIME: usize = 16;
/// Ids in a question, and rows in an answer: Directus's own default limit, which no installation lowers.
const CHUNK: usize = 100;

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
    organization: OrganizationId,
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
            Question::Topic(token, Topic::Devices(ids)) => {
                Answer::Topic(self.devices(token, ids).await.map_err(Refusal::from))
            }
            Question::Topic(token, Topic::Event(event)) => {
                Answer::Topic(self.event(token, *event).await.map_err(Refusal::from))
            }
        }
    }

    async fn user(&self, token: &Token) -> Result<UserId, AskError> {
        #[derive(Deserialize)]
        struct Me {
            id: UserId,
        }
        let me: Me = self.send(self.request(Method::GET, "/users/me?fields=id", token)).await?;
        Ok(me.id)
    }

    async fn devices(&self, token: &Token, ids: &[DeviceId]) -> Result<Allowed, AskError> {
        let mut allowed = Allowed::default();
        for ids in ids.chunks(CHUNK) {
            let query = json!({
                "filter": { "id": { "_in": ids } },
                "fields": ["id", "organization"],
                "limit": -1,
            });
            let devices: Vec<Device> = match self.search("devices", query, token).await {
                Err(AskError::Forbidden) => return Ok(Allowed::default()),
                devices => devices?,
            };
            // Only what was asked for, whatever came.
            allowed.devices.extend(
                devices
                    .into_iter()
                    .filter(|device| ids.contains(&device.id))
                    .map(|device| (device.id, device.organization)),
            );
        }
        Ok(allowed)
    }

    async fn event(&self, token: &Token, event: EventId) -> Result<Allowed, AskError> {
        let mut allowed = Allowed::default();
        let path = format!("/items/events/{event}?fields=organization");
        match self.send::<Event>(self.request(Method::GET, &path, token)).await {
            Ok(Event { organization }) => allowed.crossings = Some((event, organization)),
            Err(AskError::Forbidden) => {}
            Err(error) => return Err(error),
        }
        for page in 1.. {
            let query = json!({
                "filter": { "event": { "_eq": event }, "device": { "_nnull": true } },
                "fields": ["device", "organization"],
                "sort": ["id"],
                "limit": CHUNK,
                "page": page,
            });
            let entries: Vec<EventEntry> = match self.search("entries", query, token).await {
                Err(AskError::Forbidden) => break,
                entries => entries?,
            };
            let more = entries.len() == CHUNK;
            allowed.devices.extend(
                entries.into_iter().filter_map(|entry| Some((entry.device?, entry.organization))),
            );
            if !more {
                break;
            }
        }
        Ok(allowed)
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
