//! The live hub: positions and crossings as they happen, over a WebSocket at
//! `/live`, to whoever Directus lets see them.
//!
//! ```text
//! live:{pNN} ─ Tail ─▶ Fanout ─▶ Outbox ─▶ socket     a client's data
//! socket ─▶ Session ─▶ Directus ─▶ Session ─▶ Fanout  what a client may see
//! ```
//!
//! [`session`] decides, and knows neither sockets nor clocks; [`connection`]
//! performs. The hub reads no database: the last positions that it starts with
//! are handed to it. They come from `device_status`, which knows each device
//! however long it has been silent; the streams know the last 10,000 items.

mod connection;
mod directus;
mod fanout;
mod outbox;
mod seats;
pub mod session;
mod token;

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
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
use biplane_core::live::PublishedPosition;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use directus::Directus;
use fanout::Fanout;
use seats::Seats;
pub use session::SessionRules;

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
    /// Crossings that may wait for one client before it is closed.
    pub waiting_crossings: usize,
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
                waiting_crossings: 2_000,
                flush_every: Duration::from_millis(150),
            },
            session: SessionRules::default(),
        }
    }
}

/// Why the hub can't start.
#[derive(Debug, thiserror::Error)]
#[error("can't make an HTTP client for Directus")]
pub struct StartHubError(#[from] reqwest::Error);

/// What connections share.
struct Shared {
    config: HubConfig,
    directus: Directus,
    fanout: Fanout,
    seats: Seats,
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    figures: Figures,
}

#[derive(Default)]
struct Figures {
    positions: AtomicU64,
    crossings: AtomicU64,
}

/// What the hub has done, for `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubFigures {
    /// Sockets that are open.
    pub connections: usize,
    /// Positions sent, counted for each subscription.
    pub positions_sent: u64,
    /// Crossings sent, counted for each subscription.
    pub crossings_sent: u64,
}

/// A hub that runs.
pub struct Hub {
    shared: Arc<Shared>,
    tailing: JoinHandle<()>,
    seeding: JoinHandle<()>,
}

impl Hub {
    /// Starts to follow the feed; serve the router to let clients in.
    ///
    /// `seed` gives the last known position of each device; it is asked until
    /// it succeeds, while clients are served with what came in meanwhile.
    pub fn start<S, F, E>(
        config: HubConfig,
        mut tail: Tail,
        seed: S,
    ) -> Result<(Router, Self), StartHubError>
    where
        S: Fn() -> F + Send + 'static,
        F: Future<Output = Result<Vec<PublishedPosition>, E>> + Send,
        E: Display + Send,
    {
        let shared = Arc::new(Shared {
            directus: Directus::new(&config.directus_url)?,
            fanout: Fanout::default(),
            seats: Seats::new(config.limits.connections_per_user),
            places: Arc::new(Semaphore::new(config.limits.connections)),
            stopping: watch::Sender::new(false),
            figures: Figures::default(),
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
        let seeding = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                let mut pause = Duration::from_millis(500);
                loop {
                    match seed().await {
                        Ok(positions) => return shared.fanout.seed(positions),
                        Err(error) => {
                            tracing::warn!(%error, ?pause, "can't read the last positions; trying again");
                        }
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(30));
                }
            }
        });
        let router = Router::new().route("/live", any(open)).with_state(Arc::clone(&shared));
        Ok((router, Self { shared, tailing, seeding }))
    }

    /// What it has done so far.
    pub fn figures(&self) -> HubFigures {
        let shared = &self.shared;
        HubFigures {
            connections: shared.config.limits.connections - shared.places.available_permits(),
            positions_sent: shared.figures.positions.load(Relaxed),
            crossings_sent: shared.figures.crossings.load(Relaxed),
        }
    }

    /// Tells every client to come again later, and waits a few seconds for them to go.
    pub async fn stop(self) {
        self.tailing.abort();
        self.seeding.abort();
        self.shared.stopping.send_replace(true);
        let all = u32::try_from(self.shared.config.limits.connections).unwrap_or(u32::MAX);
        let gone = self.shared.places.acquire_many(all);
        let _ = tokio::time::timeout(Duration::from_secs(3), gone).await;
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
            connection::serve(socket, shared).await;
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
