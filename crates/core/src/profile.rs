//! Limits by which a device is judged: the instance's own, and what a device's profile sets instead.

use std::ops::RangeInclusive;

use crate::motion::MotionLimits;
use crate::plausibility::Plausibility;

/// By what a device is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Which fixes are believed.
    pub plausibility: Plausibility,
    /// What those are taken for.
    pub motion: MotionLimits,
    /// Who is no farther outside of a geofence has not left it, where the geofence itself says
    /// nothing of that, in metres.
    pub hysteresis_m: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plausibility: Plausibility::default(),
            motion: MotionLimits::default(),
            hysteresis_m: 25.0,
        }
    }
}

/// A limit that a profile may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// [`Plausibility::max_speed_kmh`]
    MaxSpeed,
    /// [`Plausibility::max_acceleration_ms2`]
    MaxAcceleration,
    /// [`Plausibility::max_ahead_s`]
    MaxAhead,
    /// [`Plausibility::max_age_s`]
    MaxAge,
    /// [`Plausibility::min_satellites`]
    MinSatellites,
    /// [`Plausibility::max_hdop`]
    MaxHdop,
    /// [`Plausibility::believe_after`]
    BelieveAfter,
    /// [`Plausibility::parked_jitter_m`]
    ParkedJitter,
    /// [`MotionLimits::stop_radius_m`]
    StopRadius,
    /// [`MotionLimits::stop_after_s`]
    StopAfter,
    /// [`MotionLimits::trip_gap_s`]
    TripGap,
    /// [`MotionLimits::overspeed_kmh`]
    Overspeed,
    /// [`MotionLimits::overspeed_for_s`]
    OverspeedFor,
}

impl Parameter {
    /// All, in the order of the form.
    pub const ALL: [Self; 13] = [
        Self::MaxSpeed,
        Self::MaxAcceleration,
        Self::MaxAhead,
        Self::MaxAge,
        Self::MinSatellites,
        Self::MaxHdop,
        Self::BelieveAfter,
        Self::ParkedJitter,
        Self::StopRadius,
        Self::StopAfter,
        Self::TripGap,
        Self::Overspeed,
        Self::OverspeedFor,
    ];

    /// All names, in the order of [`Self::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut place = 0;
        while place < names.len() {
            names[place] = Self::ALL[place].name();
            place += 1;
        }
        names
    };

    /// As the column of `device_profiles`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxSpeed => "max_speed_kmh",
            Self::MaxAcceleration => "max_acceleration_ms2",
            Self::MaxAhead => "max_ahead_s",
            Self::MaxAge => "max_age_s",
            Self::MinSatellites => "min_satellites",
            Self::MaxHdop => "max_hdop",
            Self::BelieveAfter => "believe_after",
            Self::ParkedJitter => "parked_jitter_m",
            Self::StopRadius => "stop_radius_m",
            Self::StopAfter => "stop_after_s",
            Self::TripGap => "trip_gap_s",
            Self::Overspeed => "overspeed_kmh",
            Self::OverspeedFor => "overspeed_for_s",
        }
    }

    /// What it may be, in the unit of its name.
    pub const fn range(self) -> RangeInclusive<f64> {
        const WEEK_S: f64 = 604_800.0;
        match self {
            Self::MaxSpeed | Self::Overspeed => 1.0..=100_000.0,
            Self::MaxAcceleration => 0.1..=1_000.0,
            Self::MaxAhead => 0.0..=86_400.0,
            Self::MaxAge => 1.0..=1_000_000_000.0,
            Self::MinSatellites => 1.0..=100.0,
            Self::MaxHdop => 0.1..=100.0,
            Self::BelieveAfter => 2.0..=1_000.0,
            Self::ParkedJitter => 0.0..=1_000.0,
            Self::StopRadius => 1.0..=100_000.0,
            Self::StopAfter | Self::TripGap => 1.0..=WEEK_S,
            Self::OverspeedFor => 0.0..=86_400.0,
        }
    }

    /// Whether it counts something that has no parts, or whole seconds.
    pub const fn is_whole(self) -> bool {
        match self {
            Self::MaxAhead
            | Self::MaxAge
            | Self::MinSatellites
            | Self::BelieveAfter
            | Self::StopAfter
            | Self::TripGap
            | Self::OverspeedFor => true,
            Self::MaxSpeed
            | Self::MaxAcceleration
            | Self::MaxHdop
            | Self::ParkedJitter
            | Self::StopRadius
            | Self::Overspeed => false,
        }
    }
}

