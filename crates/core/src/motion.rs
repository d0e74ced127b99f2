//! What a device does, told from its believed fixes: it stands or moves, makes trips, goes too fast.
//!
//! A device is always at an *anchor*: the place where it was slow last, and when it came there. While
//! it stays within [`MotionLimits::stop_radius_m`] of it nothing happens, until it has been there for
//! [`MotionLimits::stop_after_s`]: then it stands, since it came there, and its trip ended there. One
//! fix outside says nothing yet: receivers throw a place aside now and then. The second in a row
//! outside makes the first of the two the new anchor, and a device that stood has set out.
//!
//! No fix is looked at twice and none is kept, so the state is of one size, whatever comes. The
//! defaults of 300 s and 3600 s are those that Traccar's users know (`report.trip.minimalParkingDuration`
//! and `minimalNoDataDuration`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::geodesy::{Point, distance_m};
use crate::geofence::Moment;
use crate::state::{self, StateError};
use crate::timing::NAMESPACE;
use crate::visits::Dwell;
use crate::{DeviceId, Timestamp};

/// What counts as standing, as the end of a trip, and as too fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionLimits {
    /// Who stays within this of one place does not move, in metres.
    pub stop_radius_m: f64,
    /// Who has stayed there for so long stands, in seconds. Less is a traffic light.
    pub stop_after_s: i64,
    /// A device that said nothing for longer and then is elsewhere has ended its trip where it was
    /// heard of last, in seconds.
    pub trip_gap_s: i64,
    /// Faster is too fast, in km/h.
    pub overspeed_kmh: f64,
    /// For so long it has to be too fast, in seconds; 0: one fix is enough.
    pub overspeed_for_s: i64,
}

impl Default for MotionLimits {
    fn default() -> Self {
        Self {
            stop_radius_m: 50.0,
            stop_after_s: 300,
            trip_gap_s: 3600,
            overspeed_kmh: f64::INFINITY,
            overspeed_for_s: 10,
        }
    }
}

/// From where a device stood to where it stands next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trip {
    /// Event time when it set out: by the way to the first fix elsewhere, and its speed there.
    pub started_at: Timestamp,
    /// Where it had stood.
    pub start: Point,
    /// The way along the fixes so far, in metres. What it went about since it was slow last is not in
    /// it yet.
    pub distance_m: f64,
    /// The highest speed of a fix on the way, in km/h.
    pub max_speed_kmh: f64,
}

/// A time of being too fast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excess {
    /// Event time of the first fix of it.
    pub since: Timestamp,
    /// The highest speed so far, in km/h.
    pub max_speed_kmh: f64,
    /// Whether it has lasted for [`MotionLimits::overspeed_for_s`].
    told: bool,
}

/// What became known by a fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// A trip began, went on by a kilometre, or ended at a place and time.
    Trip(Trip, Option<Moment>),
    /// A device is too fast, is faster than before, or was no longer so from a time on.
    Overspeed(Excess, Option<Timestamp>),
    /// A device has been in a geofence for as long as was to be told, or its visit ended at a time.
    Dwell(Dwell, Option<Timestamp>),
}

impl Happened {
    /// Of the row: the same for all that is told of one trip or excess, and for what is told twice.
    /// UUID v5 of `<device>/trip/<milliseconds>`, `<device>/overspeed/<milliseconds>` and
    /// `<device>/dwell/<geofence>/<milliseconds>`.
    pub fn id(&self, device: DeviceId) -> Uuid {
        let name = match self {
            Self::Trip(trip, _) => format!("{device}/trip/{}", trip.started_at.as_millis()),
            Self::Overspeed(excess, _) => {
                format!("{device}/overspeed/{}", excess.since.as_millis())
            }
            Self::Dwell(Dwell { geofence, since, .. }, _) => {
                format!("{device}/dwell/{geofence}/{}", since.as_millis())
            }
        };
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }
}

/// What a device does now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Motion {
    anchor: Moment,
    /// The last fix but for [`Self::stray`].
    last: Moment,
    /// The way from the anchor to there, in metres.
    since_anchor_m: f64,
    /// The last fix, if it is the first outside the anchor's radius, and its speed in km/h.
    stray: Option<(Moment, f64)>,
    trip: Option<Trip>,
    excess: Option<Excess>,
}

impl Motion {
    /// Of a device's first fix: it stands there.
    pub fn begin(first: Moment) -> Self {
        Self {
            anchor: first,
            last: first,
            since_anchor_m: 0.0,
            stray: None,
            trip: None,
            excess: None,
        }
    }

    /// The trip that it is on; `None`: it stands.
    pub fn trip(&self) -> Option<&Trip> {
        self.trip.as_ref()
    }

    /// Since when it stands or moves.
    pub fn since(&self) -> Timestamp {
        self.trip.map_or(self.anchor.time, |trip| trip.started_at)
    }

    /// Takes a believed fix in, with what it says of its speed, and adds what it makes known to
    /// `happened`. One that is not later than all before says nothing.
    pub fn take(
        &mut self,
        now: Moment,
        speed_kmh: Option<f32>,
        limits: &MotionLimits,
        happened: &mut Vec<Happened>,
    ) {
        let heard = self.heard();
        if now.time <= heard.time {
            return;
        }
        let reported = speed_kmh.map(f64::from).filter(|speed| speed.is_finite());
        let speed_kmh = reported.unwrap_or_else(|| {
            distance_m(heard.at, now.at) / (now.time - heard.time) as f64 * 3600.0
        });
        let elsewhere = |place| distance_m(place, now.at) > limits.stop_radius_m;
        if now.time - heard.time > limits.trip_gap_s.saturating_mul(1000)
            && elsewhere(self.anchor.at)
            && elsewhere(heard.at)
        {
            self.end(happened);
            *self = Self::begin(now);
        }
        self.weigh(now.time, speed_kmh, limits, happened);
        self.follow(now, speed_kmh, limits, happened);
    }

