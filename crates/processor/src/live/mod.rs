//! The live hub: positions as they come, and crossings, alerts and devices that
//! come and go as they are committed, over a WebSocket at `/live`, to whoever
//! Directus lets see them.
//!
//! ```text
//! live:{pNN} ─── Tail ───────▶ Fanout ─▶ Outbox ─▶ socket   positions
//! telemetry.live_events ─────▶ Fanout                       what may not be missed
//! socket ─▶ Session ─▶ Directus ─▶ Session ─▶ Fanout        what a client may see
//! ```
//!
//! [`session`] decides, and knows neither sockets nor clocks; [`connection`]
//! performs. The last positions that the hub starts with come from
//! `device_status`, which knows each device however long it has been silent.
//! Without the database positions go on; without Redis all the rest does.

mod allowed;
mod answers;
mod connection;
mod directus;
mod fanout;
mod fields;
mod outbox;
mod pace;
mod recall;
mod seats;
pub mod session;
mod token;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use biplane_bus::live::Tail;
use biplane_core::ErrorCode;
use biplane_core::live::{AccessChange, LiveEvent};
use biplane_store::{LiveEvents, LivePast};
use tokio::sync::{Mutex, Semaphore, broadcast, watch};
use tokio::task::JoinHandle;

use answers::Answers;
use directus::Directus;
use fanout::Fanout;
use seats::Seats;
pub use session::SessionRules;

use crate::Metrics;
use session::{Answer, Question};

/// How the hub is to run.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Where Directus is, such as `http://127.0.0.1:8055`.
    pub directus_url: String,
    /// Values of `Origin` that browsers may come from; empty: any.
    /// A client that sends no `Origin` is no browser.
    pub origins: Vec<String>,
    /// How much.
    pub limits: HubLimits,
    /// How long.
    pub session: SessionRules,
}

/// How much the hub does for clients.
#[derive(Clone, Debug)]
pub struct HubLimits {
    /// Connections in total.
    pub connections: usize,
    /// Connections of one user.
    pub connections_per_user: usize,
    /// Longest message from a client, in bytes.
    pub message_bytes: usize,
    /// Crossings, alerts and the like that may wait for one client before it is closed, and that one
    /// that comes back is told.
    pub waiting_events: usize,
    /// Shortest time between two updates to one client.
    pub flush_every: Duration,
}

