//! The demo race of `demo/`: real tracks, the course, and what becomes of them in Directus.

use std::collections::BTreeMap;
use std::path::Path;

use biplane_core::{DeviceId, EventId, Fix, Imei, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::SetupError;
use crate::directus::{ApiError, Client};
use crate::replay::as_sent;

/// The folder of the demo race in the checkout.
pub const FOLDER: &str = "demo/meduno-2020-task3";
/// The demo's operator, who may see and correct its race.
pub const OPERATOR_EMAIL: &str = "operator@example.com";

/// The namespace of ids that are made from names.
const NAMESPACE: Uuid = Uuid::from_u128(0x9f4f7d9e_2c55_5d0c_8f3a_6b1d7b0f2a11);
/// The 14 digits before the check digit are these plus the bib number.
const IMEI_BODY: u64 = 35_000_000_000_000;

/// A race as it was recorded.
#[derive(Debug)]
pub struct Race {
    /// Its name.
    pub name: String,
    /// The course, in order.
    pub zones: Vec<Zone>,
    /// One a competitor, by bib number.
    pub tracks: Vec<Track>,
}

/// A zone of the course.
#[derive(Debug, Deserialize)]
pub struct Zone {
    /// From 1, in the order of the course.
    pub zone: u32,
    /// The waypoint's name.
    pub id: String,
    /// As the race's own rules call it.
    pub role: String,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Nominal, in metres.
    pub radius_m: f64,
    /// With the tolerance that the rules allow, in metres.
    pub radius_oracle_m: f64,
    /// Crossings count from here.
    pub open: Timestamp,
    /// Crossings count until here.
    pub close: Timestamp,
}

/// A competitor's recording.
#[derive(Debug)]
pub struct Track {
    /// The bib number.
    pub number: u32,
    /// The tracker's identity.
    pub imei: Imei,
    /// In order of time.
    pub fixes: Vec<Fix>,
}

#[derive(Deserialize)]
struct CourseFile {
    event: String,
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    name: String,
    zones: Vec<Zone>,
}

#[derive(Deserialize)]
struct PositionRow {
    device_id: String,
    ts_iso: Timestamp,
    lat: f64,
    lon: f64,
    alt: Option<f32>,
}

/// An id of the demo, the same in every installation.
pub fn id(collection: &str, key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("demo/{collection}/{key}").as_bytes())
}

/// The event of the demo race.
pub fn event_id() -> EventId {
    EventId(id("events", "meduno-2020-task3"))
}

/// The tracker with a bib number.
pub fn device_id(number: u32) -> DeviceId {
    DeviceId(id("devices", &number.to_string()))
}

impl Race {
    /// Reads the race of a folder: `course.json` and `positions.csv.gz`.
    pub fn read(folder: &Path) -> Result<Self, SetupError> {
        let failed = |file: &str, why: &dyn std::fmt::Display| {
            SetupError::new("Demo race", format!("{}: {why}", folder.join(file).display()))
        };
        let course = std::fs::read(folder.join("course.json"))
            .map_err(|error| failed("course.json", &error))?;
        let course: CourseFile =
            serde_json::from_slice(&course).map_err(|error| failed("course.json", &error))?;
        let task =
            course.tasks.into_iter().next().ok_or_else(|| failed("course.json", &"no task"))?;

        const POSITIONS: &str = "positions.csv.gz";
        let file = std::fs::File::open(folder.join(POSITIONS))
            .map_err(|error| failed(POSITIONS, &error))?;
        let mut fixes: BTreeMap<u32, Vec<Fix>> = BTreeMap::new();
        for row in csv::Reader::from_reader(flate2::read::GzDecoder::new(file)).deserialize() {
            let row: PositionRow = row.map_err(|error| failed(POSITIONS, &error))?;
            let number = row.device_id.trim_start_matches(|c: char| !c.is_ascii_digit());
            let number = number.parse().map_err(|error| failed(POSITIONS, &error))?;
            let track = fixes.entry(number).or_default();
            track.push(as_sent(track.last(), row.into()));
        }
        let tracks = fixes
            .into_iter()
            .map(|(number, fixes)| Track {
                number,
                imei: Imei::with_check_digit(IMEI_BODY + u64::from(number)),
                fixes,
            })
            .collect();
        Ok(Self { name: format!("{}, {}", course.event, task.name), zones: task.zones, tracks })
    }

