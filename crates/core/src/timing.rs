//! From a device's fixes to the rows of `crossings`.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::geodesy::Point;
use crate::geofence::{FenceIndex, Moment, Segment};
use crate::live::Direction;
use crate::plausibility::{Believed, Fault, OutOfTime, Plausibility};
use crate::profile::{Limits, Profile};
use crate::visits::WatchedFences;
use crate::{
    CheckpointId, DeviceId, EntryId, EventId, Fix, GeofenceId, Imei, OrganizationId, Timestamp,
};

/// The namespace of all ids that Biplane derives instead of drawing.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x9f4f_7d9e_2c55_5d0c_8f3a_6b1d_7b0f_2a11);

/// A row of `devices`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The row.
    pub id: DeviceId,
    /// Who owns it now.
    pub organization: OrganizationId,
}

/// A row of `checkpoints`: a geofence's place in an event's course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The row.
    pub id: CheckpointId,
    /// Whose course.
    pub event: EventId,
    /// Which way counts; `None`: both.
    pub direction: Option<Direction>,
    /// Event time from which a crossing is valid: when both the checkpoint and the event have begun.
    pub opens_at: Option<Timestamp>,
    /// Event time until which a crossing is valid, that instant included: when the checkpoint
    /// closes or the event ends, whichever is first.
    pub closes_at: Option<Timestamp>,
}

/// A row of `entries`, as seen from its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The row.
    pub id: EntryId,
    /// What it takes part in.
    pub event: EventId,
}

/// A row of `position_flags`: what somebody says of a device's fixes of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Event time of the first fix that is meant.
    pub from: Timestamp,
    /// Event time of the last.
    pub until: Timestamp,
    /// What they are.
    pub says: FlagVerdict,
}

/// What a flag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagVerdict {
    /// Not to be believed.
    Faulty,
    /// To be believed, whatever the limits say.
    Valid,
}

/// What the business plane says about devices, fences and courses: read whole, swapped whole.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Active devices.
    pub devices: HashMap<Imei, Device>,
    /// The profiles of the devices that have one.
    pub profiles: HashMap<DeviceId, Arc<Profile>>,
    /// Active fences by owner.
    pub fences: HashMap<OrganizationId, FenceIndex>,
    /// Those of them of which it is to be told who stays in them.
    pub watched: HashMap<OrganizationId, WatchedFences>,
    /// The entries of each device in events that are timed.
    pub entries: HashMap<DeviceId, Vec<Entry>>,
    /// The places of each fence in courses of events that are timed.
    pub checkpoints: HashMap<GeofenceId, Vec<Checkpoint>>,
    /// What people say of the fixes of each device.
    pub flags: HashMap<DeviceId, Vec<Flag>>,
}

/// A row of `crossings`.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Derived from what happened ([`crossing_id`]), so that a replay finds the same row.
    pub id: Uuid,
    /// Who owned the device when it happened.
    pub organization: OrganizationId,
    /// Event, entry and checkpoint, when the fence is part of a course that the device takes part in.
    pub course: Option<(EventId, EntryId, CheckpointId)>,
    /// Which tracker.
    pub device: DeviceId,
    /// What was crossed.
    pub geofence: GeofenceId,
    /// Which way.
    pub direction: Direction,
    /// Event time, interpolated.
    pub crossed_at: Timestamp,
    /// The fix before.
    pub fix_before_at: Timestamp,
    /// The fix after.
    pub fix_after_at: Timestamp,
    /// Interpolated.
    pub at: Point,
    /// Whether the checkpoint was open.
    pub status: CrossingStatus,
}

/// Whether a crossing counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossingStatus {
    /// It does.
    Valid,
    /// Before the checkpoint opened or the event began, or after either's end.
    OutsideWindow,
}

impl CrossingStatus {
    /// As in the column `crossings.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::OutsideWindow => "outside_window",
        }
    }
}

impl Crossing {
    /// Latitude and longitude as the columns of `crossings` hold them.
    pub fn place(&self) -> [f32; 2] {
        [self.at.lat as f32, self.at.lon as f32]
    }
}

