//! What clients of the live channel may not miss: `telemetry.live_events`, as it is committed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use biplane_core::live::{Cursor, LiveEvent, LivePosition, LiveStatus};
use biplane_core::{DeviceId, EventId, OrganizationId, Timestamp};
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::connection::{from_system_time, to_system_time};
use crate::{ConnectError, Notices, connect};

/// How long rows are kept: so long may a client be away and still be told what it missed.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often the table is looked at although nothing was said.
const POLL: Duration = Duration::from_secs(1);
/// Rows of one look.
const TOGETHER: i64 = 5_000;

/// A row of `telemetry.live_events`, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Its tenant; a change of access has none.
    pub organization: Option<OrganizationId>,
    /// Which device it is about, if it is about one.
    pub device: Option<DeviceId>,
    /// As part of which event.
    pub event: Option<EventId>,
    /// What.
    pub what: LiveEvent,
}

/// Why what happened could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LiveEventError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("can't read what happened")]
    Read(#[from] tokio_postgres::Error),
}

/// Follows what is committed, over a connection of its own that is opened anew after an error.
///
/// Rows are not committed in the order of their ids. What is looked for is all of transactions that
/// were not over at the last look, but for what was read then.
#[derive(Debug)]
pub struct LiveEvents {
    url: String,
    connection: Option<(Client, Notices)>,
    /// All of transactions below was read; `None` before the first look.
    horizon: Option<u64>,
    /// What was read of transactions that are not below: ids, with their transactions.
    read: HashMap<i64, u64>,
    /// Whether there may be more than one look takes.
    has_more: bool,
}

const HORIZON: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

/// With the horizon in each row, of the same snapshot; at least one row.
const NEXT: &str = "
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text, e.id, e.xid::text,
        e.organization, e.device, e.event, e.kind, e.body
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT * FROM telemetry.live_events
        WHERE xid >= $1::text::xid8 AND id <> ALL ($2) ORDER BY xid, id LIMIT $3) e ON true";

impl LiveEvents {
    /// Connects at the first call.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connection: None,
            horizon: None,
            read: HashMap::new(),
            has_more: false,
        }
    }

    /// What was committed since the last call, at most 5,000 rows and perhaps none after a second,
    /// and the place behind it. The first call only finds the place that the next goes on from.
    pub async fn next(&mut self) -> Result<(Vec<Happened>, Cursor), LiveEventError> {
        let outcome = self.look().await;
        if outcome.is_err() {
            self.connection = None;
        }
        outcome
    }

    async fn look(&mut self) -> Result<(Vec<Happened>, Cursor), LiveEventError> {
        let (client, notices) = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let (client, notices) = connect(&self.url).await?;
                client.batch_execute("LISTEN biplane_live").await?;
                // What came while nobody listened.
                self.has_more = true;
                none.insert((client, notices))
            }
        };
        let Some(horizon) = self.horizon else {
            let transaction = number(&client.query_one(HORIZON, &[]).await?, 0)?;
            self.horizon = Some(transaction);
            return Ok((Vec::new(), Cursor { transaction, at: now() }));
        };
        if !self.has_more {
            let _ = tokio::time::timeout(POLL, notices.next()).await;
        }
        let at = now();
        let known: Vec<i64> = self.read.keys().copied().collect();
        let rows = client.query(NEXT, &[&horizon.to_string(), &known, &TOGETHER]).await?;
        let mut next = horizon;
        let mut happened = Vec::new();
        self.has_more = rows.len() as i64 == TOGETHER;
        for row in &rows {
            next = number(row, 0)?;
            let Some(id) = row.get::<_, Option<i64>>(1) else { break };
            let transaction = number(row, 2)?;
            self.read.insert(id, transaction);
            happened.extend(read(row, 3));
            if self.has_more {
                // There may be more of the last one's transaction.
                next = next.min(transaction);
            }
        }
        // Transactions come to an end, and never go back.
        next = next.max(horizon);
        self.horizon = Some(next);
        self.read.retain(|_, transaction| *transaction >= next);
        Ok((happened, Cursor { transaction: next, at }))
    }
}

/// What clients are told of the past, over one connection that is opened anew after an error.
#[derive(Debug)]
pub struct LivePast {
    url: String,
    client: Option<Client>,
}

