//! Writing what devices do: their states, their trips, and alerts of those that go too fast.

use biplane_core::DeviceId;
use biplane_core::geofence::Moment;
use biplane_core::motion::{Motion, Trip};
use tokio_postgres::{Client, Statement, Transaction};
use uuid::Uuid;

use crate::alerts::running_event;
use crate::batch::Told;
use crate::connection::to_system_time;
use crate::{Batch, Status};

#[derive(Debug)]
pub(crate) struct Statements {
    states: Statement,
    trips: Statement,
    excesses: Statement,
}

/// Puts states of devices into a table of `telemetry`, in place of those before.
pub(crate) fn states_into(table: &str) -> String {
    format!(
        "INSERT INTO telemetry.{table} (device, organization, state)
         SELECT device, organization, state FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS s (device, organization, state)
         ON CONFLICT (device) DO UPDATE SET organization = excluded.organization, state = excluded.state"
    )
}

/// Trips of a device that was deleted meanwhile go with it.
const TRIPS: &str = "
    INSERT INTO public.trips (id, organization, device, started_at, ended_at, distance_m, max_speed_kmh,
        start_lat, start_lon, end_lat, end_lon, date_created)
    SELECT t.id, o.id, d.id, t.started_at, t.ended_at, t.distance_m, t.max_speed_kmh,
        t.start_lat, t.start_lon, t.end_lat, t.end_lon, now()
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::float4[], $7::float4[],
            $8::float4[], $9::float4[], $10::float4[], $11::float4[])
        AS t (id, organization, device, started_at, ended_at, distance_m, max_speed_kmh,
            start_lat, start_lon, end_lat, end_lon)
    JOIN public.devices d ON d.id = t.device
    JOIN public.organizations o ON o.id = t.organization
    ON CONFLICT (id) DO UPDATE SET
        ended_at = excluded.ended_at, end_lat = excluded.end_lat, end_lon = excluded.end_lon,
        distance_m = excluded.distance_m, max_speed_kmh = excluded.max_speed_kmh, date_updated = now()";

/// What somebody has acknowledged or closed stays so.
fn excesses() -> String {
    let running = running_event("x.device", "x.organization");
    format!(
        "INSERT INTO public.alerts AS old (id, organization, device, event, kind, severity, status, occurred_at, message, date_created)
    SELECT x.id, o.id, d.id, running.event, 'overspeed', 'warning',
        CASE WHEN x.until IS NULL THEN 'open' ELSE 'closed' END, x.since,
        d.name || ' went up to ' || round(x.max_speed_kmh::numeric) || ' km/h since '
            || to_char(x.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            || coalesce(' until ' || to_char(x.until AT TIME ZONE 'UTC', 'HH24:MI:SS'), '') || ' UTC', now()
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::float8[])
        AS x (id, organization, device, since, until, max_speed_kmh)
    JOIN public.devices d ON d.id = x.device
    JOIN public.organizations o ON o.id = x.organization
    {running}
    ON CONFLICT (id) DO UPDATE SET message = excluded.message, date_updated = now(),
        status = CASE WHEN old.status = 'open' THEN excluded.status ELSE old.status END"
    )
}

impl Statements {
    pub(crate) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            states: client.prepare(&states_into("motion")).await?,
            trips: client.prepare(TRIPS).await?,
            excesses: client.prepare(&excesses()).await?,
        })
    }
}

/// As in the column `device_status.motion`.
pub(crate) fn name(motion: &Motion) -> &'static str {
    if motion.trip().is_some() { "moving" } else { "stopped" }
}

/// Writes what the batches say of motion; `status` has the devices' states.
pub(crate) async fn write(
    transaction: &Transaction<'_>,
    statements: &Statements,
    batches: &[&Batch],
    status: &[(&DeviceId, &Status)],
) -> Result<(), tokio_postgres::Error> {
    let states: Vec<_> = status
        .iter()
        .filter_map(|(device, status)| Some((device, status.organization, status.motion?)))
        .collect();
    if !states.is_empty() {
        let devices: Vec<Uuid> = states.iter().map(|(device, ..)| device.0).collect();
        let organizations: Vec<Uuid> = states.iter().map(|(_, owner, _)| owner.0).collect();
        let states: Vec<_> = states.iter().map(|(.., motion)| motion.to_bytes()).collect();
        transaction.execute(&statements.states, &[&devices, &organizations, &states]).await?;
    }
    let trips: Vec<_> = batches.iter().flat_map(|batch| &batch.trips).collect();
    if !trips.is_empty() {
        let keys = Keys::of(&trips);
        let started: Vec<_> =
            trips.iter().map(|(_, row)| to_system_time(row.what.started_at)).collect();
        let ended: Vec<_> =
            trips.iter().map(|(_, row)| row.end.map(|end| to_system_time(end.time))).collect();
        // PostgreSQL refuses what is too small for the columns' `real`; here it is zero.
        let column = |of: fn(&Told<Trip, Moment>) -> Option<f64>| {
            trips.iter().map(|(_, row)| of(row).map(|it| it as f32)).collect::<Vec<_>>()
        };
        transaction
            .execute(
                &statements.trips,
                &[
                    &keys.ids,
                    &keys.organizations,
                    &keys.devices,
                    &started,
                    &ended,
                    &column(|row| Some(row.what.distance_m)),
                    &column(|row| Some(row.what.max_speed_kmh)),
                    &column(|row| Some(row.what.start.lat)),
                    &column(|row| Some(row.what.start.lon)),
                    &column(|row| row.end.map(|end| end.at.lat)),
                    &column(|row| row.end.map(|end| end.at.lon)),
                ],
            )
            .await?;
    }
    let excesses: Vec<_> = batches.iter().flat_map(|batch| &batch.excesses).collect();
    if !excesses.is_empty() {
        let keys = Keys::of(&excesses);
        let since: Vec<_> = excesses.iter().map(|(_, it)| to_system_time(it.what.since)).collect();
        let until: Vec<_> = excesses.iter().map(|(_, it)| it.end.map(to_system_time)).collect();
        let speeds: Vec<_> = excesses.iter().map(|(_, it)| it.what.max_speed_kmh).collect();
        transaction
            .execute(
                &statements.excesses,
                &[&keys.ids, &keys.organizations, &keys.devices, &since, &until, &speeds],
            )
            .await?;
    }
    Ok(())
}

/// Whose rows these are.
pub(crate) struct Keys {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) organizations: Vec<Uuid>,
    pub(crate) devices: Vec<Uuid>,
}

impl Keys {
    pub(crate) fn of<T, End>(rows: &[(&Uuid, &Told<T, End>)]) -> Self {
        Self {
            ids: rows.iter().map(|(id, _)| **id).collect(),
            organizations: rows.iter().map(|(_, row)| row.device.organization.0).collect(),
            devices: rows.iter().map(|(_, row)| row.device.id.0).collect(),
        }
    }
}