/// What flags of a device say of a fix. Where a range ends that is faulty and one begins that is
/// valid, the fix is faulty.
pub fn said_of(flags: &[Flag], time: Timestamp) -> Option<FlagVerdict> {
    let meant = flags.iter().filter(|flag| flag.from <= time && time <= flag.until);
    let mut said = meant.map(|flag| flag.says);
    let first = said.next()?;
    let faulty = first == FlagVerdict::Faulty || said.any(|it| it == FlagVerdict::Faulty);
    Some(if faulty { FlagVerdict::Faulty } else { FlagVerdict::Valid })
}

/// The id of a crossing: UUID v5 of `<device>/<geofence>/<checkpoint or ->/<direction>/<milliseconds>`.
pub fn crossing_id(
    device: DeviceId,
    geofence: GeofenceId,
    checkpoint: Option<CheckpointId>,
    direction: Direction,
    crossed_at: Timestamp,
) -> Uuid {
    let checkpoint = checkpoint.map_or_else(|| "-".to_owned(), |checkpoint| checkpoint.to_string());
    let (direction, millis) = (direction.as_str(), crossed_at.as_millis());
    let name = format!("{device}/{geofence}/{checkpoint}/{direction}/{millis}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// What became of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Believed, and the latest: it moved the device.
    Moved,
    /// Believed, but not later than what is known: stored, and nothing else.
    Late,
    /// Not believed: stored and marked.
    Faulty(Fault),
    /// No partition holds its time: quarantined.
    Quarantined(OutOfTime),
}

/// What is known of a device between two fixes: where it was last believed to be, and whether
/// it has said since that it is elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tracker {
    /// The latest fix that was believed.
    pub last: Option<Believed>,
    /// Fixes since then that were too far from there, but agree with each other.
    elsewhere: Option<Elsewhere>,
}

/// A run of fixes, each within reach of the one before, none of the believed place.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Elsewhere {
    last: Moment,
    fixes: u32,
}

impl Tracker {
    /// Takes up where another left off: at its believed fix, and with the fixes later than that
    /// which it refused as [`Fault::ImpossibleSpeed`], in order of time. Of those the last
    /// `believe_after - 1` are enough.
    pub fn resume(
        last: Option<Believed>,
        refused: impl IntoIterator<Item = Moment>,
        limits: &Plausibility,
    ) -> Self {
        let mut tracker = Self { last, elsewhere: None };
        if last.is_some() {
            for moment in refused {
                tracker.refuse(moment, limits);
            }
        }
        tracker
    }

    /// Counts a fix that is too far from the believed place, and says how many agree by now.
    ///
    /// One that is not later than the run's last says nothing new: what is read twice counts once.
    fn refuse(&mut self, now: Moment, limits: &Plausibility) -> u32 {
        let fixes = match self.elsewhere {
            Some(run) if now.time <= run.last.time => return 0,
            Some(run) if !limits.out_of_reach(run.last, now) => run.fixes.saturating_add(1),
            _ => 1,
        };
        self.elsewhere = Some(Elsewhere { last: now, fixes });
        fixes
    }

    /// Takes a fix in, and adds the crossings that it makes known to `crossings`.
    ///
    /// The first fix only says where the device is. Late fixes and those of a time that is
    /// known already don't move it. After [`Plausibility::believe_after`] fixes that agree on
    /// another place than the believed one, that fix is a first fix again: nobody knows the way
    /// there. Those before it stay marked. Jitter says that the device still stands where it is
    /// believed to be: the way to the next place begins after it. Other faults say nothing.
    pub fn observe(
        &mut self,
        fix: &Fix,
        received_at: Timestamp,
        device: Device,
        setup: &Setup,
        limits: &Plausibility,
        crossings: &mut Vec<Crossing>,
    ) -> Verdict {
        let said = setup.flagged(device.id, fix.time);
        self.observe_said(fix, said, received_at, device, setup, limits, crossings)
    }

