//! What a client missed, or wants to begin with.

use std::sync::Arc;
use std::time::Duration;

use biplane_core::ErrorCode;
use biplane_core::live::LivePosition;
use biplane_store::{Happened, PastError, Whose};

use super::Shared;
use super::fanout::told_as;
use super::fields::Fields;
use super::outbox::Event;
use super::session::{Allowed, Recall};

/// So many positions of the past at most, of all devices together.
const POSITIONS: usize = 20_000;
/// A database that is away is asked so often, ...
const ATTEMPTS: u32 = 5;
/// ... with this pause in between.
const PAUSE: Duration = Duration::from_secs(1);

/// What was found.
#[derive(Debug, Default)]
pub struct Recalled {
    happened: Vec<Happened>,
    track: Vec<LivePosition>,
}

/// Why nothing can be told.
#[derive(Debug)]
pub struct Failure {
    /// For the client.
    pub code: ErrorCode,
    /// A sentence.
    pub why: String,
}

impl Recalled {
    /// What of it may be told.
    pub fn events(&self, allowed: &Allowed) -> Vec<Event> {
        self.happened.iter().filter(|one| allowed.shows(one)).filter_map(told_as).collect()
    }

    /// The positions of it that may be shown.
    pub fn replay(&self, allowed: &Allowed, fields: Fields) -> Vec<Arc<str>> {
        let is_allowed = |position: &&LivePosition| allowed.devices.contains_key(&position.device);
        self.track.iter().filter(is_allowed).filter_map(|position| fields.json(position)).collect()
    }
}

/// Looks it up.
pub async fn recall(shared: &Shared, allowed: &Allowed, past: Recall) -> Result<Recalled, Failure> {
    let mut attempt = 1;
    loop {
        let (code, why) = match look_up(shared, allowed, past).await {
            Ok(recalled) => return Ok(recalled),
            Err(PastError::Away(error)) if attempt < ATTEMPTS => {
                tracing::debug!(%error, attempt, "what a client missed is looked up again");
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(PastError::Away(error)) => {
                tracing::warn!(%error, "what a client missed can't be looked up");
                let why = "the database can't be asked for what you missed: come again";
                (ErrorCode::LiveDatabaseAway, why.to_owned())
            }
            Err(error @ (PastError::Forgotten | PastError::TooMuch { .. })) => {
                (ErrorCode::LiveCursor, format!("{error}: read it through Directus"))
            }
        };
        return Err(Failure { code, why });
    }
}

async fn look_up(
    shared: &Shared,
    allowed: &Allowed,
    Recall { since, replay_s }: Recall,
) -> Result<Recalled, PastError> {
    let most = shared.config.limits.waiting_events;
    let whose = Whose {
        devices: allowed.devices.keys().copied().collect(),
        event: allowed.event.map(|(event, _)| event),
        organization: allowed.organization,
    };
    let mut past = shared.past.lock().await;
    let mut recalled = Recalled::default();
    if let Some(cursor) = since {
        recalled.happened = past.since(cursor, &whose, most).await?;
    } else if replay_s > 0 {
        recalled.happened = past.within(replay_s, &whose, most).await?;
    }
    if replay_s > 0 && since.is_none() {
        let devices: Vec<_> = allowed.devices.iter().map(|(&id, &owner)| (id, owner)).collect();
        recalled.track = past.tracks(&devices, replay_s, POSITIONS).await?;
    }
    Ok(recalled)
}