/// Whose past is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// These devices.
    pub devices: Vec<DeviceId>,
    /// This event.
    pub event: Option<EventId>,
    /// What is about no device of this organization.
    pub organization: Option<OrganizationId>,
}

/// A device's last position, and whether it is connected.
#[derive(Clone, Debug, PartialEq)]
pub struct LastKnown {
    /// Whose it was then.
    pub organization: OrganizationId,
    /// Where it was, if that is known.
    pub position: Option<LivePosition>,
    /// Whether it is heard of.
    pub status: LiveStatus,
}

/// Why the past is not told.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Part of it is no longer kept, or it never was.
    #[error("what was committed since then is not kept any more")]
    Forgotten,
    /// There is more of it than anybody is told.
    #[error("more than {most} events were missed")]
    TooMuch {
        /// So many at most.
        most: usize,
    },
    /// The database is away.
    #[error(transparent)]
    Away(#[from] LiveEventError),
}

const EVENTS: &str = "
    SELECT organization, device, event, kind, body FROM telemetry.live_events
    WHERE xid >= $1::text::xid8 AND kind <> 'access'
        AND (device = ANY ($2) OR event = $3 OR (organization = $4 AND device IS NULL))
    ORDER BY xid, id LIMIT $5";

/// The newest of them, in order.
const LATEST: &str = "
    SELECT organization, device, event, kind, body FROM (
        SELECT * FROM telemetry.live_events
        WHERE created_at >= $1 AND kind <> 'access'
            AND (device = ANY ($2) OR event = $3 OR (organization = $4 AND device IS NULL))
        ORDER BY xid DESC, id DESC LIMIT $5) newest
    ORDER BY xid, id";

/// Whether what was committed at `$2`, when `$1` was the oldest transaction, is still there.
const IS_KEPT: &str = "SELECT $2::timestamptz > now() - $3::text::interval AND $1::text::xid8 <= pg_snapshot_xmin(pg_current_snapshot())";

/// A device's believed positions before its last one, the newest of them if there are too many.
const TRACKS: &str = "
    SELECT p.device, p.ts, p.lat, p.lon, p.altitude_m, p.speed_kmh, p.course_deg
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (device, organization)
    JOIN public.device_status s ON s.device = asked.device
    CROSS JOIN LATERAL (
        SELECT * FROM telemetry.positions t
        WHERE t.device = asked.device AND t.organization = asked.organization AND NOT t.faulty
            AND t.ts < s.last_fix_at AND t.ts >= s.last_fix_at - make_interval(secs => $3)
        ORDER BY t.ts DESC LIMIT $4) p
    ORDER BY p.ts";

const LAST: &str = "
    SELECT s.organization, s.device, s.last_fix_at, s.lat::float8, s.lon::float8, s.altitude_m::float4,
        s.speed_kmh::float4, s.course_deg::float4, s.connected, s.last_received_at
    FROM public.device_status s";

