//! Writing a batch: each row once, however often the batch is written.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use biplane_core::timing::Crossing;
use biplane_core::{DeviceId, Timestamp};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement, Transaction};
use uuid::Uuid;

use crate::alerts::running_event;
use crate::connection::to_system_time;
use crate::copy::{COLUMNS, HEADER, PositionRows, TRAILER};
use crate::{Batch, Claim, ConnectError, Status, connect, motion, violations, visits};

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows in `telemetry.positions`.
    pub stored: u64,
    /// Positions that were there already.
    pub duplicate: u64,
    /// New rows in `telemetry.quarantine`.
    pub quarantined: u64,
    /// New rows in `crossings`.
    pub crossings: u64,
}

/// Why a batch was not written. Nothing of it is, unless the connection broke at the commit:
/// writing it again is harmless in any case.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Newer leases than ours have written these partitions: what was read under ours must not be.
    #[error("partitions {partitions:?} have another owner")]
    Fenced {
        /// Which, ascending.
        partitions: Vec<u16>,
    },
    /// PostgreSQL refused or went away.
    #[error("PostgreSQL did not take the batch while writing {part}")]
    Refused {
        /// Which part of it.
        part: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
}

/// Writes batches over one connection, which it opens anew after an error.
#[derive(Debug)]
pub struct Writer {
    url: String,
    session: Option<Session>,
    /// Days whose partitions this writer has made sure of.
    days: HashSet<Timestamp>,
}

fn part(part: &'static str) -> impl Fn(tokio_postgres::Error) -> WriteError {
    move |source| WriteError::Refused { part, source }
}

impl WriteError {
    fn has_state(&self, state: &SqlState) -> bool {
        matches!(self, Self::Refused { source, .. } if source.code() == Some(state))
    }
}

impl Writer {
    /// Connects at the first batch.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), session: None, days: HashSet::new() }
    }

    /// Writes all batches in one transaction.
    ///
    /// What they call fresh goes into the table by plain COPY. Should a row of it be there
    /// after all, everything takes the way of the doubtful: COPY into a staging table, then
    /// `INSERT … ON CONFLICT DO NOTHING`. Nothing is written when one of the batches was decided
    /// under a lease that is no longer the newest ([`WriteError::Fenced`]).
    pub async fn write(&mut self, batches: &[&Batch]) -> Result<Counts, WriteError> {
        let written = match self.attempt(batches, true).await {
            Err(error) if error.has_state(&SqlState::UNIQUE_VIOLATION) => {
                self.attempt(batches, false).await
            }
            // A partition that was there is gone: old data came after its retention ended.
            Err(error) if error.has_state(&SqlState::CHECK_VIOLATION) => {
                self.days.clear();
                self.attempt(batches, true).await
            }
            written => written,
        };
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        written
    }

    async fn attempt(
        &mut self,
        batches: &[&Batch],
        trust_fresh: bool,
    ) -> Result<Counts, WriteError> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            self.session = None;
            self.session = Some(Session::open(&self.url).await?);
        }
        let Session { client, statements } = self.session.as_mut().expect("set above");

        for &day in batches.iter().flat_map(|batch| &batch.days) {
            if !self.days.contains(&day) {
                let at = to_system_time(day);
                client
                    .execute("SELECT telemetry.ensure_partitions($1, $1)", &[&at])
                    .await
                    .map_err(part("partitions"))?;
                self.days.insert(day);
            }
        }

        let transaction = client.transaction().await.map_err(part("nothing yet"))?;
        hold(&transaction, &statements.claim, batches).await?;
        let mut counts = Counts::default();
        let failed = part("positions");
        let fresh = batches.iter().map(|batch| &batch.fresh);
        let mut staged: Vec<_> = batches.iter().map(|batch| &batch.doubtful).collect();
        if trust_fresh {
            let fresh: Vec<_> = fresh.collect();
            counts.stored = copy(&transaction, &statements.copy, &fresh).await.map_err(&failed)?;
        } else {
            staged.extend(fresh);
        }
        let sent = copy(&transaction, &statements.stage, &staged).await.map_err(&failed)?;
        if sent > 0 {
            let row =
                transaction.query_one(&statements.insert_staged, &[]).await.map_err(&failed)?;
            let inserted = row.get::<_, i64>(0) as u64;
            counts.stored += inserted;
            counts.duplicate = sent - inserted;
        }
        let failed = part("the quarantine");
        let strays: Vec<_> = batches.iter().map(|batch| &batch.quarantine).collect();
        if copy(&transaction, &statements.stage_quarantine, &strays).await.map_err(&failed)? > 0 {
            let insert = &statements.insert_quarantine;
            counts.quarantined = transaction.execute(insert, &[]).await.map_err(&failed)?;
        }
        let rows: Vec<_> = batches.iter().flat_map(|batch| &batch.crossings).collect();
        if !rows.is_empty() {
            let written = crossings(&transaction, &statements.crossings, &rows).await;
            counts.crossings = written.map_err(part("crossings"))?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let written = transaction.execute(&statements.violations, &[&ids]).await;
            written.map_err(part("alerts of crossings"))?;
        }
        // An IMEI that went to another device may have put one device into two partitions.
        let rows: BTreeMap<_, _> = batches.iter().flat_map(|batch| &batch.status).collect();
        let rows: Vec<_> = rows.into_iter().collect();
        if !rows.is_empty() {
            let written = status(&transaction, &statements.status, &rows).await;
            written.map_err(part("the devices' status"))?;
        }
        motion::write(&transaction, &statements.motion, batches, &rows)
            .await
            .map_err(part("the devices' motion"))?;
        visits::write(&transaction, &statements.visits, batches, &rows)
            .await
            .map_err(part("the devices' visits"))?;
        transaction.commit().await.map_err(part("its end"))?;
        Ok(counts)
    }

    /// Devices not heard of since `since` are no longer connected, and there is an alert of each; the
    /// alerts of those that are heard of again are closed.
    pub async fn mark_silent(&mut self, since: Timestamp) -> Result<Silence, WriteError> {
        let Some(Session { client, .. }) = &self.session else { return Ok(Silence::default()) };
        let failed = part("silent devices");
        let back = client.execute(HEARD_AGAIN, &[]).await.map_err(&failed)?;
        let fallen =
            client.execute(&fallen_silent(), &[&to_system_time(since)]).await.map_err(&failed)?;
        Ok(Silence { fallen, back })
    }
}