    /// As [`Tracker::observe`], where somebody says this of the fix, whatever the setup's flags do.
    #[expect(clippy::too_many_arguments, reason = "those of `observe`, and what is said")]
    pub fn observe_said(
        &mut self,
        fix: &Fix,
        said: Option<FlagVerdict>,
        received_at: Timestamp,
        device: Device,
        setup: &Setup,
        limits: &Plausibility,
        crossings: &mut Vec<Crossing>,
    ) -> Verdict {
        if let Some(reason) = limits.out_of_time(fix.time, received_at) {
            return Verdict::Quarantined(reason);
        }
        let now = Moment { time: fix.time, at: Point { lat: fix.lat, lon: fix.lon } };
        let fault = match said {
            Some(FlagVerdict::Faulty) => Some(Fault::Flagged),
            // Nobody can have been where there is no place.
            Some(FlagVerdict::Valid) if now.at.is_on_earth() => None,
            _ => limits.fault(fix, received_at, self.last),
        };
        match fault {
            Some(Fault::ImpossibleSpeed) if self.refuse(now, limits) >= limits.believe_after => {
                self.last = None;
            }
            Some(fault) => {
                if let Some(last) = self.last.as_mut().filter(|_| fault == Fault::Jitter) {
                    last.stands(fix.time);
                }
                return Verdict::Faulty(fault);
            }
            None => {}
        }
        match self.last {
            Some(last) if now.time <= last.moment.time => return Verdict::Late,
            Some(last) => {
                setup.crossings_between(device, last.left_for(now.time), now, crossings);
            }
            None => {}
        }
        let last = Believed::new(now, fix.speed_kmh);
        *self = Self { last: Some(last), elsewhere: None };
        Verdict::Moved
    }
}

impl Setup {
    /// By what a device is judged, `instance` being what holds where its profile sets nothing.
    pub fn limits(&self, device: DeviceId, instance: &Limits) -> Limits {
        self.profiles.get(&device).map_or(*instance, |profile| profile.over(*instance))
    }

    /// What somebody says of a device's fix.
    pub fn flagged(&self, device: DeviceId, time: Timestamp) -> Option<FlagVerdict> {
        said_of(self.flags.get(&device)?, time)
    }

    /// Adds the rows that a device's way from `before` to the later `after` makes, in order of time.
    pub fn crossings_between(
        &self,
        device: Device,
        before: Moment,
        after: Moment,
        crossings: &mut Vec<Crossing>,
    ) {
        let Some(fences) = self.fences.get(&device.organization).filter(|index| !index.is_empty())
        else {
            return;
        };
        let first = crossings.len();
        let segment = Segment::between(before, after);
        for (fence, border) in fences.crossings(&segment) {
            let row = |course: Option<(EventId, EntryId, CheckpointId)>, status| Crossing {
                id: crossing_id(
                    device.id,
                    fence.id,
                    course.map(|(_, _, checkpoint)| checkpoint),
                    border.direction,
                    border.time,
                ),
                organization: device.organization,
                course,
                device: device.id,
                geofence: fence.id,
                direction: border.direction,
                crossed_at: border.time,
                fix_before_at: before.time,
                fix_after_at: after.time,
                at: border.at,
                status,
            };
            let rows = crossings.len();
            for checkpoint in self.checkpoints.get(&fence.id).into_iter().flatten() {
                if checkpoint.direction.is_some_and(|counted| counted != border.direction) {
                    continue;
                }
                let entries = self.entries.get(&device.id).into_iter().flatten();
                for entry in entries.filter(|entry| entry.event == checkpoint.event) {
                    let course = (checkpoint.event, entry.id, checkpoint.id);
                    crossings.push(row(Some(course), checkpoint.status_at(border.time)));
                }
            }
            if crossings.len() == rows {
                crossings.push(row(None, CrossingStatus::Valid));
            }
        }
        crossings[first..].sort_by_key(|crossing| crossing.crossed_at);
    }
}

impl Checkpoint {
    fn status_at(&self, time: Timestamp) -> CrossingStatus {
        let open = self.opens_at.is_none_or(|opens| opens <= time)
            && self.closes_at.is_none_or(|closes| time <= closes);
        if open { CrossingStatus::Valid } else { CrossingStatus::OutsideWindow }
    }
}
