//! The positions of one tracker.

use biplane_core::Timestamp;
use biplane_core::geodesy::Point;
use biplane_core::simplify::simplify_track;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::Subject;
use crate::{PositionField, Rejection};

/// Whose they are, and an array for each field.
#[derive(Debug)]
pub struct Track {
    pub subject: Subject,
    columns: Columns,
}

/// Those that were asked for are all of one length, in the order of event time; the others are empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
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
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Position<'a> {
    /// Event time.
    pub ts: Timestamp,
    /// Degrees WGS 84.
    pub lat: f64,
    /// Degrees WGS 84.
    pub lon: f64,
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
    /// Of what the host answered when it was asked for these fields; a device that the caller can't see
    /// has none.
    pub fn read(
        subject: Subject,
        fields: &[PositionField],
        answer: &Value,
    ) -> Result<Self, Rejection> {
        if answer.is_null() {
            return Ok(Self { subject, columns: Columns::default() });
        }
        let columns = Columns::deserialize(answer)
            .map_err(|error| Rejection::contract(format!("the answer `positions`: {error}")))?;
        if fields.iter().any(|field| columns.length(*field) != columns.ts_ms.len()) {
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
        let number = |column: &[Option<f64>], index| column.get(index).copied().flatten();
        (0..columns.ts_ms.len()).map(move |index| Position {
            ts: Timestamp::from_millis(columns.ts_ms[index] as i64),
            lat: columns.lat[index],
            lon: columns.lon[index],
            altitude_m: number(&columns.altitude_m, index),
            speed_kmh: number(&columns.speed_kmh, index),
            course_deg: number(&columns.course_deg, index),
            satellites: number(&columns.satellites, index),
            hdop: number(&columns.hdop, index),
            fault: columns.fault.get(index).and_then(Option::as_deref),
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
    pub fn columns(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Shown<'a> {
            ts_ms: &'a [f64],
            lat: &'a [f64],
            lon: &'a [f64],
            altitude_m: &'a [Option<f64>],
            speed_kmh: &'a [Option<f64>],
            /// Left out where no position is faulty.
            #[serde(skip_serializing_if = "Option::is_none")]
            fault: Option<&'a [Option<String>]>,
        }
        let Columns { ts_ms, lat, lon, altitude_m, speed_kmh, fault, .. } = &self.columns;
        let fault = fault.iter().any(Option::is_some).then_some(fault.as_slice());
        Shown { ts_ms, lat, lon, altitude_m, speed_kmh, fault }
    }

    /// For people and programs: an object for each position.
    pub fn rows(&self) -> impl Serialize {
        listed(|| self.positions())
    }
}

/// What an iterator gives, as an array that is written item by item.
pub fn listed<I: Iterator<Item: Serialize>>(items: impl Fn() -> I) -> impl Serialize {
    struct Listed<F>(F);
    impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for Listed<F> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0())
        }
    }
    Listed(items)
}

impl Columns {
    fn place(&self, index: usize) -> Point {
        Point { lat: self.lat[index], lon: self.lon[index] }
    }

    fn length(&self, field: PositionField) -> usize {
        match field {
            PositionField::TsMs => self.ts_ms.len(),
            PositionField::Lat => self.lat.len(),
            PositionField::Lon => self.lon.len(),
            PositionField::AltitudeM => self.altitude_m.len(),
            PositionField::SpeedKmh => self.speed_kmh.len(),
            PositionField::CourseDeg => self.course_deg.len(),
            PositionField::Satellites => self.satellites.len(),
            PositionField::Hdop => self.hdop.len(),
            PositionField::Fault => self.fault.len(),
        }
    }

    fn keep(&mut self, kept: &[usize]) {
        fn pick<T: Clone>(column: &mut Vec<T>, kept: &[usize]) {
            *column = kept.iter().filter_map(|&index| column.get(index).cloned()).collect();
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