/// What [`Writer::mark_silent`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Devices that were connected before.
    pub fallen: u64,
    /// Alerts that are closed.
    pub back: u64,
}

/// Who takes part in an event that runs is missed more than others.
fn fallen_silent() -> String {
    let running = running_event("silent.device", "silent.organization");
    format!(
        "WITH silent AS (
        UPDATE public.device_status s SET connected = false FROM public.devices d
        WHERE d.id = s.device AND s.connected AND s.last_received_at < $1
        RETURNING s.device, s.organization, s.last_received_at, d.name
    )
    INSERT INTO public.alerts (id, organization, device, event, kind, severity, status, occurred_at, message, date_created)
    SELECT gen_random_uuid(), silent.organization, silent.device, running.event, 'device_offline',
        CASE WHEN running.event IS NULL THEN 'info' ELSE 'warning' END, 'open', silent.last_received_at,
        silent.name || ' has not been heard of since '
            || to_char(silent.last_received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', now()
    FROM silent
    {running}"
    )
}

const HEARD_AGAIN: &str = "
    UPDATE public.alerts a SET status = 'closed', date_updated = now() FROM public.device_status s
    WHERE a.kind = 'device_offline' AND a.status = 'open' AND s.device = a.device AND s.connected";

/// A connection with what it is asked again and again.
#[derive(Debug)]
struct Session {
    client: Client,
    statements: Statements,
}

#[derive(Debug)]
struct Statements {
    claim: Statement,
    copy: Statement,
    stage: Statement,
    insert_staged: Statement,
    stage_quarantine: Statement,
    insert_quarantine: Statement,
    crossings: Statement,
    violations: Statement,
    status: Statement,
    motion: motion::Statements,
    visits: visits::Statements,
}

impl Session {
    async fn open(url: &str) -> Result<Self, WriteError> {
        let (client, _) = connect(url).await?;
        let statements = Self::prepare(&client).await.map_err(part("statements"))?;
        Ok(Self { client, statements })
    }

