//! Reading what the business plane says about devices, fences and courses.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use biplane_core::geofence::{Fence, FenceIndex, Shape};
use biplane_core::live::Direction;
use biplane_core::profile::{Parameter, Profile};
use biplane_core::timing::{Checkpoint, Device, Entry, Flag, FlagVerdict, Setup};
use biplane_core::visits::{Watch, WatchedFences};
use biplane_core::{DeviceId, Imei, OrganizationId};
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};
use uuid::Uuid;

use crate::connection::from_system_time;
use crate::{ConnectError, Notices, connect};

/// Why the setup could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadSetupError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("can't read {what}")]
    Read {
        /// Which part.
        what: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
}

/// Reads the setup over one connection, which also hears of changes.
///
/// After an error it is of no use: open another one.
#[derive(Debug)]
pub struct SetupReader {
    client: Client,
    notices: Notices,
}

fn reading(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> ReadSetupError {
    move |source| ReadSetupError::Read { what, source }
}

impl SetupReader {
    /// Connects and listens for changes.
    pub async fn connect(url: &str) -> Result<Self, ReadSetupError> {
        let (client, notices) = connect(url).await?;
        client
            .batch_execute("LISTEN biplane_config")
            .await
            .map_err(reading("notices of changes"))?;
        Ok(Self { client, notices })
    }

    /// Returns when the database said that something changed since the last call.
    pub async fn noticed(&self) {
        self.notices.next().await;
    }

    /// Whether it said so since the last call of either; asked after [`SetupReader::fingerprint`],
    /// it knows what was committed before that.
    pub fn was_noticed(&self) -> bool {
        self.notices.has_come()
    }

    /// A text that changes when anything of the setup is added, deleted, or changed through
    /// Directus: for those who missed a notice.
    pub async fn fingerprint(&self) -> Result<String, ReadSetupError> {
        let table = |name: &str| {
            format!(
                "SELECT count(*) AS n, max(greatest(date_updated, date_created)) AS at FROM public.{name}"
            )
        };
        let tables = [
            "devices",
            "device_profiles",
            "geofences",
            "events",
            "entries",
            "checkpoints",
            "position_flags",
        ]
        .map(table);
        let statement = format!(
            "SELECT string_agg(n::text || '@' || coalesce(at::text, ''), ' ') FROM ({}) t",
            tables.join(" UNION ALL ")
        );
        let row = self
            .client
            .query_one(&statement, &[])
            .await
            .map_err(reading("the setup's fingerprint"))?;
        Ok(row.get::<_, Option<String>>(0).unwrap_or_default())
    }

    /// The tokens of the active devices that have one: for those who let devices in, and for no log.
    pub async fn tokens(&self) -> Result<HashMap<Imei, String>, ReadSetupError> {
        let statement = "SELECT imei, token FROM public.devices
                         WHERE status = 'active' AND token IS NOT NULL";
        let rows = self.client.query(statement, &[]).await.map_err(reading("tokens"))?;
        let token = |row: &Row| Some((Imei::from_digits(row.get(0)).ok()?, row.get(1)));
        Ok(rows.iter().filter_map(token).collect())
    }

    /// All of it, as of one instant, and a sentence for each row that had to be left out.
    pub async fn read(&mut self) -> Result<(Setup, Vec<String>), ReadSetupError> {
        let transaction = self
            .client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(reading("the setup"))?;
        let mut problems = Vec::new();
        let (fences, watched) =
            fences(&transaction, &mut problems).await.map_err(reading("geofences"))?;
        let setup = Setup {
            devices: devices(&transaction, &mut problems).await.map_err(reading("devices"))?,
            profiles: profiles(&transaction, &mut problems).await.map_err(reading("profiles"))?,
            fences,
            watched,
            entries: entries(&transaction).await.map_err(reading("entries"))?,
            checkpoints: checkpoints(&transaction).await.map_err(reading("checkpoints"))?,
            flags: flags(&transaction).await.map_err(reading("flags"))?,
        };
        transaction.commit().await.map_err(reading("the setup"))?;
        Ok((setup, problems))
    }
}

type Read<T> = Result<T, tokio_postgres::Error>;

async fn devices(
    transaction: &Transaction<'_>,
    problems: &mut Vec<String>,
) -> Read<HashMap<Imei, Device>> {
    let statement = "SELECT id, organization, imei FROM public.devices WHERE status = 'active'";
    let mut devices = HashMap::new();
    for row in transaction.query(statement, &[]).await? {
        let (id, organization): (Uuid, Uuid) = (row.get(0), row.get(1));
        match Imei::from_digits(row.get(2)) {
            Ok(imei) => {
                devices.insert(imei, Device { id: id.into(), organization: organization.into() });
            }
            Err(error) => problems.push(format!("device {id}: {error}")),
        }
    }
    Ok(devices)
}

/// A profile of another organization than the device's says nothing.
async fn profiles(
    transaction: &Transaction<'_>,
    problems: &mut Vec<String>,
) -> Read<HashMap<DeviceId, Arc<Profile>>> {
    let statement = format!(
        "SELECT id, ARRAY[{}]::float8[] FROM public.device_profiles",
        Parameter::NAMES.join(", ")
    );
    let mut profiles = HashMap::new();
    for row in transaction.query(&statement, &[]).await? {
        let (id, values): (Uuid, Vec<Option<f64>>) = (row.get(0), row.get(1));
        let mut profile = Profile::default();
        for (parameter, value) in Parameter::ALL.into_iter().zip(values) {
            if let Some(Err(error)) = value.map(|value| profile.set(parameter, value)) {
                problems.push(format!("device profile {id}: {error}"));
            }
        }
        profiles.insert(id, Arc::new(profile));
    }
    let statement = "SELECT d.id, d.profile FROM public.devices d
                     JOIN public.device_profiles p ON p.id = d.profile AND p.organization = d.organization
                     WHERE d.status = 'active'";
    let mut of_devices = HashMap::new();
    for row in transaction.query(statement, &[]).await? {
        if let Some(profile) = profiles.get(&row.get::<_, Uuid>(1)) {
            of_devices.insert(row.get::<_, Uuid>(0).into(), Arc::clone(profile));
        }
    }
    Ok(of_devices)
}

/// The active ones by owner, and those of them of which visits are to be told.
type Fences = (HashMap<OrganizationId, FenceIndex>, HashMap<OrganizationId, WatchedFences>);

async fn fences(transaction: &Transaction<'_>, problems: &mut Vec<String>) -> Read<Fences> {
    let statement = "SELECT id, organization, kind, ST_AsGeoJSON(geometry, 15), radius_m::float8,
                        dwell_s::float8, hysteresis_m::float8
                     FROM public.geofences WHERE status = 'active' ORDER BY id";
    let mut fences: HashMap<OrganizationId, Vec<Fence>> = HashMap::new();
    let mut watched: HashMap<OrganizationId, Vec<(Fence, Watch)>> = HashMap::new();
    for row in transaction.query(statement, &[]).await? {
        let (id, organization): (Uuid, Uuid) = (row.get(0), row.get(1));
        let geometry = row.get::<_, Option<&str>>(3).unwrap_or("null");
        let geometry = serde_json::from_str(geometry).unwrap_or(serde_json::Value::Null);
        let fence = match Shape::from_geojson(row.get(2), &geometry, row.get(4)) {
            Ok(shape) => Fence { id: id.into(), shape },
            Err(error) => {
                problems.push(format!("geofence {id}: {error}"));
                continue;
            }
        };
        let dwell_s: Option<f64> = row.get(5);
        match dwell_s.map(|dwell_s| Watch::new(dwell_s, row.get(6))) {
            Some(Ok(watch)) => {
                watched.entry(organization.into()).or_default().push((fence.clone(), watch));
            }
            Some(Err(error)) => problems.push(format!("geofence {id}: {error}")),
            None => {}
        }
        fences.entry(organization.into()).or_default().push(fence);
    }
    Ok((
        fences.into_iter().map(|(owner, fences)| (owner, FenceIndex::new(fences))).collect(),
        watched.into_iter().map(|(owner, fences)| (owner, WatchedFences::new(fences))).collect(),
    ))
}

/// Events that are timed: a finished one still takes what trackers send late. What is of another
/// organization than its event has no part in it.
const TIMED: &str = "v.status IN ('scheduled', 'running', 'finished')";

async fn entries(transaction: &Transaction<'_>) -> Read<HashMap<DeviceId, Vec<Entry>>> {
    let statement = format!(
        "SELECT e.id, e.event, e.device FROM public.entries e
         JOIN public.events v ON v.id = e.event AND v.organization = e.organization
         WHERE {TIMED} ORDER BY e.id"
    );
    let mut entries: HashMap<_, Vec<_>> = HashMap::new();
    for row in transaction.query(&statement, &[]).await? {
        let entry = Entry { id: row.get::<_, Uuid>(0).into(), event: row.get::<_, Uuid>(1).into() };
        entries.entry(row.get::<_, Uuid>(2).into()).or_default().push(entry);
    }
    Ok(entries)
}

async fn checkpoints(
    transaction: &Transaction<'_>,
) -> Read<HashMap<biplane_core::GeofenceId, Vec<Checkpoint>>> {
    // A tracker that drives home next week times nothing: no checkpoint is open beyond its event.
    // What is null bounds nothing.
    let statement = format!(
        "SELECT k.id, k.event, k.geofence, k.direction,
            greatest(k.opens_at, v.starts_at), least(k.closes_at, v.ends_at)
         FROM public.checkpoints k
         JOIN public.events v ON v.id = k.event AND v.organization = k.organization
         WHERE {TIMED} ORDER BY k.event, k.sort, k.id"
    );
    let mut checkpoints: HashMap<_, Vec<_>> = HashMap::new();
    for row in transaction.query(&statement, &[]).await? {
        let checkpoint = Checkpoint {
            id: row.get::<_, Uuid>(0).into(),
            event: row.get::<_, Uuid>(1).into(),
            direction: match row.get(3) {
                "enter" => Some(Direction::Enter),
                "exit" => Some(Direction::Exit),
                _ => None,
            },
            opens_at: row.get::<_, Option<SystemTime>>(4).map(from_system_time),
            closes_at: row.get::<_, Option<SystemTime>>(5).map(from_system_time),
        };
        checkpoints.entry(row.get::<_, Uuid>(2).into()).or_default().push(checkpoint);
    }
    Ok(checkpoints)
}

/// A flag of another organization than the device's says nothing.
async fn flags(transaction: &Transaction<'_>) -> Read<HashMap<DeviceId, Vec<Flag>>> {
    let statement =
        "SELECT f.device, f.starts_at, f.ends_at, f.verdict FROM public.position_flags f
                     JOIN public.devices d ON d.id = f.device AND d.organization = f.organization
                     ORDER BY f.device, f.starts_at, f.id";
    let mut flags: HashMap<_, Vec<_>> = HashMap::new();
    for row in transaction.query(statement, &[]).await? {
        let flag = Flag {
            from: from_system_time(row.get(1)),
            until: from_system_time(row.get(2)),
            says: if row.get::<_, &str>(3) == "valid" {
                FlagVerdict::Valid
            } else {
                FlagVerdict::Faulty
            },
        };
        flags.entry(row.get::<_, Uuid>(0).into()).or_default().push(flag);
    }
    Ok(flags)
}
