//! What is stored of a device, to be timed again, and the corrections that come of it.

use std::time::SystemTime;

use biplane_core::geodesy::Point;
use biplane_core::geofence::Moment;
use biplane_core::live::Direction;
use biplane_core::plausibility::Believed;
use biplane_core::recompute::{Changes, Mark, StoredCrossing, StoredFix};
use biplane_core::{DeviceId, Imei, OrganizationId, Timestamp};
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

use crate::connection::{from_system_time, to_system_time};
use crate::writer::{CLAIM, claim_parameters, crossing_parameters, insert_crossings};
use crate::{Claim, ConnectError, Notices, connect, violations};

/// Why history could not be read or corrected.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("PostgreSQL failed at {what}")]
    Refused {
        /// At which part.
        what: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
    /// Another processor owns the device's partition now: it carries the orders out.
    #[error("partition {partition} has another owner")]
    Fenced {
        /// Which.
        partition: u16,
    },
}

pub(crate) fn at(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> HistoryError {
    move |source| HistoryError::Refused { what, source }
}

/// An order of `telemetry.recomputes` that is not carried out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The row.
    pub id: i64,
    /// Whose positions.
    pub device: DeviceId,
    /// Tells the device's partition; `None` for what is no IMEI.
    pub imei: Option<Imei>,
    /// Event time of the first position that may be judged otherwise.
    pub from: Timestamp,
    /// Event time of the last.
    pub until: Timestamp,
}

/// Where a device was believed to be before a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beginning {
    /// The last believed fix, and whose the device was.
    pub last: Option<(OrganizationId, Believed)>,
    /// The fixes between that one and the range that were refused as too far away.
    pub refused: Vec<Moment>,
}

/// What a recompute comes to, to be written in one transaction.
#[derive(Debug)]
pub struct Correction<'a> {
    /// Under which lease.
    pub claim: Claim,
    /// Whose.
    pub device: DeviceId,
    /// Marks to change.
    pub marks: &'a [Mark],
    /// Crossings to change.
    pub changes: &'a Changes,
    /// When the device's stored history was read to its end: where it is believed to be now.
    pub now_at: Option<Option<Timestamp>>,
    /// The orders that are carried out by this, with how many marks changed in all.
    pub orders: &'a [i64],
    /// How many marks changed in all, those before this transaction included.
    pub marks_changed: u64,
}

/// Reads history and corrects it, over one connection that is opened anew after an error.
#[derive(Debug)]
pub struct History {
    url: String,
    session: Option<(Client, Notices)>,
}