    async fn prepare(client: &Client) -> Result<Statements, tokio_postgres::Error> {
        client
            .batch_execute(
                "CREATE TEMP TABLE staged_positions (LIKE telemetry.positions INCLUDING DEFAULTS)
                     ON COMMIT DELETE ROWS;
                 CREATE TEMP TABLE staged_quarantine (LIKE telemetry.positions INCLUDING DEFAULTS)
                     ON COMMIT DELETE ROWS;",
            )
            .await?;
        let copy_to = |table| format!("COPY {table} ({COLUMNS}) FROM STDIN (FORMAT binary)");
        // What is new and not later than what was known is timed again, with what comes after it.
        let insert_staged = format!(
            "WITH inserted AS (
                 INSERT INTO telemetry.positions ({COLUMNS})
                 SELECT {COLUMNS} FROM pg_temp.staged_positions ORDER BY device, ts
                 ON CONFLICT DO NOTHING
                 RETURNING device, ts
             ), late AS (
                 INSERT INTO telemetry.recomputes (cause, device, from_ts, until_ts)
                 SELECT 'late', device, min(ts), max(ts) FROM inserted GROUP BY device
             )
             SELECT count(*) FROM inserted"
        );
        let shared = "device, ts, digest, organization, received_at, lat, lon, altitude_m, \
                      speed_kmh, course_deg, satellites, hdop, io, trace_id";
        let insert_quarantine = format!(
            "INSERT INTO telemetry.quarantine ({shared}, reason)
             SELECT {shared}, fault_reason FROM pg_temp.staged_quarantine ON CONFLICT DO NOTHING"
        );
        Ok(Statements {
            claim: client.prepare(CLAIM).await?,
            copy: client.prepare(&copy_to("telemetry.positions")).await?,
            stage: client.prepare(&copy_to("pg_temp.staged_positions")).await?,
            insert_staged: client.prepare(&insert_staged).await?,
            stage_quarantine: client.prepare(&copy_to("pg_temp.staged_quarantine")).await?,
            insert_quarantine: client.prepare(&insert_quarantine).await?,
            crossings: client.prepare(&insert_crossings("live", "NOTHING")).await?,
            violations: client.prepare(&violations::insert()).await?,
            status: client.prepare(STATUS).await?,
            motion: motion::Statements::prepare(client).await?,
            visits: visits::Statements::prepare(client).await?,
        })
    }
}

pub(crate) const CLAIM: &str = "SELECT telemetry.claim_partitions($1, $2)";

/// Holds the batches' partitions until the transaction ends.
async fn hold(
    transaction: &Transaction<'_>,
    statement: &Statement,
    batches: &[&Batch],
) -> Result<(), WriteError> {
    let claims: Vec<Claim> = batches.iter().map(|batch| batch.claim).collect();
    let parameters = claim_parameters(&claims);
    let row = transaction
        .query_one(statement, &[&parameters.0, &parameters.1])
        .await
        .map_err(part("the partitions' owners"))?;
    let lost: Vec<i16> = row.get(0);
    if lost.is_empty() {
        return Ok(());
    }
    Err(WriteError::Fenced { partitions: lost.into_iter().map(|it| it as u16).collect() })
}

/// As `telemetry.claim_partitions` takes them.
pub(crate) fn claim_parameters(claims: &[Claim]) -> (Vec<i16>, Vec<i64>) {
    claims.iter().map(|it| (it.partition as i16, it.generation as i64)).unzip()
}

/// Sends rows to a table; says how many.
async fn copy(
    transaction: &Transaction<'_>,
    statement: &Statement,
    parts: &[&PositionRows],
) -> Result<u64, tokio_postgres::Error> {
    /// Small enough to be sent while the next is prepared.
    const CHUNK: usize = 256 * 1024;
    if parts.iter().all(|rows| rows.count() == 0) {
        return Ok(0);
    }
    let sink = transaction.copy_in::<_, Bytes>(statement).await?;
    let mut sink = std::pin::pin!(sink);
    sink.feed(Bytes::from_static(HEADER)).await?;
    for rows in parts {
        for chunk in rows.bytes().chunks(CHUNK) {
            sink.feed(Bytes::copy_from_slice(chunk)).await?;
        }
    }
    sink.feed(Bytes::from_static(TRAILER)).await?;
    sink.finish().await
}

