//! Alerts that others raise.

use biplane_core::{Imei, Timestamp};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::connection::to_system_time;
use crate::{ConnectError, connect};

/// Somebody logged in as a device that was connected from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateImei {
    /// Of the row; the same for what is told twice.
    pub id: Uuid,
    /// Whose number it is.
    pub imei: Imei,
    /// From where, and where it was connected.
    pub addresses: [String; 2],
    /// Processing time.
    pub at: Timestamp,
}

/// Why alerts were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteAlertError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("PostgreSQL did not take the alerts")]
    Refused(#[source] tokio_postgres::Error),
}

/// Writes alerts over one connection, which it opens anew after an error.
#[derive(Debug)]
pub struct AlertWriter {
    url: String,
    client: Option<Client>,
}

/// One open alert a device: a phone network that gives a tracker another address each hour would
/// bury all others.
const DUPLICATES: &str = "
    INSERT INTO public.alerts (id, organization, device, kind, severity, status, occurred_at, message, date_created)
    SELECT DISTINCT ON (d.id) a.id, d.organization, d.id, 'duplicate_imei', 'warning', 'open', a.at,
        d.name || ' logged in from ' || a.address || ' while it was connected from ' || a.before, now()
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS a (id, imei, address, before, at)
    JOIN public.devices d ON d.imei = a.imei
    WHERE NOT EXISTS (SELECT FROM public.alerts x WHERE x.device = d.id AND x.kind = 'duplicate_imei' AND x.status = 'open')
    ORDER BY d.id, a.at
    ON CONFLICT (id) DO NOTHING";

/// Everybody's positions are late, so each organization is told, once.
const LAG: &str = "
    INSERT INTO public.alerts (id, organization, kind, severity, status, occurred_at, message, date_created)
    SELECT gen_random_uuid(), o.id, 'lag', 'critical', 'open', $1::timestamptz,
        'positions are written late: some that came at ' || to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            || ' UTC are not there yet', now()
    FROM public.organizations o
    WHERE o.status = 'active'
        AND NOT EXISTS (SELECT FROM public.alerts x WHERE x.organization = o.id AND x.kind = 'lag' AND x.status <> 'closed')";

const LAG_OVER: &str = "
    UPDATE public.alerts SET status = 'closed', date_updated = now() WHERE kind = 'lag' AND status <> 'closed'";

/// The latest of the running events of an organization in which a device takes part: `event` of
/// `running`, and NULL where there is none. Both are named as the query has them.
pub(crate) fn running_event(device: &str, organization: &str) -> String {
    format!(
        "LEFT JOIN LATERAL (
            SELECT e.event FROM public.entries e
            JOIN public.events v ON v.id = e.event AND v.organization = {organization} AND v.status = 'running'
            WHERE e.device = {device} ORDER BY v.starts_at DESC NULLS LAST, e.event LIMIT 1) running ON true"
    )
}

impl AlertWriter {
    /// Connects at the first alert.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None }
    }

    /// Writes those of devices that there are and that have no such alert open; says how many.
    pub async fn duplicate_imeis(
        &mut self,
        alerts: &[DuplicateImei],
    ) -> Result<u64, WriteAlertError> {
        let client = self.client().await?;
        let column =
            |of: &dyn Fn(&DuplicateImei) -> String| alerts.iter().map(of).collect::<Vec<String>>();
        let ids: Vec<Uuid> = alerts.iter().map(|alert| alert.id).collect();
        let times: Vec<_> = alerts.iter().map(|alert| to_system_time(alert.at)).collect();
        let imeis = column(&|alert| alert.imei.to_string());
        // A forger chooses no address, but a text of his would be in the sentence.
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(64).collect();
        let (from, before) = (
            column(&|alert| plain(&alert.addresses[0])),
            column(&|alert| plain(&alert.addresses[1])),
        );
        client
            .execute(DUPLICATES, &[&ids, &imeis, &from, &before, &times])
            .await
            .map_err(WriteAlertError::Refused)
    }

    /// Raises an alert in each organization that has none open because of positions that came at
    /// that time and are not written, or closes all of them; says how many rows that were.
    pub async fn lag(&mut self, since: Option<Timestamp>) -> Result<u64, WriteAlertError> {
        let client = self.client().await?;
        match since {
            Some(since) => client.execute(LAG, &[&to_system_time(since)]).await,
            None => client.execute(LAG_OVER, &[]).await,
        }
        .map_err(WriteAlertError::Refused)
    }

    async fn client(&mut self) -> Result<&Client, ConnectError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
        }
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(connect(&self.url).await?.0)),
        }
    }
}