    /// When the recording begins and ends.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let first =
            self.tracks.iter().filter_map(|track| track.fixes.first()).map(|fix| fix.time).min()?;
        let last =
            self.tracks.iter().filter_map(|track| track.fixes.last()).map(|fix| fix.time).max()?;
        Some((first, last))
    }

    /// How many fixes there are.
    pub fn fixes(&self) -> usize {
        self.tracks.iter().map(|track| track.fixes.len()).sum()
    }
}

impl From<PositionRow> for Fix {
    fn from(row: PositionRow) -> Self {
        Self {
            time: row.ts_iso,
            lat: row.lat,
            lon: row.lon,
            altitude_m: row.alt,
            speed_kmh: None,
            course_deg: None,
            satellites: None,
            hdop: None,
            io: Vec::new(),
        }
    }
}

/// Creates what is missing of the demo through Directus's API: its organization, operator,
/// trackers and course. Changes and deletes nothing. Returns how many items were made.
pub async fn seed(
    admin: &Client,
    race: &Race,
    operator_role: &str,
    operator_password: &str,
) -> Result<usize, ApiError> {
    let organization = id("organizations", "meduno");
    let event = event_id();
    let (starts_at, ends_at) = race.times().unwrap_or_default();
    let operator = id("users", "operator");
    let zone_id = |collection: &str, zone: &Zone| id(collection, &zone.zone.to_string());
    let entries = race.tracks.iter().zip(0u32..).map(|(track, index)| {
        json!({
            "id": id("entries", &track.number.to_string()), "event": event,
            "device": device_id(track.number), "number": track.number.to_string(),
            "name": format!("Pilot {}", track.number), "category": "Class 1",
            "status": "started", "color": entry_color(index),
        })
    });
    let devices = race.tracks.iter().map(|track| {
        json!({
            "id": device_id(track.number), "name": format!("Tracker {}", track.number),
            "imei": track.imei.to_string(), "protocol": "teltonika", "model": "FMB920",
            "status": "active",
        })
    });
    let geofences = race.zones.iter().map(|zone| {
        json!({
            "id": zone_id("geofences", zone), "name": zone_name(zone), "kind": "circle",
            "geometry": { "type": "Point", "coordinates": [zone.lon, zone.lat] },
            "radius_m": zone.radius_oracle_m, "status": "active", "color": zone_color(zone),
        })
    });
    let checkpoints = race.zones.iter().map(|zone| {
        json!({
            "id": zone_id("checkpoints", zone), "event": event,
            "geofence": zone_id("geofences", zone), "sort": zone.zone, "name": zone_name(zone),
            "role": checkpoint_role(zone), "direction": "any",
            "opens_at": zone.open, "closes_at": zone.close,
        })
    });
    let user = json!({
        "id": operator, "email": OPERATOR_EMAIL, "password": operator_password,
        "role": operator_role, "first_name": "Olga", "last_name": "Operator",
    });
    let event = json!({
        "id": event, "name": race.name, "status": "running", "starts_at": starts_at,
        "ends_at": ends_at, "timezone": "Europe/Rome",
        "description": "A real hang-gliding race, replayed from its recording (see demo/).",
    });
    let member = json!({ "id": id("organization_members", "operator"), "user": operator, "role": "operator" });
    let home = json!({
        "id": organization, "name": "Meduno Spring Meeting", "slug": "meduno", "status": "active",
    });

    let mut made = create_missing(admin, "/items/organizations", vec![home]).await?;
    made += create_missing(admin, "/users", vec![user]).await?;
    // In the order in which they refer to each other.
    for (collection, items) in [
        ("organization_members", vec![member]),
        ("devices", devices.collect()),
        ("geofences", geofences.collect()),
        ("events", vec![event]),
        ("entries", entries.collect()),
        ("checkpoints", checkpoints.collect()),
    ] {
        let owned = items.into_iter().map(|mut item: Value| {
            item["organization"] = json!(organization);
            item
        });
        made += create_missing(admin, &format!("/items/{collection}"), owned.collect()).await?;
    }
    Ok(made)
}