/// Of 14 arrays ([`CrossingParameters`]). Crossings of a device or fence that was deleted meanwhile go
/// with it; of a course that was deleted, without it.
pub(crate) fn insert_crossings(source: &str, on_conflict: &str) -> String {
    format!(
        "INSERT INTO public.crossings (id, organization, event, entry, device, checkpoint, geofence, direction,
            crossed_at, fix_before_at, fix_after_at, lat, lon, status, source, date_created)
         SELECT c.id, o.id, v.id, e.id, d.id, k.id, g.id, c.direction,
            c.crossed_at, c.fix_before_at, c.fix_after_at, c.lat, c.lon, c.status, '{source}', now()
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::float4[], $13::float4[], $14::text[])
            AS c(id, organization, event, entry, device, checkpoint, geofence, direction,
                crossed_at, fix_before_at, fix_after_at, lat, lon, status)
         JOIN public.organizations o ON o.id = c.organization
         JOIN public.devices d ON d.id = c.device
         JOIN public.geofences g ON g.id = c.geofence
         LEFT JOIN public.events v ON v.id = c.event
         LEFT JOIN public.entries e ON e.id = c.entry
         LEFT JOIN public.checkpoints k ON k.id = c.checkpoint
         ON CONFLICT (id) DO {on_conflict}"
    )
}

async fn crossings(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: &[&Crossing],
) -> Result<u64, tokio_postgres::Error> {
    transaction.execute(statement, &crossing_parameters(rows).as_parameters()).await
}

/// Crossings column by column, as statements of 14 arrays take them.
pub(crate) struct CrossingParameters<'a> {
    ids: [Vec<Uuid>; 4],
    course: [Vec<Option<Uuid>>; 3],
    times: [Vec<SystemTime>; 3],
    /// As the columns have them: PostgreSQL refuses to make a zero of what is too small for a `real`.
    places: [Vec<f32>; 2],
    texts: [Vec<&'a str>; 2],
}

pub(crate) fn crossing_parameters<'a>(rows: &[&'a Crossing]) -> CrossingParameters<'a> {
    fn column<'a, T>(rows: &[&'a Crossing], of: impl Fn(&'a Crossing) -> T) -> Vec<T> {
        rows.iter().copied().map(of).collect()
    }
    CrossingParameters {
        ids: [
            column(rows, |row| row.id),
            column(rows, |row| row.organization.0),
            column(rows, |row| row.device.0),
            column(rows, |row| row.geofence.0),
        ],
        course: [
            column(rows, |row| row.course.map(|(event, _, _)| event.0)),
            column(rows, |row| row.course.map(|(_, entry, _)| entry.0)),
            column(rows, |row| row.course.map(|(_, _, checkpoint)| checkpoint.0)),
        ],
        times: [
            column(rows, |row| to_system_time(row.crossed_at)),
            column(rows, |row| to_system_time(row.fix_before_at)),
            column(rows, |row| to_system_time(row.fix_after_at)),
        ],
        places: [column(rows, |row| row.place()[0]), column(rows, |row| row.place()[1])],
        texts: [
            column(rows, |row| row.direction.as_str()),
            column(rows, |row| row.status.as_str()),
        ],
    }
}

impl CrossingParameters<'_> {
    /// In the order of [`insert_crossings`].
    pub(crate) fn as_parameters(&self) -> [&(dyn ToSql + Sync); 14] {
        let Self { ids, course, times, places, texts } = self;
        [
            &ids[0], &ids[1], &course[0], &course[1], &ids[2], &course[2], &ids[3], &texts[0],
            &times[0], &times[1], &times[2], &places[0], &places[1], &texts[1],
        ]
    }
}