impl History {
    /// Connects at the first question.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), session: None }
    }

    async fn session(&mut self) -> Result<&mut (Client, Notices), HistoryError> {
        if self.session.as_ref().is_none_or(|(client, _)| client.is_closed()) {
            self.session = None;
            let (client, notices) = connect(&self.url).await?;
            client
                .batch_execute("LISTEN biplane_recompute")
                .await
                .map_err(at("notices of orders"))?;
            self.session = Some((client, notices));
        }
        Ok(self.session.as_mut().expect("set above"))
    }

    pub(crate) async fn client(&mut self) -> Result<&mut Client, HistoryError> {
        self.session().await.map(|(client, _)| client)
    }

    /// Returns when the database said that there are new orders, at once when it did since the
    /// last call; without a connection never.
    pub async fn noticed(&self) {
        match &self.session {
            Some((_, notices)) => notices.next().await,
            None => std::future::pending().await,
        }
    }

    /// Orders that are not carried out, the oldest first, at most 1,000.
    pub async fn orders(&mut self) -> Result<Vec<Order>, HistoryError> {
        let statement = "SELECT r.id, r.device, d.imei, r.from_ts, r.until_ts
                         FROM telemetry.recomputes r LEFT JOIN public.devices d ON d.id = r.device
                         WHERE r.done_at IS NULL ORDER BY r.id LIMIT 1000";
        let rows = self.client().await?.query(statement, &[]).await.map_err(at("orders"))?;
        Ok(rows
            .iter()
            .map(|row| Order {
                id: row.get(0),
                device: row.get::<_, Uuid>(1).into(),
                imei: row.get::<_, Option<&str>>(2).and_then(|it| Imei::from_digits(it).ok()),
                from: from_system_time(row.get(3)),
                until: from_system_time(row.get(4)),
            })
            .collect())
    }

    /// Forgets orders: their device is gone, or they are older than a month and done.
    pub async fn tidy(&mut self, gone: &[i64]) -> Result<(), HistoryError> {
        let statement = "DELETE FROM telemetry.recomputes
                         WHERE id = ANY($1) OR done_at < now() - interval '30 days'";
        self.client().await?.execute(statement, &[&gone]).await.map_err(at("old orders"))?;
        Ok(())
    }

    /// What was believed of a device before `from`, with up to `refused` refused fixes.
    pub async fn beginning(
        &mut self,
        device: DeviceId,
        from: Timestamp,
        refused: u32,
    ) -> Result<Beginning, HistoryError> {
        let client = self.client().await?;
        let from = to_system_time(from);
        let moment = |row: &Row| Moment {
            time: from_system_time(row.get(0)),
            at: Point { lat: row.get(1), lon: row.get(2) },
        };
        // Of records of one time the first that came moved the device.
        let statement = "SELECT ts, lat, lon, organization, speed_kmh FROM telemetry.positions
                         WHERE device = $1 AND ts < $2 AND NOT faulty
                         ORDER BY ts DESC, received_at, digest LIMIT 1";
        let last = client.query_opt(statement, &[&device.0, &from]).await.map_err(at("a fix"))?;
        let Some(last) = last else { return Ok(Beginning::default()) };
        let statement = "SELECT ts, lat, lon FROM (
                             SELECT DISTINCT ON (ts) ts, lat, lon FROM telemetry.positions
                             WHERE device = $1 AND ts > $2 AND ts < $3 AND organization = $4
                                 AND fault_reason = 'impossible_speed'
                             ORDER BY ts DESC, received_at, digest LIMIT $5) latest ORDER BY ts";
        let owner: Uuid = last.get(3);
        let since: SystemTime = last.get(0);
        let rows = client
            .query(statement, &[&device.0, &since, &from, &owner, &i64::from(refused)])
            .await
            .map_err(at("refused fixes"))?;
        let statement = "SELECT max(ts) FROM telemetry.positions
                         WHERE device = $1 AND ts > $2 AND ts < $3 AND organization = $4
                             AND fault_reason = 'jitter'";
        let stood = client
            .query_one(statement, &[&device.0, &since, &from, &owner])
            .await
            .map_err(at("fixes of a device that stands"))?;
        let stood_until = stood.get::<_, Option<SystemTime>>(0).map(from_system_time);
        let believed = Believed { stood_until, ..Believed::new(moment(&last), last.get(4)) };
        Ok(Beginning {
            last: Some((owner.into(), believed)),
            refused: rows.iter().map(moment).collect(),
        })
    }

    /// The next fixes of a device that are later than `after`, at least `count` if there are so
    /// many, and all of the last one's time; in order of time, of one time as they came.
    pub async fn fixes(
        &mut self,
        device: DeviceId,
        after: Timestamp,
        count: u32,
    ) -> Result<Vec<StoredFix>, HistoryError> {
        let statement =
            "SELECT ts, digest, organization, received_at, lat, lon, satellites, hdop, fault_reason,
                             speed_kmh
                         FROM telemetry.positions WHERE device = $1 AND ts > $2
                         ORDER BY ts FETCH FIRST $3 ROWS WITH TIES";
        let rows = self
            .client()
            .await?
            .query(statement, &[&device.0, &to_system_time(after), &i64::from(count)])
            .await
            .map_err(at("positions"))?;
        let mut fixes: Vec<_> = rows
            .iter()
            .map(|row| StoredFix {
                time: from_system_time(row.get(0)),
                digest: row.get(1),
                organization: row.get::<_, Uuid>(2).into(),
                received_at: from_system_time(row.get(3)),
                lat: row.get(4),
                lon: row.get(5),
                satellites: row.get::<_, Option<i16>>(6).and_then(|count| count.try_into().ok()),
                hdop: row.get(7),
                fault: row.get(8),
                speed_kmh: row.get(9),
            })
            .collect();
        fixes.sort_by_key(|fix| (fix.time, fix.received_at, fix.digest));
        Ok(fixes)
    }

    /// A device's crossings whose later fix is after `since`, but not after `until`.
    pub async fn crossings(
        &mut self,
        device: DeviceId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StoredCrossing>, HistoryError> {
        let statement =
            "SELECT c.id, c.geofence, c.event, c.entry, c.checkpoint, c.direction, c.fix_before_at,
                             c.fix_after_at, c.lat, c.lon, c.status,
                             EXISTS (SELECT FROM public.crossing_edits e WHERE e.crossing = c.id
                                 AND NOT EXISTS (SELECT FROM public.crossing_edits u WHERE u.edit = e.id)),
                             c.organization, c.crossed_at
                         FROM public.crossings c
                         WHERE c.device = $1 AND c.source <> 'manual'
                             AND c.fix_after_at > $2 AND c.fix_after_at <= $3
                         ORDER BY c.crossed_at, c.id";
        let rows = self
            .client()
            .await?
            .query(statement, &[&device.0, &to_system_time(since), &to_system_time(until)])
            .await
            .map_err(at("crossings"))?;
        let id = |row: &Row, column| row.get::<_, Option<Uuid>>(column);
        Ok(rows
            .iter()
            .map(|row| StoredCrossing {
                id: row.get(0),
                organization: row.get::<_, Uuid>(12).into(),
                crossed_at: from_system_time(row.get(13)),
                geofence: row.get::<_, Uuid>(1).into(),
                course: id(row, 2).zip(id(row, 3)).zip(id(row, 4)).map(
                    |((event, entry), checkpoint)| (event.into(), entry.into(), checkpoint.into()),
                ),
                direction: match row.get(5) {
                    "enter" => Direction::Enter,
                    _ => Direction::Exit,
                },
                fix_before_at: from_system_time(row.get(6)),
                fix_after_at: from_system_time(row.get(7)),
                place: [row.get(8), row.get(9)],
                status: row.get(10),
                edited: row.get(11),
            })
            .collect())
    }

    /// Writes marks by themselves, so that no transaction holds millions of them.
    pub async fn mark(
        &mut self,
        claim: Claim,
        device: DeviceId,
        marks: &[Mark],
    ) -> Result<(), HistoryError> {
        let transaction = self.client().await?.transaction().await.map_err(at("marks"))?;
        hold(&transaction, claim).await?;
        write_marks(&transaction, device, marks).await?;
        transaction.commit().await.map_err(at("marks"))
    }

    /// Writes a correction, and that its orders are carried out.
    pub async fn correct(&mut self, correction: &Correction<'_>) -> Result<(), HistoryError> {
        let Correction { claim, device, marks, changes, now_at, orders, marks_changed } =
            *correction;
        let transaction = self.client().await?.transaction().await.map_err(at("a correction"))?;
        hold(&transaction, claim).await?;
        write_marks(&transaction, device, marks).await?;
        if !changes.delete.is_empty() {
            transaction
                .execute("DELETE FROM public.crossings WHERE id = ANY($1)", &[&changes.delete])
                .await
                .map_err(at("crossings that go"))?;
            transaction
                .execute(violations::TAKE_BACK, &[&changes.delete])
                .await
                .map_err(at("alerts of crossings that go"))?;
        }
        let rows: Vec<_> = changes.insert.iter().chain(&changes.update).collect();
        if !rows.is_empty() {
            let parameters = crossing_parameters(&rows);
            transaction
                .execute(&insert_crossings("recomputed", SET_RIGHT), &parameters.as_parameters())
                .await
                .map_err(at("crossings"))?;
        }
        if let Some(last) = now_at {
            transaction
                .execute(STATUS, &[&device.0, &last.map(to_system_time)])
                .await
                .map_err(at("the device's status"))?;
        }
        let counts = [
            marks_changed as i64,
            changes.insert.len() as i64,
            changes.delete.len() as i64,
            changes.update.len() as i64,
        ];
        transaction
            .execute(DONE, &[&orders, &counts[0], &counts[1], &counts[2], &counts[3]])
            .await
            .map_err(at("the orders"))?;
        transaction.commit().await.map_err(at("a correction"))
    }
}

