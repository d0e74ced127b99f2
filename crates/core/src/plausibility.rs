//! Whether a fix can be true.
//!
//! What can't is stored and marked, never dropped: operators decide in the end.

use serde::{Deserialize, Serialize};

use crate::geodesy::{Point, distance_m};
use crate::geofence::Moment;
use crate::{Fix, Timestamp};

/// Limits of what is believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plausibility {
    /// Nothing tracked goes faster between two fixes, in km/h.
    pub max_speed_kmh: f64,
    /// Nothing tracked gains or loses speed faster between two fixes that both tell theirs, in m/s².
    pub max_acceleration_ms2: f64,
    /// How far a device's clock may be ahead of ours, in seconds.
    pub max_ahead_s: i64,
    /// How old a fix may be when it comes, in seconds; trackers without a network keep theirs for days.
    pub max_age_s: i64,
    /// So many satellites a fix needs, where the device tells how many there are.
    pub min_satellites: u8,
    /// The largest horizontal dilution of precision that is believed, where the device tells it.
    pub max_hdop: f32,
    /// So many fixes in a row that are too far from the believed place, but each within reach of
    /// the one before, are believed against it: the last of them moves the device there.
    pub believe_after: u32,
    /// While a device says that it stands, a fix closer than this to the believed place is only the
    /// receiver's jitter, in metres; 0: every fix is a place.
    pub parked_jitter_m: f64,
    /// Positions are kept for so long, in seconds: what is older when it comes has no place among them.
    pub kept_s: i64,
}

impl Default for Plausibility {
    fn default() -> Self {
        Self {
            max_speed_kmh: 1000.0,
            max_acceleration_ms2: f64::INFINITY,
            max_ahead_s: 600,
            max_age_s: i64::MAX,
            min_satellites: 1,
            max_hdop: f32::INFINITY,
            believe_after: 5,
            parked_jitter_m: 0.0,
            kept_s: i64::MAX,
        }
    }
}

/// Why a fix is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A coordinate is no number or not on the earth.
    Coordinates,
    /// Exactly at latitude 0, longitude 0: what trackers say when they know nothing.
    Zero,
    /// No satellite in use.
    NoSatellites,
    /// Ahead of our clock.
    Future,
    /// Too far from the fix before to have moved there.
    ImpossibleSpeed,
    /// Somebody says so ([`crate::timing::Flag`]).
    Flagged,
    /// Some satellites in use, though too few.
    FewSatellites,
    /// The satellites stand too close together to tell the place.
    PoorHdop,
    /// Too old when it came.
    Outdated,
    /// Much faster or slower than the fix before, in too short a time.
    ImpossibleAcceleration,
    /// The same place as before, but for what the receiver adds while the device stands.
    Jitter,
}

impl Fault {
    /// All, for counting by reason.
    pub const ALL: [Self; 11] = [
        Self::Coordinates,
        Self::Zero,
        Self::NoSatellites,
        Self::Future,
        Self::ImpossibleSpeed,
        Self::Flagged,
        Self::FewSatellites,
        Self::PoorHdop,
        Self::Outdated,
        Self::ImpossibleAcceleration,
        Self::Jitter,
    ];

    /// As in the column `positions.fault_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coordinates => "invalid_coordinates",
            Self::Zero => "zero_coordinates",
            Self::NoSatellites => "no_satellites",
            Self::Future => "future",
            Self::ImpossibleSpeed => "impossible_speed",
            Self::Flagged => "flagged",
            Self::FewSatellites => "few_satellites",
            Self::PoorHdop => "poor_hdop",
            Self::Outdated => "outdated",
            Self::ImpossibleAcceleration => "impossible_acceleration",
            Self::Jitter => "jitter",
        }
    }
}

/// The believed fix by which the next one is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Believed {
    /// Where and when.
    pub moment: Moment,
    /// What it said of its speed over ground, in km/h.
    pub speed_kmh: Option<f32>,
    /// Event time of the latest fix that was taken for [`Fault::Jitter`] of a device that stands there.
    pub stood_until: Option<Timestamp>,
}

impl Believed {
    /// Nothing later is known.
    pub fn new(moment: Moment, speed_kmh: Option<f32>) -> Self {
        Self { moment, speed_kmh, stood_until: None }
    }

    /// It still stands there.
    pub(crate) fn stands(&mut self, time: Timestamp) {
        self.stood_until = self.stood_until.max(Some(time));
    }

    /// Where it set out from to be elsewhere at `then`, and when at the earliest.
    pub fn left_for(&self, then: Timestamp) -> Moment {
        // What comes out of order knows less: it is timed again.
        let stood = self.stood_until.filter(|&stood| stood < then);
        Moment { time: stood.unwrap_or(self.moment.time), ..self.moment }
    }
}

/// Why a time is held by no partition of `telemetry.positions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutOfTime {
    /// Before 2000-01-01: a clock that never was set.
    Past,
    /// More than a day ahead.
    Future,
    /// Before what is kept: a partition for it would be dropped again at once.
    Dropped,
}