/// A value that a limit can't have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {value} is not {}", .parameter.name(), self.wanted())]
pub struct LimitError {
    /// Of which limit.
    pub parameter: Parameter,
    /// As it was given.
    pub value: f64,
}

impl LimitError {
    /// What it may be instead, as a sentence says it.
    pub fn wanted(&self) -> String {
        let kind = if self.parameter.is_whole() { "a whole number" } else { "a number" };
        let range = self.parameter.range();
        format!("{kind} from {} to {}", range.start(), range.end())
    }
}

/// A row of `device_profiles`: what it does not set is as the instance has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    sets: Vec<(Parameter, f64)>,
}

impl Profile {
    /// Sets a limit to a value in its unit.
    pub fn set(&mut self, parameter: Parameter, value: f64) -> Result<(), LimitError> {
        // A column of four bytes has 0.1 a little above or below.
        let (least, most) = (*parameter.range().start(), *parameter.range().end());
        let fits = (least * (1.0 - 1e-6)..=most * (1.0 + 1e-6)).contains(&value)
            && (!parameter.is_whole() || value.fract() == 0.0);
        if !fits {
            return Err(LimitError { parameter, value });
        }
        self.sets.push((parameter, value));
        Ok(())
    }

    /// The instance's limits with what this profile sets.
    pub fn over(&self, mut limits: Limits) -> Limits {
        let Limits { plausibility, motion, hysteresis_m: _ } = &mut limits;
        for &(parameter, value) in &self.sets {
            match parameter {
                Parameter::MaxSpeed => plausibility.max_speed_kmh = value,
                Parameter::MaxAcceleration => plausibility.max_acceleration_ms2 = value,
                Parameter::MaxAhead => plausibility.max_ahead_s = value as i64,
                Parameter::MaxAge => plausibility.max_age_s = value as i64,
                Parameter::MinSatellites => plausibility.min_satellites = value as u8,
                Parameter::MaxHdop => plausibility.max_hdop = value as f32,
                Parameter::BelieveAfter => plausibility.believe_after = value as u32,
                Parameter::ParkedJitter => plausibility.parked_jitter_m = value,
                Parameter::StopRadius => motion.stop_radius_m = value,
                Parameter::StopAfter => motion.stop_after_s = value as i64,
                Parameter::TripGap => motion.trip_gap_s = value as i64,
                Parameter::Overspeed => motion.overspeed_kmh = value,
                Parameter::OverspeedFor => motion.overspeed_for_s = value as i64,
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_profile_sets_is_judged_by_and_what_it_leaves_open_is_as_the_instance_has_it() {
        let mut instance = Limits::default();
        instance.plausibility.max_age_s = 7;
        let mut profile = Profile::default();
        for (n, parameter) in (10_u8..).zip(Parameter::ALL) {
            if parameter != Parameter::MaxAge {
                profile.set(parameter, f64::from(n)).expect("in range");
            }
        }
        let plausibility = Plausibility {
            max_speed_kmh: 10.0,
            max_acceleration_ms2: 11.0,
            max_ahead_s: 12,
            max_age_s: 7,
            min_satellites: 14,
            max_hdop: 15.0,
            believe_after: 16,
            parked_jitter_m: 17.0,
            // No profile's to say.
            kept_s: instance.plausibility.kept_s,
        };
        let motion = MotionLimits {
            stop_radius_m: 18.0,
            stop_after_s: 19,
            trip_gap_s: 20,
            overspeed_kmh: 21.0,
            overspeed_for_s: 22,
        };
        assert_eq!(profile.over(instance), Limits { plausibility, motion, ..instance });
        assert_eq!(Profile::default().over(instance), instance);
    }

    #[test]
    fn a_limit_that_is_out_of_range_is_refused_with_its_name_and_value() {
        let mut profile = Profile::default();
        for parameter in Parameter::ALL {
            let (least, most) = (*parameter.range().start(), *parameter.range().end());
            // As a column of four bytes has them.
            assert_eq!(profile.set(parameter, f64::from(least as f32)), Ok(()), "{parameter:?}");
            assert_eq!(profile.set(parameter, f64::from(most as f32)), Ok(()), "{parameter:?}");
            for value in [least - 0.5, most * 1.1, f64::NAN, f64::INFINITY, -1.0] {
                assert!(profile.set(parameter, value).is_err(), "{parameter:?} {value}");
            }
            assert_eq!(profile.set(parameter, least + 0.5).is_err(), parameter.is_whole());
        }
        let error = profile.set(Parameter::BelieveAfter, 2.5).expect_err("no whole number");
        assert_eq!(error.to_string(), "believe_after: 2.5 is not a whole number from 2 to 1000");
    }
}