impl HubConfig {
    /// With the usual limits.
    pub fn new(directus_url: impl Into<String>, origins: Vec<String>) -> Self {
        Self {
            directus_url: directus_url.into(),
            origins,
            limits: HubLimits {
                connections: 4_096,
                connections_per_user: 32,
                message_bytes: 64 * 1024,
                waiting_events: 2_000,
                flush_every: Duration::from_millis(150),
            },
            session: SessionRules::default(),
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why the hub can't start.
#[derive(Debug, thiserror::Error)]
#[error("can't make an HTTP client for Directus")]
pub struct StartHubError(#[from] reqwest::Error);

/// What connections share.
struct Shared {
    config: HubConfig,
    directus: Directus,
    answers: Answers,
    access: broadcast::Sender<AccessChange>,
    past: Mutex<LivePast>,
    fanout: Fanout,
    seats: Seats,
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Shared {
    async fn answer(&self, question: &Question) -> Answer {
        self.answers.get(question, || self.directus.answer(question)).await
    }

    /// What Directus said until now may be no longer so.
    fn access_changed(&self, changes: &[AccessChange]) {
        self.answers.forget_all();
        for change in changes {
            // Nobody listens: nobody is shown anything.
            let _ = self.access.send(*change);
        }
    }
}

/// Changes of access that a connection may have to look at: one that is later than that asks again
/// for all it shows.
const CHANGES: usize = 64;
/// Directus keeps what it knows of permissions for itself, and forgets it after the change is
/// committed: what it answers at once may be of before, and is asked for once more.
const FORGETS_WITHIN: Duration = Duration::from_secs(1);

/// A hub that runs.
pub struct Hub {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Hub {
    /// Starts to follow what is published and what is committed; serve the router to let clients in.
    ///
    /// While the database is away, clients are served with the positions that come in.
    pub fn start(
        config: HubConfig,
        mut tail: Tail,
        events: LiveEvents,
        past: LivePast,
        metrics: Arc<Metrics>,
    ) -> Result<(Router, Self), StartHubError> {
        let shared = Arc::new(Shared {
            directus: Directus::new(&config.directus_url)?,
            answers: Answers::default(),
            access: broadcast::Sender::new(CHANGES),
            past: Mutex::new(past),
            fanout: Fanout::default(),
            seats: Seats::new(config.limits.connections_per_user),
            places: Arc::new(Semaphore::new(config.limits.connections)),
            stopping: watch::Sender::new(false),
            metrics,
            config,
        });
        let tailing = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                loop {
                    let items = tail.next().await;
                    shared.fanout.publish(items);
                }
            }
        });
        let following = tokio::spawn(follow(Arc::clone(&shared), events));
        let seeding = tokio::spawn(seed(Arc::clone(&shared)));
        let router = Router::new().route("/live", any(open)).with_state(Arc::clone(&shared));
        Ok((router, Self { shared, tasks: vec![tailing, following, seeding] }))
    }

    /// Tells every client to come again later, and waits a few seconds for them to go.
    pub async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.stopping.send_replace(true);
        let all = u32::try_from(self.shared.config.limits.connections).unwrap_or(u32::MAX);
        let gone = self.shared.places.acquire_many(all);
        let _ = tokio::time::timeout(Duration::from_secs(3), gone).await;
    }
}

/// Hands on what is committed.
async fn follow(shared: Arc<Shared>, mut events: LiveEvents) {
    let mut pause = FIRST_PAUSE;
    loop {
        let (happened, told) = match events.next().await {
            Ok(next) => {
                pause = FIRST_PAUSE;
                next
            }
            Err(error) => {
                tracing::warn!(%error, ?pause, "can't read what happened; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        let mut changes: Vec<AccessChange> = Vec::new();
        for one in &happened {
            if let LiveEvent::Access(change) = one.what
                && !changes.contains(&change)
            {
                changes.push(change);
            }
        }
        // Before what happened after it.
        if !changes.is_empty() {
            shared.access_changed(&changes);
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                tokio::time::sleep(FORGETS_WITHIN).await;
                shared.access_changed(&changes);
            });
        }
        shared.fanout.tell(&happened, told);
    }
}

/// Reads what is known of each device, once; tried until it succeeds.
async fn seed(shared: Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let known = shared.past.lock().await.last_known().await;
        match known {
            Ok(known) => return shared.fanout.seed(known),
            Err(error) => {
                tracing::warn!(%error, ?pause, "can't read the last positions; trying again");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn open(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let origin = headers.get(header::ORIGIN);
    let origins = &shared.config.origins;
    if let Some(origin) = origin
        && !origins.is_empty()
        && !origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    {
        let why = format!("the origin {origin:?} is not among BIPLANE_LIVE_ORIGINS");
        return refusal(ErrorCode::LiveForbidden, &why);
    }
    let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() else {
        return refusal(ErrorCode::LiveLimit, "the hub has as many connections as it may have");
    };
    // Small buffers: most of a client's memory would be these.
    upgrade
        .max_message_size(shared.config.limits.message_bytes)
        .max_frame_size(shared.config.limits.message_bytes)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024)
        .on_upgrade(async move |socket| {
            let metrics = Arc::clone(&shared.metrics);
            metrics.live_connections.fetch_add(1, Relaxed);
            connection::serve(socket, shared).await;
            metrics.live_connections.fetch_sub(1, Relaxed);
            drop(place);
        })
}

fn refusal(code: ErrorCode, message: &str) -> Response {
    let body = serde_json::json!({
        "errors": [{ "message": message, "extensions": { "code": code } }]
    });
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::FORBIDDEN);
    (status, axum::Json(body)).into_response()
}
