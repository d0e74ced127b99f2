//! The positions of one tracker.

use biplane_core::Timestamp;
use biplane_core::geodesy::Point;
use biplane_core::simplify::simplify_track;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Subject;
use crate::Rejection;

/// Whose they are, and an array for each field.
#[derive(Debug)]
pub struct Track {
    pub subject: Subject,
    columns: Columns,
}

/// All of one length, in the order of event time.
#[derive(Clone, Debug, Default, Deserialize)]
struct Columns {
    ts_ms: Vec<f64>,
    lat: Vec<f64>,
    lon: Vec<f64>,
    altitude_m: Vec<Option<f64>>,
    speed_kmh: Vec<Option<f64>>,
    course_deg: Vec<Option<f64>>,
    satellites: Vec<Option<f64>>,
    hdop: Vec<Option<f64>>,
    fault: Vec<Option<String>>,
}

/// One position.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// Event time.
    pub ts: Timestamp,
    /// Degrees WGS 84.
    pub at: Point,
    /// Above mean sea level.
    pub altitude_m: Option<f64>,
    /// Over ground.
    pub speed_kmh: Option<f64>,
    /// Over ground, clockwise from north.
    pub course_deg: Option<f64>,
    /// Used.
    pub satellites: Option<f64>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f64>,
    /// Why it is marked faulty.
    pub fault: Option<&'a str>,
}

impl Track {
    /// Of what the host answered; a device that the caller can't see has none.
    pub fn read(subject: Subject, answer: &Value) -> Result<Self, Rejection> {
        if answer.is_null() {
            return Ok(Self { subject, columns: Columns::default() });
        }
        let columns = Columns::deserialize(answer)
            .map_err(|error| Rejection::contract(format!("the answer `positions`: {error}")))?;
        if columns.lengths().iter().any(|length| *length != columns.ts_ms.len()) {
            return Err(Rejection::contract(
                "the answer `positions` has columns of several lengths",
            ));
        }
        Ok(Self { subject, columns })
    }

    /// Whether it is a device's own, of no competitor.
    pub fn is_alone(&self) -> bool {
        self.subject.entry.is_none()
    }

    /// In the order of event time.
    pub fn positions(&self) -> impl Iterator<Item = Position<'_>> {
        let columns = &self.columns;
        (0..columns.ts_ms.len()).map(|index| Position {
            ts: Timestamp::from_millis(columns.ts_ms[index] as i64),
            at: columns.place(index),
            altitude_m: columns.altitude_m[index],
            speed_kmh: columns.speed_kmh[index],
            course_deg: columns.course_deg[index],
            satellites: columns.satellites[index],
            hdop: columns.hdop[index],
            fault: columns.fault[index].as_deref(),
        })
    }

    /// Leaves out what is never farther than this from who moves steadily between the others.
    pub fn simplify(&mut self, tolerance_m: f64) {
        let places: Vec<_> =
            (0..self.columns.ts_ms.len()).map(|it| self.columns.place(it)).collect();
        let kept = simplify_track(&places, &self.columns.ts_ms, tolerance_m);
        self.columns.keep(&kept);
    }

    /// For a replay: numbers in rows.
    pub fn columns(&self) -> Value {
        let Columns { ts_ms, lat, lon, altitude_m, speed_kmh, .. } = &self.columns;
        self.with(
            "columns",
            json!({
                "ts_ms": ts_ms,
                "lat": lat,
                "lon": lon,
                "altitude_m": altitude_m,
                "speed_kmh": speed_kmh,
            }),
        )
    }

    /// For people and programs: an object for each position.
    pub fn rows(&self) -> Value {
        let rows = self.positions().map(|position| {
            json!({
                "ts": position.ts,
                "lat": position.at.lat,
                "lon": position.at.lon,
                "altitude_m": position.altitude_m,
                "speed_kmh": position.speed_kmh,
                "course_deg": position.course_deg,
                "satellites": position.satellites,
                "hdop": position.hdop,
                "fault": position.fault,
            })
        });
        self.with("positions", rows.collect())
    }

    fn with(&self, what: &str, of: Value) -> Value {
        let Subject { device, entry, number, name } = &self.subject;
        json!({ "device": device, "entry": entry, "number": number, "name": name, what: of })
    }
}

impl Columns {
    fn place(&self, index: usize) -> Point {
        Point { lat: self.lat[index], lon: self.lon[index] }
    }

    fn lengths(&self) -> [usize; 8] {
        [
            self.lat.len(),
            self.lon.len(),
            self.altitude_m.len(),
            self.speed_kmh.len(),
            self.course_deg.len(),
            self.satellites.len(),
            self.hdop.len(),
            self.fault.len(),
        ]
    }

    fn keep(&mut self, kept: &[usize]) {
        fn pick<T: Clone>(column: &mut Vec<T>, kept: &[usize]) {
            *column = kept.iter().map(|&index| column[index].clone()).collect();
        }
        pick(&mut self.ts_ms, kept);
        pick(&mut self.lat, kept);
        pick(&mut self.lon, kept);
        pick(&mut self.altitude_m, kept);
        pick(&mut self.speed_kmh, kept);
        pick(&mut self.course_deg, kept);
        pick(&mut self.satellites, kept);
        pick(&mut self.hdop, kept);
        pick(&mut self.fault, kept);
    }
}

/// Where a track has more than `limit` positions, everything from the first time that did not fit goes,
/// of all tracks. That time, in milliseconds since the Unix epoch.
pub fn cut(tracks: &mut [Track], limit: usize) -> Option<f64> {
    let beyond = tracks.iter().filter_map(|track| track.columns.ts_ms.get(limit));
    let next = beyond.copied().min_by(f64::total_cmp)?;
    for track in tracks {
        let kept = track.columns.ts_ms.partition_point(|&ts_ms| ts_ms < next);
        track.columns.keep(&(0..kept).collect::<Vec<_>>());
    }
    Some(next)
}
