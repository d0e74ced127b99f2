//! How long devices stay in geofences, told from their believed fixes.
//!
//! A visit begins where the border is crossed inwards (or with the first fix inside, where nobody
//! knows of a crossing), and ends where it is crossed outwards for the last time before a fix that is
//! farther outside than the hysteresis. So a device that wobbles at the border makes one visit. It is
//! told once it has lasted for as long as its geofence asks for, and when it ends.
//!
//! Only what fixes say counts: silence adds nothing to a visit until a fix says that the device is
//! still there. Whoever was silent for longer than a trip's gap and then is on the other side of a
//! border has crossed it nobody knows when: the visit then ends with the last fix inside, or
//! begins with the first.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::geofence::{Fence, FenceIndex, Moment, Segment};
use crate::live::Direction;
use crate::motion::Happened;
use crate::profile::Limits;
use crate::state::{self, StateError};
use crate::{GeofenceId, Timestamp};

/// What a geofence asks to be told of visits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watch {
    dwell_s: i64,
    hysteresis_m: Option<f64>,
}

/// A value that a column of `geofences` can't have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: {value} is not {wanted}")]
pub struct WatchError {
    /// The column.
    pub field: &'static str,
    /// What it may be instead, as a sentence says it.
    pub wanted: &'static str,
    /// As it was given.
    pub value: f64,
}

impl Watch {
    const DWELL_S: RangeInclusive<f64> = 1.0..=31_536_000.0;
    const HYSTERESIS_M: RangeInclusive<f64> = 0.0..=10_000.0;

    /// To be told of visits that last for `dwell_s` seconds; `hysteresis_m` metres outside of the
    /// border a visit goes on, `None`: as far as [`Limits::hysteresis_m`] says.
    pub fn new(dwell_s: f64, hysteresis_m: Option<f64>) -> Result<Self, WatchError> {
        Ok(Self {
            dwell_s: Self::dwell_s(dwell_s)?,
            hysteresis_m: hysteresis_m.map(Self::hysteresis_m).transpose()?,
        })
    }

    /// A value of the column `dwell_s`.
    pub fn dwell_s(value: f64) -> Result<i64, WatchError> {
        if Self::DWELL_S.contains(&value) && value.fract() == 0.0 {
            return Ok(value as i64);
        }
        let wanted = "a whole number of seconds from 1 to 31536000";
        Err(WatchError { field: "dwell_s", wanted, value })
    }

    /// A value of the column `hysteresis_m`.
    pub fn hysteresis_m(value: f64) -> Result<f64, WatchError> {
        if Self::HYSTERESIS_M.contains(&value) {
            return Ok(value);
        }
        let wanted = "a number of metres from 0 to 10000";
        Err(WatchError { field: "hysteresis_m", wanted, value })
    }
}

/// The geofences of one organization that ask to be told of visits.
#[derive(Clone, Debug, Default)]
pub struct WatchedFences {
    index: FenceIndex,
    /// What each asks for, and its place in the index.
    watches: HashMap<GeofenceId, (usize, Watch)>,
}

impl WatchedFences {
    /// Of those of an organization; gates, which nothing is inside of, are left out.
    pub fn new(watched: Vec<(Fence, Watch)>) -> Self {
        let areas = watched.into_iter().filter(|(fence, _)| fence.shape.is_area());
        let (fences, watches): (Vec<Fence>, Vec<Watch>) = areas.unzip();
        let places = fences.iter().zip(watches).enumerate();
        let watches = places.map(|(place, (fence, watch))| (fence.id, (place, watch))).collect();
        Self { index: FenceIndex::new(fences), watches }
    }

    fn find(&self, id: GeofenceId) -> Option<(&Fence, Watch)> {
        let (place, watch) = *self.watches.get(&id)?;
        Some((self.index.at(place)?, watch))
    }
}

/// A visit that has lasted for as long as its geofence asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dwell {
    /// Where.
    pub geofence: GeofenceId,
    /// Event time when the visit began.
    pub since: Timestamp,
    /// Event time when it had lasted for as long as was asked for then.
    pub reached_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Visit {
    geofence: GeofenceId,
    since: Timestamp,
    /// The device was inside until then, by the last fix inside or the last crossing outwards.
    until: Timestamp,
    /// See [`Dwell::reached_at`]; `None`: not told yet.
    reached_at: Option<Timestamp>,
}

/// The geofences that a device is in now, and since when; of one that is in none, or in none that
/// asks for it, there is nothing to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visits {
    open: Vec<Visit>,
}