impl LivePast {
    /// Connects at the first question.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None }
    }

    /// What was committed since `cursor`, in order; or nothing, if it can't be all of it.
    pub async fn since(
        &mut self,
        cursor: Cursor,
        whose: &Whose,
        at_most: usize,
    ) -> Result<Vec<Happened>, PastError> {
        let client = self.client().await?;
        let transaction = cursor.transaction.to_string();
        let kept = format!("{} s", KEPT.as_secs());
        let is_kept = client
            .query_one(IS_KEPT, &[&transaction, &to_system_time(cursor.at), &kept])
            .await
            .map_err(LiveEventError::from)?;
        if !is_kept.get::<_, bool>(0) {
            return Err(PastError::Forgotten);
        }
        let all = self.events(EVENTS, &transaction, whose, at_most + 1).await?;
        if all.len() > at_most {
            return Err(PastError::TooMuch { most: at_most });
        }
        Ok(all)
    }

    /// What was committed within the last seconds, in order; the newest of it, if it is too much.
    pub async fn within(
        &mut self,
        seconds: u32,
        whose: &Whose,
        at_most: usize,
    ) -> Result<Vec<Happened>, LiveEventError> {
        let since = SystemTime::now() - Duration::from_secs(seconds.into());
        self.events(LATEST, &since, whose, at_most).await
    }

    /// The believed positions of so many seconds before each device's last one, in order of event
    /// time; of each device, with its owner, the newest, so that they are `at_most` all together.
    pub async fn tracks(
        &mut self,
        devices: &[(DeviceId, OrganizationId)],
        seconds: u32,
        at_most: usize,
    ) -> Result<Vec<LivePosition>, LiveEventError> {
        let ids: Vec<Uuid> = devices.iter().map(|(device, _)| device.0).collect();
        let owners: Vec<Uuid> = devices.iter().map(|(_, owner)| owner.0).collect();
        let each = (at_most / devices.len().max(1)) as i64;
        let seconds = f64::from(seconds);
        let client = self.client().await?;
        let rows = client.query(TRACKS, &[&ids, &owners, &seconds, &each]).await?;
        Ok(rows
            .iter()
            .map(|row| LivePosition {
                device: row.get::<_, Uuid>(0).into(),
                time: from_system_time(row.get(1)),
                lat: row.get(2),
                lon: row.get(3),
                altitude_m: row.get(4),
                speed_kmh: row.get(5),
                course_deg: row.get(6),
                faulty: false,
            })
            .collect())
    }

    /// Of each device that ever was heard of.
    pub async fn last_known(&mut self) -> Result<Vec<LastKnown>, LiveEventError> {
        let rows = self.client().await?.query(LAST, &[]).await?;
        let last_known = |row: &Row| {
            let device = row.get::<_, Uuid>(1).into();
            let time = row.get::<_, Option<SystemTime>>(2).map(from_system_time);
            let place = row.get::<_, Option<f64>>(3).zip(row.get::<_, Option<f64>>(4));
            let position = time.zip(place).map(|(time, (lat, lon))| LivePosition {
                device,
                time,
                lat,
                lon,
                altitude_m: row.get(5),
                speed_kmh: row.get(6),
                course_deg: row.get(7),
                faulty: false,
            });
            LastKnown {
                organization: row.get::<_, Uuid>(0).into(),
                position,
                status: LiveStatus {
                    device,
                    connected: row.get(8),
                    heard_at: row.get::<_, Option<SystemTime>>(9).map(from_system_time),
                },
            }
        };
        Ok(rows.iter().map(last_known).collect())
    }

    async fn events(
        &mut self,
        statement: &str,
        since: &(dyn ToSql + Sync),
        whose: &Whose,
        at_most: usize,
    ) -> Result<Vec<Happened>, LiveEventError> {
        let devices: Vec<Uuid> = whose.devices.iter().map(|device| device.0).collect();
        let event = whose.event.map(|event| event.0);
        let organization = whose.organization.map(|organization| organization.0);
        let at_most = at_most as i64;
        let client = self.client().await?;
        let rows =
            client.query(statement, &[since, &devices, &event, &organization, &at_most]).await?;
        Ok(rows.iter().filter_map(|row| read(row, 0)).collect())
    }

    async fn client(&mut self) -> Result<&Client, LiveEventError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
        }
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(connect(&self.url).await?.0)),
        }
    }
}

/// Deletes what is kept no longer; says how many rows that was.
pub(crate) async fn forget(client: &Client) -> Result<u64, tokio_postgres::Error> {
    let sql = "DELETE FROM telemetry.live_events WHERE created_at < now() - $1::text::interval";
    client.execute(sql, &[&format!("{} s", KEPT.as_secs())]).await
}

/// Of the columns `organization`, `device`, `event`, `kind`, `body` from `first` on.
fn read(row: &Row, first: usize) -> Option<Happened> {
    let id = |column: usize| row.get::<_, Option<Uuid>>(first + column);
    let what =
        json!({ "kind": row.get::<_, &str>(first + 3), "body": row.get::<_, Value>(first + 4) });
    match serde_json::from_value(what) {
        Ok(what) => Some(Happened {
            organization: id(0).map(Into::into),
            device: id(1).map(Into::into),
            event: id(2).map(Into::into),
            what,
        }),
        Err(error) => {
            tracing::warn!(%error, "a row of telemetry.live_events is not understood");
            None
        }
    }
}

/// A column of type `xid8`, as text.
fn number(row: &Row, column: usize) -> Result<u64, tokio_postgres::Error> {
    // PostgreSQL writes nothing else.
    Ok(row.try_get::<_, &str>(column)?.parse().unwrap_or_default())
}

fn now() -> Timestamp {
    from_system_time(SystemTime::now())
}
