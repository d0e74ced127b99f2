//! Timing again what is stored: after a flag, a fix that came late, another course.
//!
//! A device's stored fixes are judged and timed anew in order of event time, by the same
//! [`Tracker`] that judges them live. It starts at the last believed fix before the range and goes
//! on behind its end until a fix is believed as it was before: from there on nothing can differ.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::geofence::Moment;
use crate::live::Direction;
use crate::plausibility::{Believed, Fault, Plausibility};
use crate::timing::{Crossing, Device, Flag, Setup, Tracker, Verdict, said_of};
use crate::{CheckpointId, DeviceId, EntryId, EventId, Fix, GeofenceId, OrganizationId, Timestamp};

/// A row of `telemetry.positions`, as far as timing looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFix {
    /// Event time.
    pub time: Timestamp,
    /// Keeps records of one time apart.
    pub digest: i64,
    /// Who owned the device then.
    pub organization: OrganizationId,
    /// Processing time: when the gateway had it.
    pub received_at: Timestamp,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Over ground, in km/h.
    pub speed_kmh: Option<f32>,
    /// In use.
    pub satellites: Option<u8>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f32>,
    /// Why it is marked, if it is: [`Fault::as_str`].
    pub fault: Option<String>,
}

/// A row whose mark is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Event time.
    pub time: Timestamp,
    /// With device and time the key.
    pub digest: i64,
    /// What is wrong with it; `None`: it is believed.
    pub fault: Option<Fault>,
}

/// A device's fixes, judged and timed anew.
#[derive(Debug)]
pub struct Recompute {
    device: DeviceId,
    owner: Option<OrganizationId>,
    tracker: Tracker,
    until: Timestamp,
    /// In place of the setup's flags of the device.
    supposed: Option<Vec<Flag>>,
    settled: bool,
    marks: Vec<Mark>,
    crossings: Vec<Crossing>,
}

impl Recompute {
    /// Starts where a device was believed to be before the range, and whose it was then; `refused`
    /// as [`Tracker::resume`] takes it. Fixes until `until` are to be judged in any case.
    pub fn new(
        device: DeviceId,
        last: Option<(OrganizationId, Believed)>,
        refused: impl IntoIterator<Item = Moment>,
        until: Timestamp,
        limits: &Plausibility,
    ) -> Self {
        Self {
            device,
            owner: last.map(|(owner, _)| owner),
            tracker: Tracker::resume(last.map(|(_, fix)| fix), refused, limits),
            until,
            supposed: None,
            settled: false,
            marks: Vec::new(),
            crossings: Vec::new(),
        }
    }

    /// Supposes that these were the device's flags, whatever the setup has.
    pub fn supposing(mut self, flags: Vec<Flag>) -> Self {
        self.supposed = Some(flags);
        self
    }

    /// Takes the next fix in order of event time. Once [`Self::is_settled`] it needs no more.
    pub fn take(&mut self, stored: &StoredFix, setup: &Setup, limits: &Plausibility) {
        if self.owner != Some(stored.organization) {
            // A tracker that changed hands has no past with its new owner.
            self.owner = Some(stored.organization);
            self.tracker = Tracker::default();
        }
        let fix = Fix {
            time: stored.time,
            lat: stored.lat,
            lon: stored.lon,
            altitude_m: None,
            speed_kmh: stored.speed_kmh,
            course_deg: None,
            satellites: stored.satellites,
            hdop: stored.hdop,
            io: Vec::new(),
        };
        let device = Device { id: self.device, organization: stored.organization };
        let said = match &self.supposed {
            Some(flags) => said_of(flags, fix.time),
            None => setup.flagged(self.device, fix.time),
        };
        let verdict = self.tracker.observe_said(
            &fix,
            said,
            stored.received_at,
            device,
            setup,
            limits,
            &mut self.crossings,
        );
        let fault = match verdict {
            Verdict::Faulty(fault) => Some(fault),
            Verdict::Moved | Verdict::Late => None,
            // It was let into the table: by an older release, with other bounds.
            Verdict::Quarantined(_) => return,
        };
        let as_before = fault.map(Fault::as_str) == stored.fault.as_deref();
        if !as_before {
            self.marks.push(Mark { time: stored.time, digest: stored.digest, fault });
        }
        self.settled = verdict == Verdict::Moved && as_before && stored.time > self.until;
    }

