//! A fleet that never was: synthetic trackers for benchmarks and fault runs.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_core::{Fix, Imei, Timestamp};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::SetupError;
use crate::demo::Track;
use crate::postgres::sql_error;
use crate::replay::{self, Pace};

/// 2025-10-09T08:53:20Z: the first fix of each tracker.
const FIRST: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// Trackers that wander over a square degree, one fix a second: no fix is like another, none is
/// implausible, and each has a time of its own.
#[derive(Debug)]
pub struct Fleet {
    /// One a tracker.
    pub tracks: Vec<Track>,
}

/// A sequence of numbers that looks random and is the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, within 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number, within a range.
    pub fn within(&mut self, range: Range<f64>) -> f64 {
        range.start + self.unit() * (range.end - range.start)
    }

    /// One of several, which there must be.
    pub fn one_of<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        &several[(self.unit() * several.len() as f64) as usize]
    }
}

impl Fleet {
    /// So many trackers with so many positions each, the same at every call.
    pub fn new(devices: u32, positions: u32) -> Self {
        Self { tracks: (0..devices).map(|index| track(index, positions)).collect() }
    }

    /// How many positions there are.
    pub fn positions(&self) -> usize {
        self.tracks.iter().map(|track| track.fixes.len()).sum()
    }

    /// Registers the trackers, with an organization of theirs and `fences` circles, by SQL.
    pub async fn furnish(&self, database: &Client, fences: u32) -> Result<(), SetupError> {
        let organization = Uuid::from_u128(1);
        let ids: Vec<_> = self.tracks.iter().map(|track| device_id(track.number)).collect();
        let imeis: Vec<_> = self.tracks.iter().map(|track| track.imei.to_string()).collect();
        let statements: [(&str, &[&(dyn tokio_postgres::types::ToSql + Sync)]); 2] = [
            (
                "INSERT INTO organizations (id, name, slug, status)
                 VALUES ($1, 'Fleet', 'fleet', 'active')",
                &[&organization],
            ),
            (
                "INSERT INTO devices (id, organization, name, imei, protocol, status)
                 SELECT id, $1, imei, imei, 'teltonika', 'active'
                 FROM unnest($2::uuid[], $3::text[]) AS d (id, imei)",
                &[&organization, &ids, &imeis],
            ),
        ];
        for (statement, parameters) in statements {
            database.execute(statement, parameters).await.map_err(|error| sql_error(&error))?;
        }
        Self::fence(database, fences).await
    }

    /// Adds circles to the organization of a furnished fleet, by SQL: the first thousand where the
    /// fleet is, each further thousand a degree to the east.
    pub async fn fence(database: &Client, fences: u32) -> Result<(), SetupError> {
        let insert = "INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, status)
            SELECT gen_random_uuid(), $1, 'Fence ' || i, 'circle',
                   ST_SetSRID(ST_MakePoint(12 + i / 1000 + (i % 97) / 97.0, 46 + (i % 89) / 89.0), 4326),
                   500 + i % 1500, 'active'
            FROM generate_series(1, $2::bigint) AS i";
        let organization = Uuid::from_u128(1);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&organization, &i64::from(fences)];
        database.execute(insert, &parameters).await.map_err(|error| sql_error(&error))?;
        Ok(())
    }

    /// Waits until the gateway lets the last tracker in: the processor publishes which devices
    /// are known within seconds of the commit. That tracker's first position is sent by this.
    pub async fn await_known(&self, gateway: SocketAddr) -> Result<(), SetupError> {
        let Some(last) = self.tracks.last() else { return Ok(()) };
        let fixes = last.fixes.iter().take(1).cloned().collect();
        let probe = [Track { number: last.number, imei: last.imei, fixes }];
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match replay::fly(gateway, &probe, Pace::Unlimited, &Arc::default()).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(SetupError::new("Fleet", error));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// The row in `devices` of a tracker of a fleet.
pub fn device_id(number: u32) -> Uuid {
    Uuid::from_u128(1000 + u128::from(number))
}

/// What a tracker of a fleet has to tell, without an end.
#[derive(Clone, Debug)]
pub struct Wander {
    random: Sequence,
    lat: f64,
    lon: f64,
    time: Timestamp,
}

impl Wander {
    /// Of the tracker with that number.
    pub fn new(number: u32) -> Self {
        let mut random = Sequence::new(u64::from(number) << 32);
        let (lat, lon) = (46.0 + random.unit(), 12.0 + random.unit());
        Self { random, lat, lon, time: FIRST }
    }
}

impl Iterator for Wander {
    type Item = Fix;

    fn next(&mut self) -> Option<Fix> {
        let random = &mut self.random;
        self.lat = (self.lat + (random.unit() - 0.5) * 0.0004).clamp(46.0, 47.0);
        self.lon = (self.lon + (random.unit() - 0.5) * 0.0004).clamp(12.0, 13.0);
        let fix = Fix {
            time: self.time,
            lat: self.lat,
            lon: self.lon,
            altitude_m: Some((200.0 + random.unit() * 2000.0).round() as f32),
            speed_kmh: Some((random.unit() * 90.0).round() as f32),
            course_deg: Some((random.unit() * 359.0).round() as f32),
            satellites: Some(7 + (random.unit() * 8.0) as u8),
            hdop: None,
            io: Vec::new(),
        };
        self.time = self.time + 1000;
        Some(fix)
    }
}

/// The IMEI of a tracker of a fleet.
pub fn imei(number: u32) -> Imei {
    Imei::with_check_digit(86_000_000_000_000 + u64::from(number))
}

fn track(number: u32, positions: u32) -> Track {
    let fixes = Wander::new(number).take(positions as usize).collect();
    Track { number, imei: imei(number), fixes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_the_same_every_time_and_no_two_trackers_are() {
        let (one, two) = (Fleet::new(3, 10), Fleet::new(3, 10));
        assert_eq!(one.positions(), 30);
        for (one, two) in one.tracks.iter().zip(&two.tracks) {
            assert_eq!(one.fixes, two.fixes);
        }
        assert_ne!(one.tracks[0].fixes[0].lat, one.tracks[1].fixes[0].lat);
    }

    #[test]
    fn a_sequence_stays_within_its_bounds_and_spreads() {
        let mut sequence = Sequence::new(7);
        let numbers: Vec<_> = (0..1000).map(|_| sequence.unit()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