    /// What ends when no more is heard of it: a device that changes hands has made its trip for the
    /// owner before.
    pub fn end(&mut self, happened: &mut Vec<Happened>) {
        let heard = self.heard();
        if let Some(mut trip) = self.trip.take() {
            trip.distance_m += self.since_anchor_m;
            if let Some((stray, speed_kmh)) = self.stray {
                trip.distance_m += distance_m(self.last.at, stray.at);
                trip.max_speed_kmh = trip.max_speed_kmh.max(speed_kmh);
            }
            happened.push(Happened::Trip(trip, Some(heard)));
        }
        if let Some(excess) = self.excess.take().filter(|excess| excess.told) {
            happened.push(Happened::Overspeed(excess, Some(heard.time)));
        }
        *self = Self::begin(heard);
    }

    /// The last fix.
    fn heard(&self) -> Moment {
        self.stray.map_or(self.last, |(stray, _)| stray)
    }

    fn is_outside(&self, now: Moment, limits: &MotionLimits) -> bool {
        distance_m(self.anchor.at, now.at) > limits.stop_radius_m
    }

    fn follow(
        &mut self,
        now: Moment,
        speed_kmh: f64,
        limits: &MotionLimits,
        happened: &mut Vec<Happened>,
    ) {
        if self.is_outside(now, limits) {
            let Some((stray, stray_kmh)) = self.stray.take() else {
                self.stray = Some((now, speed_kmh));
                return;
            };
            self.move_anchor(stray, stray_kmh, limits, happened);
            if self.is_outside(now, limits) {
                self.stray = Some((now, speed_kmh));
                return;
            }
        }
        self.stray = None;
        self.since_anchor_m += distance_m(self.last.at, now.at);
        self.last = now;
        let Some(trip) = &mut self.trip else {
            // The jitter of a device that stands is no way.
            self.since_anchor_m = 0.0;
            return;
        };
        if now.time - self.anchor.time >= limits.stop_after_s.saturating_mul(1000) {
            happened.push(Happened::Trip(*trip, Some(self.anchor)));
            self.trip = None;
            self.since_anchor_m = 0.0;
        } else {
            trip.max_speed_kmh = trip.max_speed_kmh.max(speed_kmh);
        }
    }

    /// When a device that stood set out, being `leg_m` from the anchor at `gone`, with a speed.
    ///
    /// A device that stands is heard of once an hour or so: to take its last word there for the
    /// beginning would be far too early. But at that word it was no further off than a stop's radius.
    fn set_out(
        &self,
        gone: Timestamp,
        leg_m: f64,
        speed_kmh: f64,
        limits: &MotionLimits,
    ) -> Timestamp {
        /// Slower is no way of getting anywhere: it had come to a stand again.
        const STANDING_KMH: f64 = 3.0;
        if speed_kmh <= STANDING_KMH {
            return self.last.time;
        }
        let before =
            |time: Timestamp, way_m: f64| time + -((way_m / speed_kmh * 3600.0).round() as i64);
        before(gone, leg_m).max(before(self.last.time, limits.stop_radius_m)).max(self.anchor.time)
    }

    /// It left the anchor: `to` is the first fix elsewhere.
    fn move_anchor(
        &mut self,
        to: Moment,
        speed_kmh: f64,
        limits: &MotionLimits,
        happened: &mut Vec<Happened>,
    ) {
        let leg_m = match self.trip {
            Some(_) => self.since_anchor_m + distance_m(self.last.at, to.at),
            None => distance_m(self.anchor.at, to.at),
        };
        let (is_new, started_at) =
            (self.trip.is_none(), self.set_out(to.time, leg_m, speed_kmh, limits));
        let trip = self.trip.get_or_insert(Trip {
            started_at,
            start: self.anchor.at,
            distance_m: 0.0,
            max_speed_kmh: 0.0,
        });
        let before_m = trip.distance_m;
        trip.distance_m += leg_m;
        trip.max_speed_kmh = trip.max_speed_kmh.max(speed_kmh);
        if is_new || kilometres(before_m) < kilometres(trip.distance_m) {
            happened.push(Happened::Trip(*trip, None));
        }
        (self.anchor, self.last, self.since_anchor_m) = (to, to, 0.0);
    }

    /// Whether it is too fast.
    fn weigh(
        &mut self,
        now: Timestamp,
        speed_kmh: f64,
        limits: &MotionLimits,
        happened: &mut Vec<Happened>,
    ) {
        if speed_kmh <= limits.overspeed_kmh {
            if let Some(excess) = self.excess.take().filter(|excess| excess.told) {
                happened.push(Happened::Overspeed(excess, Some(now)));
            }
            return;
        }
        let excess =
            self.excess.get_or_insert(Excess { since: now, max_speed_kmh: 0.0, told: false });
        let lasts = now - excess.since >= limits.overspeed_for_s.saturating_mul(1000);
        let faster = speed_kmh > excess.max_speed_kmh;
        excess.max_speed_kmh = excess.max_speed_kmh.max(speed_kmh);
        if lasts && (faster || !excess.told) {
            excess.told = true;
            happened.push(Happened::Overspeed(*excess, None));
        }
    }

    const VERSION: u8 = 1;

    /// The state as bytes: a version byte, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        state::to_bytes(Self::VERSION, self)
    }

    /// Reads what [`Motion::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        state::from_bytes("motion", Self::VERSION, bytes)
    }
}

fn kilometres(distance_m: f64) -> f64 {
    (distance_m / 1000.0).floor()
}