impl OutOfTime {
    /// As in the column `quarantine.reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Past => "time_before_2000",
            Self::Future => "time_in_the_future",
            Self::Dropped => "time_before_retention",
        }
    }
}

impl Plausibility {
    /// Whether `time` may stand in `telemetry.positions` at all.
    pub fn out_of_time(&self, time: Timestamp, received_at: Timestamp) -> Option<OutOfTime> {
        const Y2000: Timestamp = Timestamp::from_millis(946_684_800_000);
        if time < Y2000 {
            Some(OutOfTime::Past)
        } else if time - received_at > 86_400_000 {
            Some(OutOfTime::Future)
        } else if received_at - time > self.kept_s.saturating_mul(1000) {
            Some(OutOfTime::Dropped)
        } else {
            None
        }
    }

    /// What is wrong with a fix, `last` being the believed one before it, if it is later.
    ///
    /// A device that really is far away is believed again once enough time has passed for it
    /// to have come there, or when it insists ([`Self::believe_after`], counted by
    /// [`crate::timing::Tracker`]): one wrong fix can't silence it.
    pub fn fault(
        &self,
        fix: &Fix,
        received_at: Timestamp,
        last: Option<Believed>,
    ) -> Option<Fault> {
        let at = Point { lat: fix.lat, lon: fix.lon };
        if !at.is_on_earth() {
            return Some(Fault::Coordinates);
        }
        if at.lat == 0.0 && at.lon == 0.0 {
            return Some(Fault::Zero);
        }
        match fix.satellites {
            Some(0) => return Some(Fault::NoSatellites),
            Some(count) if count < self.min_satellites => return Some(Fault::FewSatellites),
            _ => {}
        }
        // What is no number is no good value either.
        if fix.hdop.is_some_and(|hdop| hdop.is_nan() || hdop > self.max_hdop) {
            return Some(Fault::PoorHdop);
        }
        if fix.time - received_at > self.max_ahead_s.saturating_mul(1000) {
            return Some(Fault::Future);
        }
        if received_at - fix.time > self.max_age_s.saturating_mul(1000) {
            return Some(Fault::Outdated);
        }
        let last = last.filter(|last| last.moment.time < fix.time)?;
        let last = Believed { moment: last.left_for(fix.time), ..last };
        let now = Believed::new(Moment { time: fix.time, at }, fix.speed_kmh);
        if self.out_of_reach(last.moment, now.moment) {
            Some(Fault::ImpossibleSpeed)
        } else if self.jolts(last, now) {
            Some(Fault::ImpossibleAcceleration)
        } else if self.jitters(last, now) {
            Some(Fault::Jitter)
        } else {
            None
        }
    }

    /// Whether nothing changes its speed from that of `from` to that of the later `to` in time.
    ///
    /// Only by what the device measured: of two places and times the jitter's share is too large.
    fn jolts(&self, from: Believed, to: Believed) -> bool {
        /// Many protocols tell whole km/h.
        const ROUNDED_KMH: f64 = 1.0;
        let (Some(before), Some(after)) = (from.speed_kmh, to.speed_kmh) else { return false };
        let change_kmh = (f64::from(after) - f64::from(before)).abs() - ROUNDED_KMH;
        let seconds = (to.moment.time - from.moment.time) as f64 / 1000.0;
        change_kmh / 3.6 > self.max_acceleration_ms2 * seconds
    }

    /// Whether both are of one place where the device stands.
    fn jitters(&self, from: Believed, to: Believed) -> bool {
        /// Slower than anybody walks. Who tells no speed may be creeping.
        const STANDING_KMH: f32 = 3.0;
        let stands = |it: Believed| it.speed_kmh.is_some_and(|speed| speed <= STANDING_KMH);
        self.parked_jitter_m > 0.0
            && stands(from)
            && stands(to)
            && distance_m(from.moment.at, to.moment.at) < self.parked_jitter_m
    }

    /// Whether nothing gets from `from` to the later `to` in time.
    pub fn out_of_reach(&self, from: Moment, to: Moment) -> bool {
        let hours = (to.time - from.time) as f64 / 3_600_000.0;
        // Cheap first: a degree is at most 111.2 km, so most fixes need no trigonometry.
        let away = (to.at.lat - from.at.lat).abs() + (to.at.lon - from.at.lon).abs();
        let limit_km = self.max_speed_kmh * hours;
        away * 111.2 > limit_km && distance_m(from.at, to.at) / 1000.0 > limit_km
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_what_is_kept_has_no_place_among_positions() {
        let limits = Plausibility { kept_s: 86_400, ..Plausibility::default() };
        let now = Timestamp::from_millis(1_777_636_800_000);
        assert_eq!(limits.out_of_time(now + -86_400_000, now), None);
        assert_eq!(limits.out_of_time(now + -86_400_001, now), Some(OutOfTime::Dropped));
        let ever = Plausibility::default();
        assert_eq!(ever.out_of_time(Timestamp::from_millis(946_684_800_000), now), None);
        assert_eq!(limits.out_of_time(Timestamp::from_millis(0), now), Some(OutOfTime::Past));
        assert_eq!(limits.out_of_time(now + 86_400_001, now), Some(OutOfTime::Future));
    }
}
