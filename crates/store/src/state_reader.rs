//! What a partition's new owner has to know of a device.

use std::time::SystemTime;

use biplane_core::geodesy::Point;
use biplane_core::geofence::Moment;
use biplane_core::motion::Motion;
use biplane_core::plausibility::Believed;
use biplane_core::visits::Visits;
use biplane_core::{DeviceId, OrganizationId, Timestamp};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::connection::from_system_time;
use crate::writer::{CLAIM, claim_parameters};
use crate::{Claim, ConnectError, connect};

/// Why the state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadStateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("can't read the devices' last positions")]
    Read(#[source] tokio_postgres::Error),
}

/// What the database knows of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceState {
    /// Which.
    pub device: DeviceId,
    /// The latest believed fix, and whose the device was then.
    pub last: Option<(OrganizationId, Believed)>,
    /// The latest of the fixes after that which were too far from it, in order of time.
    pub refused: Vec<Moment>,
    /// What it did after its last fix, and whose it was then.
    pub motion: Option<(OrganizationId, Motion)>,
    /// Which geofences it was in then, and whose it was; `None`: none that asks for it.
    pub visits: Option<(OrganizationId, Visits)>,
    /// No position of the device is later, believed or not.
    pub watermark: Option<Timestamp>,
}

/// Reads states over one connection, which it opens anew after an error.
#[derive(Debug)]
pub struct StateReader {
    url: String,
    client: Option<Client>,
}

impl StateReader {
    /// Connects at the first question.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None }
    }

    /// Takes partitions over: returns once the owners before have written their last, and names
    /// those that a newer lease has already, ascending.
    pub async fn claim(&mut self, claims: &[Claim]) -> Result<Vec<u16>, ReadStateError> {
        let parameters = claim_parameters(claims);
        let lost: Vec<i16> = self
            .client()
            .await?
            .query_one(CLAIM, &[&parameters.0, &parameters.1])
            .await
            .map_err(ReadStateError::Read)?
            .get(0);
        Ok(lost.into_iter().map(|it| it as u16).collect())
    }

    /// The states of devices, in any order, each with up to `refused` fixes that were refused.
    pub async fn states(
        &mut self,
        devices: &[DeviceId],
        refused: u32,
    ) -> Result<Vec<DeviceState>, ReadStateError> {
        let ids: Vec<Uuid> = devices.iter().map(|device| device.0).collect();
        let refused = i64::from(refused);
        let rows = self
            .client()
            .await?
            .query(STATES, &[&ids, &refused])
            .await
            .map_err(ReadStateError::Read)?;
        Ok(rows
            .iter()
            .map(|row| DeviceState {
                device: row.get::<_, Uuid>(0).into(),
                last: row.get::<_, Option<SystemTime>>(2).zip(row.get(3)).zip(row.get(4)).map(
                    |((time, lat), lon)| {
                        let at = Point { lat, lon };
                        let organization = row.get::<_, Uuid>(1).into();
                        let moment = Moment { time: from_system_time(time), at };
                        let stood_until =
                            row.get::<_, Option<SystemTime>>(14).map(from_system_time);
                        (
                            organization,
                            Believed { stood_until, ..Believed::new(moment, row.get(9)) },
                        )
                    },
                ),
                // A state of another release's form is begun anew.
                motion: row.get::<_, Option<Uuid>>(10).zip(row.get(11)).and_then(
                    |(owner, state): (Uuid, &[u8])| {
                        Some((owner.into(), Motion::from_bytes(state).ok()?))
                    },
                ),
                visits: row.get::<_, Option<Uuid>>(12).zip(row.get(13)).and_then(
                    |(owner, state): (Uuid, &[u8])| {
                        Some((owner.into(), Visits::from_bytes(state).ok()?))
                    },
                ),
                watermark: row.get::<_, Option<SystemTime>>(5).map(from_system_time),
                refused: {
                    let times: Vec<SystemTime> = row.get(6);
                    let places =
                        row.get::<_, Vec<f64>>(7).into_iter().zip(row.get::<_, Vec<f64>>(8));
                    let moment = |(time, (lat, lon))| Moment {
                        time: from_system_time(time),
                        at: Point { lat, lon },
                    };
                    times.into_iter().zip(places).map(moment).collect()
                },
            })
            .collect())
    }

    async fn client(&mut self) -> Result<&Client, ReadStateError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
            self.client = Some(connect(&self.url).await?.0);
        }
        Ok(self.client.as_ref().expect("set above"))
    }
}

/// Where a device was comes from its position, since Directus keeps coordinates in `real`; of
/// two records of that time the one next to what the status says. Without a position (retention
/// took it) the status has to do.
const STATES: &str = "
    SELECT d.device, s.organization, s.last_fix_at,
        coalesce(p.lat, s.lat::float8), coalesce(p.lon, s.lon::float8), w.ts,
        coalesce(r.ts, '{}'), coalesce(r.lat, '{}'), coalesce(r.lon, '{}'),
        CASE WHEN p.lat IS NULL THEN s.speed_kmh ELSE p.speed_kmh END, m.organization, m.state,
        v.organization, v.state, j.ts
    FROM unnest($1::uuid[]) AS d(device)
    LEFT JOIN public.device_status s ON s.device = d.device
    LEFT JOIN telemetry.motion m ON m.device = d.device
    LEFT JOIN telemetry.visits v ON v.device = d.device
    LEFT JOIN LATERAL (
        SELECT lat, lon, speed_kmh FROM telemetry.positions
        WHERE device = d.device AND ts = s.last_fix_at AND NOT faulty
        ORDER BY abs(lat - s.lat) + abs(lon - s.lon) LIMIT 1) p ON true
    LEFT JOIN LATERAL (
        SELECT ts FROM telemetry.positions WHERE device = d.device ORDER BY ts DESC LIMIT 1) w ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(ts ORDER BY ts) AS ts, array_agg(lat ORDER BY ts) AS lat, array_agg(lon ORDER BY ts) AS lon
        FROM (
            SELECT DISTINCT ON (ts) ts, lat, lon FROM telemetry.positions
            WHERE device = d.device AND ts > s.last_fix_at AND organization = s.organization
                AND fault_reason = 'impossible_speed' AND lat IS NOT NULL AND lon IS NOT NULL
            ORDER BY ts DESC LIMIT $2) latest) r ON true
    LEFT JOIN LATERAL (
        SELECT max(ts) AS ts FROM telemetry.positions
        WHERE device = d.device AND ts > s.last_fix_at AND organization = s.organization
            AND fault_reason = 'jitter') j ON true";