async fn hold(transaction: &Transaction<'_>, claim: Claim) -> Result<(), HistoryError> {
    let (partitions, generations) = claim_parameters(&[claim]);
    let lost: Vec<i16> = transaction
        .query_one(CLAIM, &[&partitions, &generations])
        .await
        .map_err(at("the partition's owner"))?
        .get(0);
    if lost.is_empty() { Ok(()) } else { Err(HistoryError::Fenced { partition: claim.partition }) }
}

async fn write_marks(
    transaction: &Transaction<'_>,
    device: DeviceId,
    marks: &[Mark],
) -> Result<(), HistoryError> {
    let (Some(first), Some(last)) =
        (marks.iter().map(|mark| mark.time).min(), marks.iter().map(|mark| mark.time).max())
    else {
        return Ok(());
    };
    // The bounds tell PostgreSQL which partitions to look into.
    let statement = "UPDATE telemetry.positions p SET faulty = m.fault IS NOT NULL, fault_reason = m.fault
                     FROM unnest($2::timestamptz[], $3::int8[], $4::text[]) AS m (ts, digest, fault)
                     WHERE p.device = $1 AND p.ts = m.ts AND p.digest = m.digest AND p.ts BETWEEN $5 AND $6";
    let times: Vec<_> = marks.iter().map(|mark| to_system_time(mark.time)).collect();
    let digests: Vec<_> = marks.iter().map(|mark| mark.digest).collect();
    let faults: Vec<_> = marks
        .iter()
        .map(|mark| mark.fault.map(biplane_core::plausibility::Fault::as_str))
        .collect();
    let bounds = (to_system_time(first), to_system_time(last));
    transaction
        .execute(statement, &[&device.0, &times, &digests, &faults, &bounds.0, &bounds.1])
        .await
        .map_err(at("marks"))?;
    Ok(())
}