impl Visits {
    /// How many visits of a device are followed at once; those beyond begin when another has ended.
    pub const MOST: usize = 64;

    /// Whether the device is in none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a believed fix in, and adds what it makes known to `happened`. `before` is the believed
    /// fix from which the device came, `None`: nobody knows the way. One that is not later than that
    /// says nothing.
    pub fn take(
        &mut self,
        before: Option<Moment>,
        now: Moment,
        fences: Option<&WatchedFences>,
        limits: &Limits,
        happened: &mut Vec<Happened>,
    ) {
        let Some(fences) = fences else { return self.end(happened) };
        if before.is_some_and(|before| now.time <= before.time) {
            return;
        }
        let gap = limits.motion.trip_gap_s.saturating_mul(1000);
        let way = before
            .filter(|before| now.time - before.time <= gap)
            .map(|before| Segment::between(before, now));
        self.begin(way.as_ref(), now, fences);
        self.open.retain_mut(|visit| match fences.find(visit.geofence) {
            Some((fence, watch)) => visit.follow(way.as_ref(), now, fence, watch, limits, happened),
            None => {
                visit.end(happened);
                false
            }
        });
    }

    /// What ends when no more is heard of it: a device that changes hands has been there for the
    /// owner before.
    pub fn end(&mut self, happened: &mut Vec<Happened>) {
        for visit in self.open.drain(..) {
            visit.end(happened);
        }
    }

    /// Visits of geofences that the device was in none of.
    fn begin(&mut self, way: Option<&Segment>, now: Moment, fences: &WatchedFences) {
        let here = Segment::between(now, now);
        for fence in fences.index.near(way.unwrap_or(&here)) {
            if self.open.len() >= Self::MOST {
                return;
            }
            if self.open.iter().any(|visit| visit.geofence == fence.id) {
                continue;
            }
            let crossings = way.map(|way| fence.shape.crossings(way)).unwrap_or_default();
            let entered = crossings.iter().find(|it| it.direction == Direction::Enter);
            // Without a crossing: the first fix, or the geofence is new.
            let since = entered
                .map(|it| it.time)
                .or_else(|| fence.shape.contains(now.at).then_some(now.time));
            self.open.extend(since.map(|since| Visit {
                geofence: fence.id,
                since,
                until: since,
                reached_at: None,
            }));
        }
    }

    const VERSION: u8 = 1;

    /// The state as bytes: a version byte, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        state::to_bytes(Self::VERSION, self)
    }

    /// Reads what [`Visits::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let visits: Self = state::from_bytes("visits", Self::VERSION, bytes)?;
        if visits.open.len() > Self::MOST {
            return Err(StateError::new("visits", format!("more than {} of them", Self::MOST)));
        }
        Ok(visits)
    }
}

impl Visit {
    /// Whether the visit goes on.
    fn follow(
        &mut self,
        way: Option<&Segment>,
        now: Moment,
        fence: &Fence,
        watch: Watch,
        limits: &Limits,
        happened: &mut Vec<Happened>,
    ) -> bool {
        let is_inside = fence.shape.contains(now.at);
        let inside_until = if is_inside {
            Some(now.time)
        } else {
            let crossings = way.map(|way| fence.shape.crossings(way)).unwrap_or_default();
            let left = crossings.iter().rfind(|it| it.direction == Direction::Exit);
            left.map(|it| it.time)
        };
        self.until = self.until.max(inside_until.unwrap_or(self.until));
        let due = self.since + watch.dwell_s.saturating_mul(1000);
        if self.reached_at.is_none() && due <= self.until {
            self.reached_at = Some(due);
            happened.extend(self.told().map(|dwell| Happened::Dwell(dwell, None)));
        }
        // Fixes decide about that, not the ways between them, which are straight only on paper.
        let goes_on = is_inside
            || fence.shape.distance_to_border_m(now.at)
                <= watch.hysteresis_m.unwrap_or(limits.hysteresis_m);
        if !goes_on {
            self.end(happened);
        }
        goes_on
    }

    fn end(&self, happened: &mut Vec<Happened>) {
        happened.extend(self.told().map(|dwell| Happened::Dwell(dwell, Some(self.until))));
    }

    fn told(&self) -> Option<Dwell> {
        let Self { geofence, since, reached_at, .. } = *self;
        Some(Dwell { geofence, since, reached_at: reached_at? })
    }
}