    /// Whether all that is behind the last fix stays as it is.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Where the device is believed to be after the last fix taken, and when.
    pub fn last(&self) -> Option<Moment> {
        self.tracker.last.map(|fix| fix.moment)
    }

    /// How many crossings the way that was taken in has.
    pub fn crossings(&self) -> usize {
        self.crossings.len()
    }

    /// Marks that are to change, those since the last call.
    pub fn marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.marks)
    }

    /// The crossings of the way that was taken in.
    pub fn into_crossings(self) -> Vec<Crossing> {
        self.crossings
    }
}

/// A row of `crossings`, as far as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCrossing {
    /// The row.
    pub id: Uuid,
    /// Who owned the device when it happened.
    pub organization: OrganizationId,
    /// Event time.
    pub crossed_at: Timestamp,
    /// What was crossed.
    pub geofence: GeofenceId,
    /// As part of which course.
    pub course: Option<(EventId, EntryId, CheckpointId)>,
    /// Which way.
    pub direction: Direction,
    /// The fix before.
    pub fix_before_at: Timestamp,
    /// The fix after.
    pub fix_after_at: Timestamp,
    /// [`Crossing::place`].
    pub place: [f32; 2],
    /// [`crate::timing::CrossingStatus::as_str`].
    pub status: String,
    /// Whether somebody edited it.
    pub edited: bool,
}

/// What makes the stored crossings those that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Rows to delete.
    pub delete: Vec<Uuid>,
    /// Rows to insert; one of the same id that lies outside of what was compared is replaced.
    pub insert: Vec<Crossing>,
    /// Rows that stay, with another entry, status, place or other fixes around them.
    pub update: Vec<Crossing>,
}

/// Compares what is stored of a part of a device's way with what was found there.
///
/// A row that somebody edited stays, whatever was found: the edit is about it. What was found in
/// its place (the same border, between fixes that it lies between too) is then not added.
pub fn changes(stored: &[StoredCrossing], found: Vec<Crossing>) -> Changes {
    let by_id: HashMap<Uuid, &StoredCrossing> = stored.iter().map(|row| (row.id, row)).collect();
    let found_ids: HashSet<Uuid> = found.iter().map(|row| row.id).collect();
    let (pinned, gone): (Vec<_>, Vec<_>) =
        stored.iter().filter(|row| !found_ids.contains(&row.id)).partition(|row| row.edited);
    let mut changes =
        Changes { delete: gone.iter().map(|row| row.id).collect(), ..Changes::default() };
    let mut free = pinned;
    for crossing in found {
        match by_id.get(&crossing.id) {
            Some(row) if row.says_the_same(&crossing) => {}
            Some(_) => changes.update.push(crossing),
            None => match free.iter().position(|row| row.stands_for(&crossing)) {
                Some(taken) => drop(free.swap_remove(taken)),
                None => changes.insert.push(crossing),
            },
        }
    }
    changes
}

impl StoredCrossing {
    /// Of a crossing of the same id.
    fn says_the_same(&self, found: &Crossing) -> bool {
        self.course == found.course
            && self.status == found.status.as_str()
            && self.fix_before_at == found.fix_before_at
            && self.fix_after_at == found.fix_after_at
            && self.place == found.place()
    }

    /// Whether another one is in its place: the same border, between fixes that it lies between too.
    pub(crate) fn stands_for(&self, found: &Crossing) -> bool {
        let checkpoint = |course: Option<(EventId, EntryId, CheckpointId)>| course.map(|it| it.2);
        self.geofence == found.geofence
            && self.direction == found.direction
            && checkpoint(self.course) == checkpoint(found.course)
            && found.fix_before_at < self.fix_after_at
            && self.fix_before_at < found.fix_after_at
    }
}