/// Creates those of `items` whose id is not there yet.
async fn create_missing(
    admin: &Client,
    path: &str,
    mut items: Vec<Value>,
) -> Result<usize, ApiError> {
    let ids: Vec<_> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    let found =
        admin.read(&format!("{path}?filter[id][_in]={}&fields=id&limit=-1", ids.join(","))).await?;
    let found: std::collections::HashSet<_> =
        found.as_array().into_iter().flatten().map(|item| item["id"].clone()).collect();
    items.retain(|item| !found.contains(&item["id"]));
    if items.is_empty() {
        return Ok(0);
    }
    let made = items.len();
    admin.create(path, &Value::Array(items)).await?;
    Ok(made)
}

/// Takes back what a former replay wrote, so that the race can be flown again: the positions of
/// the demo's trackers within the recording's time, and the crossings that nobody has corrected.
pub async fn rewind(
    database: &tokio_postgres::Client,
    race: &Race,
) -> Result<u64, tokio_postgres::Error> {
    use std::time::{Duration, SystemTime};
    let Some((first, last)) = race.times() else { return Ok(0) };
    let at = |time: Timestamp| {
        SystemTime::UNIX_EPOCH + Duration::from_millis(time.as_millis().unsigned_abs())
    };
    let devices: Vec<Uuid> = race.tracks.iter().map(|track| device_id(track.number).0).collect();
    database
        .execute(
            "DELETE FROM public.crossings c WHERE event = $1 AND source = 'live'
             AND NOT EXISTS (SELECT FROM public.crossing_edits e WHERE e.crossing = c.id)",
            &[&event_id().0],
        )
        .await?;
    database
        .execute(
            "WITH motion AS (DELETE FROM telemetry.motion WHERE device = ANY($1)),
                 trips AS (DELETE FROM public.trips WHERE device = ANY($1))
             DELETE FROM public.device_status WHERE device = ANY($1)",
            &[&devices],
        )
        .await?;
    database
        .execute(
            "DELETE FROM telemetry.positions WHERE device = ANY($1) AND ts BETWEEN $2 AND $3",
            &[&devices, &at(first), &at(last)],
        )
        .await
}

fn zone_name(zone: &Zone) -> String {
    format!("{} {} {:.1} km", zone.id, zone.role, zone.radius_m / 1000.0)
}

fn checkpoint_role(zone: &Zone) -> &'static str {
    match &*zone.role {
        "start" => "start",
        "turnpoint" | "end-of-speed" => "turnpoint",
        "goal" => "finish",
        _ => "zone",
    }
}

fn zone_color(zone: &Zone) -> &'static str {
    match checkpoint_role(zone) {
        "start" => "#2ECDA7",
        "finish" => "#E35169",
        "turnpoint" => "#3399FF",
        _ => "#A2B5CD",
    }
}

/// Hues a golden angle apart: neighbours in the list look different.
fn entry_color(index: u32) -> String {
    let hue = f64::from(index) * 137.508 % 360.0;
    let channel = |offset: f64| {
        let k = (offset + hue / 30.0) % 12.0;
        let value = 0.48 - 0.65 * 0.48 * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn race() -> Race {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
        Race::read(&folder).expect("the demo race")
    }

    #[test]
    fn the_demo_race_has_its_competitors_positions_and_zones() {
        let race = race();
        assert_eq!((race.tracks.len(), race.fixes(), race.zones.len()), (25, 78_480, 8));
        assert_eq!(
            race.zones.iter().map(checkpoint_role).collect::<Vec<_>>()[..2],
            ["zone", "start"]
        );
    }

    #[test]
    fn every_tracker_has_an_imei_of_its_own_with_a_right_check_digit() {
        let race = race();
        let imeis: std::collections::HashSet<_> =
            race.tracks.iter().map(|track| track.imei).collect();
        assert_eq!(imeis.len(), 25);
        assert!(imeis.iter().all(|imei| imei.check().is_ok()));
    }

    #[test]
    fn colours_are_colours_and_neighbours_differ() {
        let colours: Vec<_> = (0..25).map(entry_color).collect();
        assert!(colours.iter().all(|colour| colour.len() == 7 && colour.starts_with('#')));
        assert!(colours.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
