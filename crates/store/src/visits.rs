//! Writing in which geofences devices are: their states, and alerts of those that stay.

use biplane_core::DeviceId;
use tokio_postgres::{Client, Statement, Transaction};
use uuid::Uuid;

use crate::alerts::running_event;
use crate::connection::to_system_time;
use crate::motion::{Keys, states_into};
use crate::{Batch, Status};

#[derive(Debug)]
pub(crate) struct Statements {
    states: Statement,
    gone: Statement,
    dwells: Statement,
}

const GONE: &str = "DELETE FROM telemetry.visits WHERE device = ANY ($1::uuid[])";

/// What somebody has acknowledged or closed stays so. Of a geofence that was deleted meanwhile, or
/// went to another organization, the name in the sentence before is the one to keep.
fn dwells() -> String {
    let running = running_event("x.device", "x.organization");
    format!(
        "INSERT INTO public.alerts AS old (id, organization, device, event, geofence, kind, severity, status, occurred_at, message, date_created)
    SELECT x.id, o.id, d.id, running.event, g.id, 'dwell', 'warning',
        CASE WHEN x.until IS NULL THEN 'open' ELSE 'closed' END, x.reached_at,
        d.name || CASE WHEN x.until IS NULL THEN ' has been in ' ELSE ' was in ' END || coalesce(g.name, 'a geofence')
            || ' for ' || date_trunc('second', coalesce(x.until, x.reached_at) - x.since)
            || ', since ' || to_char(x.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            || coalesce(' until ' || to_char(x.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '') || ' UTC', now()
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
        AS x (id, organization, device, geofence, since, reached_at, until)
    JOIN public.devices d ON d.id = x.device
    JOIN public.organizations o ON o.id = x.organization
    LEFT JOIN public.geofences g ON g.id = x.geofence AND g.organization = x.organization
    {running}
    ON CONFLICT (id) DO UPDATE SET date_updated = now(),
        message = CASE WHEN excluded.geofence IS NULL THEN old.message ELSE excluded.message END,
        status = CASE WHEN old.status = 'open' THEN excluded.status ELSE old.status END"
    )
}

impl Statements {
    pub(crate) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            states: client.prepare(&states_into("visits")).await?,
            gone: client.prepare(GONE).await?,
            dwells: client.prepare(&dwells()).await?,
        })
    }
}

/// Writes what the batches say of visits; `status` has the devices' states.
pub(crate) async fn write(
    transaction: &Transaction<'_>,
    statements: &Statements,
    batches: &[&Batch],
    status: &[(&DeviceId, &Status)],
) -> Result<(), tokio_postgres::Error> {
    let states = status.iter().filter_map(|(device, status)| {
        Some((device, status.organization, status.visits.as_ref()?))
    });
    let (gone, states): (Vec<_>, Vec<_>) = states.partition(|(.., visits)| visits.is_empty());
    if !states.is_empty() {
        let devices: Vec<Uuid> = states.iter().map(|(device, ..)| device.0).collect();
        let organizations: Vec<Uuid> = states.iter().map(|(_, owner, _)| owner.0).collect();
        let states: Vec<_> = states.iter().map(|(.., visits)| visits.to_bytes()).collect();
        transaction.execute(&statements.states, &[&devices, &organizations, &states]).await?;
    }
    if !gone.is_empty() {
        let devices: Vec<Uuid> = gone.iter().map(|(device, ..)| device.0).collect();
        transaction.execute(&statements.gone, &[&devices]).await?;
    }
    let dwells: Vec<_> = batches.iter().flat_map(|batch| &batch.dwells).collect();
    if !dwells.is_empty() {
        let keys = Keys::of(&dwells);
        let geofences: Vec<Uuid> = dwells.iter().map(|(_, it)| it.what.geofence.0).collect();
        let since: Vec<_> = dwells.iter().map(|(_, it)| to_system_time(it.what.since)).collect();
        let reached: Vec<_> =
            dwells.iter().map(|(_, it)| to_system_time(it.what.reached_at)).collect();
        let until: Vec<_> = dwells.iter().map(|(_, it)| it.end.map(to_system_time)).collect();
        transaction
            .execute(
                &statements.dwells,
                &[
                    &keys.ids,
                    &keys.organizations,
                    &keys.devices,
                    &geofences,
                    &since,
                    &reached,
                    &until,
                ],
            )
            .await?;
    }
    Ok(())
}
