//! What is written in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use biplane_core::geofence::Moment;
use biplane_core::motion::{Excess, Happened, Motion, Trip};
use biplane_core::timing::{Crossing, Device};
use biplane_core::visits::{Dwell, Visits};
use biplane_core::{DeviceId, Fix, Frame, OrganizationId, Timestamp};

use uuid::Uuid;

use crate::copy::PositionRows;

/// The lease on a partition of the log under which something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which partition.
    pub partition: u16,
    /// Grows with each change of owner.
    pub generation: u64,
}

/// How a record came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Processing time: when the gateway had the whole frame.
    pub at: Timestamp,
    /// The frame, as in the logs: [`Frame::trace_id`].
    pub trace_id: u64,
}

impl From<&Frame> for Received {
    fn from(frame: &Frame) -> Self {
        Self { at: frame.received_at, trace_id: frame.trace_id }
    }
}

/// What was decided of one partition's frames.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(crate) claim: Claim,
    pub(crate) fresh: PositionRows,
    pub(crate) doubtful: PositionRows,
    pub(crate) quarantine: PositionRows,
    /// The first instants of the UTC days that positions fall on.
    pub(crate) days: BTreeSet<Timestamp>,
    /// Rows of `crossings`.
    pub crossings: Vec<Crossing>,
    pub(crate) status: BTreeMap<DeviceId, Status>,
    pub(crate) trips: BTreeMap<Uuid, Told<Trip, Moment>>,
    pub(crate) excesses: BTreeMap<Uuid, Told<Excess, Timestamp>>,
    pub(crate) dwells: BTreeMap<Uuid, Told<Dwell, Timestamp>>,
}

/// The last that is told of a trip, an excess of speed or a visit, and its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<T, End> {
    pub(crate) device: Device,
    pub(crate) what: T,
    pub(crate) end: Option<End>,
}

/// What a batch says about a device, for `device_status`.
#[derive(Clone, Debug)]
pub struct Status {
    /// Who owns the device.
    pub organization: OrganizationId,
    /// The latest fix that moved it.
    pub last_fix: Option<Fix>,
    /// What it does after the batch, if a fix says so.
    pub motion: Option<Motion>,
    /// Where it is after the batch, unless it was and is nowhere.
    pub visits: Option<Visits>,
    /// When the gateway had the latest frame.
    pub received_at: Timestamp,
    /// What the device speaks.
    pub protocol: String,
    /// The gateway instance that holds it.
    pub gateway: String,
}

impl Batch {
    /// Nothing yet.
    pub fn new(claim: Claim) -> Self {
        Self {
            claim,
            fresh: PositionRows::default(),
            doubtful: PositionRows::default(),
            quarantine: PositionRows::default(),
            days: BTreeSet::new(),
            crossings: Vec::new(),
            status: BTreeMap::new(),
            trips: BTreeMap::new(),
            excesses: BTreeMap::new(),
            dwells: BTreeMap::new(),
        }
    }

    /// Under which lease its frames were read.
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// Adds a position. `fresh` promises that no row of this device and time is in the table or
    /// in this batch: should the promise be wrong, the batch is written all the same, only slower.
    pub fn position(
        &mut self,
        device: Device,
        fix: &Fix,
        received: Received,
        fault: Option<&str>,
        fresh: bool,
    ) {
        // Mostly the same day as before: a look is cheaper than an insertion.
        let day = fix.time.start_of_day();
        if self.days.last() != Some(&day) {
            self.days.insert(day);
        }
        let rows = if fresh { &mut self.fresh } else { &mut self.doubtful };
        rows.push(device, fix, received, fault);
    }

    /// Adds a fix whose time no partition may hold.
    pub fn quarantine(&mut self, device: Device, fix: &Fix, received: Received, reason: &str) {
        self.quarantine.push(device, fix, received, Some(reason));
    }

    /// Says what is known of a device now; a later call of a batch replaces an earlier one, but
    /// for what the later one lacks.
    pub fn status(&mut self, device: DeviceId, mut status: Status) {
        if let Some(earlier) = self.status.remove(&device) {
            status.last_fix = status.last_fix.or(earlier.last_fix);
            status.motion = status.motion.or(earlier.motion);
            status.visits = status.visits.or(earlier.visits);
            status.received_at = status.received_at.max(earlier.received_at);
        }
        // As much as the columns take: a batch that PostgreSQL refuses would be tried forever.
        status.protocol = fitting(&status.protocol, 32);
        status.gateway = fitting(&status.gateway, 255);
        self.status.insert(device, status);
    }

    /// Says what became known of a device's motion and visits; what is told later of the same takes its place.
    pub fn happened(&mut self, device: Device, happened: Happened) {
        let id = happened.id(device.id);
        match happened {
            Happened::Trip(what, end) => {
                self.trips.insert(id, Told { device, what, end });
            }
            Happened::Overspeed(what, end) => {
                self.excesses.insert(id, Told { device, what, end });
            }
            Happened::Dwell(what, end) => {
                self.dwells.insert(id, Told { device, what, end });
            }
        }
    }

    /// How many positions, quarantined ones included.
    pub fn positions(&self) -> usize {
        self.fresh.count() + self.doubtful.count() + self.quarantine.count()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.positions() == 0 && self.crossings.is_empty() && self.status.is_empty()
    }
}

fn fitting(text: &str, most: usize) -> String {
    text.chars().filter(|&c| c != '\0').take(most).collect()
}