/// A fix that is not later than what the row says changes nothing of where the device is, but for
/// the first word under a new owner, who must not see where it was with the old one.
const STATUS: &str = "
    INSERT INTO public.device_status AS old (id, device, organization, connected, last_received_at, protocol, gateway,
        last_fix_at, lat, lon, altitude_m, speed_kmh, course_deg, satellites, motion, motion_since)
    SELECT d.id, d.id, o.id, true, s.received_at, s.protocol, s.gateway,
        s.fix_at, s.lat, s.lon, s.altitude_m, s.speed_kmh, s.course_deg, s.satellites, s.motion, s.motion_since
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::timestamptz[], $7::float4[],
            $8::float4[], $9::float4[], $10::float4[], $11::float4[], $12::int4[], $13::text[], $14::timestamptz[])
        AS s(device, organization, received_at, protocol, gateway, fix_at, lat, lon, altitude_m, speed_kmh,
            course_deg, satellites, motion, motion_since)
    JOIN public.devices d ON d.id = s.device
    JOIN public.organizations o ON o.id = s.organization
    ORDER BY d.id
    ON CONFLICT (device) DO UPDATE SET
        organization = excluded.organization,
        connected = true,
        last_received_at = greatest(old.last_received_at, excluded.last_received_at),
        protocol = excluded.protocol,
        gateway = excluded.gateway,
        (motion, motion_since) = (
            SELECT excluded.motion, excluded.motion_since
            WHERE excluded.organization <> old.organization OR excluded.motion IS NOT NULL
            UNION ALL
            SELECT old.motion, old.motion_since
            WHERE excluded.organization = old.organization AND excluded.motion IS NULL),
        (last_fix_at, lat, lon, altitude_m, speed_kmh, course_deg, satellites) = (
            SELECT excluded.last_fix_at, excluded.lat, excluded.lon, excluded.altitude_m, excluded.speed_kmh,
                excluded.course_deg, excluded.satellites
            WHERE excluded.organization <> old.organization
                OR excluded.last_fix_at > coalesce(old.last_fix_at, '-infinity')
            UNION ALL
            SELECT old.last_fix_at, old.lat, old.lon, old.altitude_m, old.speed_kmh, old.course_deg, old.satellites
            WHERE excluded.organization = old.organization
                AND (excluded.last_fix_at > coalesce(old.last_fix_at, '-infinity')) IS NOT TRUE)";

async fn status(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: &[(&DeviceId, &Status)],
) -> Result<u64, tokio_postgres::Error> {
    let fixes: Vec<_> = rows.iter().map(|(_, row)| row.last_fix.as_ref()).collect();
    let motions: Vec<_> = rows.iter().map(|(_, row)| row.motion.as_ref()).collect();
    transaction
        .execute(
            statement,
            &[
                &rows.iter().map(|(device, _)| device.0).collect::<Vec<_>>(),
                &rows.iter().map(|(_, row)| row.organization.0).collect::<Vec<_>>(),
                &rows.iter().map(|(_, row)| to_system_time(row.received_at)).collect::<Vec<_>>(),
                &rows.iter().map(|(_, row)| &*row.protocol).collect::<Vec<_>>(),
                &rows.iter().map(|(_, row)| &*row.gateway).collect::<Vec<_>>(),
                &fixes
                    .iter()
                    .map(|fix| fix.map(|fix| to_system_time(fix.time)))
                    .collect::<Vec<_>>(),
                &fixes.iter().map(|fix| fix.map(|fix| fix.lat as f32)).collect::<Vec<_>>(),
                &fixes.iter().map(|fix| fix.map(|fix| fix.lon as f32)).collect::<Vec<_>>(),
                &fixes.iter().map(|fix| fix.and_then(|fix| fix.altitude_m)).collect::<Vec<_>>(),
                &fixes.iter().map(|fix| fix.and_then(|fix| fix.speed_kmh)).collect::<Vec<_>>(),
                &fixes.iter().map(|fix| fix.and_then(|fix| fix.course_deg)).collect::<Vec<_>>(),
                &fixes
                    .iter()
                    .map(|fix| fix.and_then(|fix| fix.satellites.map(i32::from)))
                    .collect::<Vec<_>>(),
                &motions.iter().map(|it| it.map(motion::name)).collect::<Vec<_>>(),
                &motions
                    .iter()
                    .map(|it| it.map(|motion| to_system_time(motion.since())))
                    .collect::<Vec<_>>(),
            ],
        )
        .await
}