/// A row that is there is set right.
const SET_RIGHT: &str = "
    UPDATE SET
        event = excluded.event, entry = excluded.entry, checkpoint = excluded.checkpoint,
        fix_before_at = excluded.fix_before_at, fix_after_at = excluded.fix_after_at,
        lat = excluded.lat, lon = excluded.lon, status = excluded.status,
        source = excluded.source, date_updated = now()";

/// Where a device is believed to be, when its last fixes turned out otherwise. Rounded, since what is too
/// small for a `real` is refused.
const STATUS: &str = "
    UPDATE public.device_status s SET
        last_fix_at = p.ts, lat = round(p.lat::numeric, 9), lon = round(p.lon::numeric, 9), altitude_m = p.altitude_m, speed_kmh = p.speed_kmh,
        course_deg = p.course_deg, satellites = p.satellites
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (
        SELECT ts, lat, lon, altitude_m, speed_kmh, course_deg, satellites, organization FROM telemetry.positions
        WHERE device = $1 AND ts = $2 AND NOT faulty ORDER BY received_at, digest LIMIT 1) p ON true
    WHERE s.device = $1 AND s.last_fix_at IS DISTINCT FROM p.ts
        AND (p.organization IS NULL OR p.organization = s.organization)";

/// The counts stand with the newest of the orders.
const DONE: &str = "
    UPDATE telemetry.recomputes SET done_at = now(),
        marks_changed = CASE WHEN newest THEN $2::int8 ELSE 0 END,
        crossings_added = CASE WHEN newest THEN $3::int8 ELSE 0 END,
        crossings_removed = CASE WHEN newest THEN $4::int8 ELSE 0 END,
        crossings_changed = CASE WHEN newest THEN $5::int8 ELSE 0 END
    FROM (SELECT it AS order_id, it = max(it) OVER () AS newest FROM unnest($1::int8[]) AS it) AS carried
    WHERE id = order_id";
