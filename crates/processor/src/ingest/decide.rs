//! What frames mean. Pure: the same frames after the same state are always decided the same.

use std::collections::{BTreeMap, HashMap};

use biplane_core::geodesy::Point;
use biplane_core::geofence::Moment;
use biplane_core::live::{LivePosition, PublishedPosition};
use biplane_core::motion::{Happened, Motion};
use biplane_core::plausibility::Fault;
use biplane_core::profile::Limits;
use biplane_core::timing::{Device, Setup, Tracker, Verdict};
use biplane_core::visits::Visits;
use biplane_core::{DeviceId, Fix, Frame, OrganizationId, Timestamp};
use biplane_store::{Batch, Claim, DeviceState, Received, Status};

/// What is known of the devices whose partitions this process owns.
#[derive(Debug, Default)]
pub(crate) struct Decider {
    partitions: HashMap<u16, Partition>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Partition {
    generation: u64,
    devices: HashMap<DeviceId, Known>,
}

#[derive(Debug)]
struct Known {
    organization: OrganizationId,
    tracker: Tracker,
    /// What it does, and for whom: it outlasts a change of hands until its trip is ended.
    motion: Option<(OrganizationId, Motion)>,
    /// The geofences that it is in, and for whom, as with motion; `None`: in none that asks for it.
    visits: Option<(OrganizationId, Visits)>,
    /// No row of the device is later.
    watermark: Option<Timestamp>,
}

/// What a batch of frames leads to.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// By partition.
    pub batches: BTreeMap<u16, Batch>,
    /// Positions to show at once, with their partition; of a frame the latest of each kind.
    pub positions: Vec<(u16, PublishedPosition)>,
    pub late: u64,
    pub faulty: [u64; Fault::ALL.len()],
}

impl Decider {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { partitions: HashMap::new(), limits }
    }

    /// Whether what was read under this generation still is to be decided. A newer generation
    /// forgets what was known: someone else may have owned the partition between.
    pub(crate) fn enter(&mut self, Claim { partition, generation }: Claim) -> bool {
        let known = self.partitions.entry(partition).or_default();
        if known.generation < generation {
            *known = Partition { generation, devices: HashMap::new() };
        }
        known.generation == generation
    }

    /// Whether this is the first that is read under a lease: then the partition is to be claimed.
    pub(crate) fn is_new(&self, claim: Claim) -> bool {
        self.partitions
            .get(&claim.partition)
            .is_none_or(|known| known.generation < claim.generation)
    }

    pub(crate) fn knows(&self, partition: u16, device: DeviceId) -> bool {
        self.partitions.get(&partition).is_some_and(|known| known.devices.contains_key(&device))
    }

    /// What is known of a device is no longer true: the database knows better.
    pub(crate) fn forget(&mut self, partition: u16, device: DeviceId) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.devices.remove(&device);
        }
    }

    /// Takes over what the database knows of a device.
    pub(crate) fn learn(
        &mut self,
        partition: u16,
        state: DeviceState,
        device: Device,
        setup: &Setup,
    ) {
        let limits = setup.limits(device.id, &self.limits).plausibility;
        let last = state.last.filter(|(organization, _)| *organization == device.organization);
        let known = Known {
            organization: device.organization,
            tracker: Tracker::resume(last.map(|(_, fix)| fix), state.refused, &limits),
            motion: state.motion,
            visits: state.visits,
            watermark: state.watermark,
        };
        self.partitions.entry(partition).or_default().devices.insert(state.device, known);
    }

    /// Decides a frame of a device that is known ([`Decider::knows`]).
    pub(crate) fn decide(
        &mut self,
        partition: u16,
        frame: &Frame,
        device: Device,
        setup: &Setup,
        decided: &mut Decided,
    ) {
        let partition_state = self.partitions.entry(partition).or_default();
        let claim = Claim { partition, generation: partition_state.generation };
        let batch = decided.batches.entry(partition).or_insert_with(|| Batch::new(claim));
        let known = partition_state.devices.entry(device.id).or_insert_with(|| Known {
            organization: device.organization,
            tracker: Tracker::default(),
            motion: None,
            visits: None,
            watermark: Some(Timestamp::from_millis(i64::MAX)),
        });
        if known.organization != device.organization {
            // A tracker that changed hands has no past with its new owner.
            known.organization = device.organization;
            known.tracker = Tracker::default();
        }
        let limits = setup.limits(device.id, &self.limits);
        let received = Received::from(frame);
        let (mut moved, mut marked, mut seen) = (None, None, false);
        let mut visited = known.visits.is_some();
        for fix in &frame.fixes {
            let before = known.tracker.last.map(|last| last.left_for(fix.time));
            let verdict = known.tracker.observe(
                fix,
                frame.received_at,
                device,
                setup,
                &limits.plausibility,
                &mut batch.crossings,
            );
            if let Some(now) = known.seen(fix, verdict) {
                seen = true;
                let jumped = before.is_some_and(|it| limits.plausibility.out_of_reach(it, now));
                known.follow(device, now, jumped, fix.speed_kmh, &limits, batch);
                known.visit(device, before.filter(|_| !jumped), now, setup, &limits, batch);
                visited |= known.visits.is_some();
            }
            let fault = match verdict {
                Verdict::Quarantined(reason) => {
                    batch.quarantine(device, fix, received, reason.as_str());
                    continue;
                }
                Verdict::Faulty(fault) => {
                    decided.faulty[fault as usize] += 1;
                    marked = Some(fix);
                    Some(fault.as_str())
                }
                Verdict::Late => {
                    decided.late += 1;
                    None
                }
                Verdict::Moved => {
                    moved = Some(fix);
                    None
                }
            };
            let fresh = known.watermark.is_none_or(|latest| latest < fix.time);
            if fresh {
                known.watermark = Some(fix.time);
            }
            batch.position(device, fix, received, fault, fresh);
        }
        batch.status(
            device.id,
            Status {
                organization: device.organization,
                last_fix: moved.cloned(),
                motion: known.motion.filter(|_| seen).map(|(_, motion)| motion),
                visits: (seen && visited).then(|| {
                    known.visits.as_ref().map(|(_, visits)| visits.clone()).unwrap_or_default()
                }),
                received_at: frame.received_at,
                protocol: frame.protocol.clone(),
                gateway: frame.gateway.clone(),
            },
        );
        // The latest of each kind is all that a map shows.
        let mut shown: Vec<_> = [(moved, false), (marked, true)]
            .into_iter()
            .filter_map(|(fix, faulty)| fix.map(|fix| (fix, faulty)))
            .filter(|(fix, _)| Point { lat: fix.lat, lon: fix.lon }.is_on_earth())
            .collect();
        shown.sort_by_key(|(fix, _)| fix.time);
        decided.positions.extend(
            shown.into_iter().map(|(fix, faulty)| (partition, live_position(device, fix, faulty))),
        );
    }
}

impl Known {
    /// Where the device is by what was made of a fix; `None`: it says nothing about that.
    fn seen(&self, fix: &Fix, verdict: Verdict) -> Option<Moment> {
        let at = match verdict {
            Verdict::Moved => Point { lat: fix.lat, lon: fix.lon },
            // It still stands where it is believed to be.
            Verdict::Faulty(Fault::Jitter) => self.tracker.last?.moment.at,
            Verdict::Late | Verdict::Faulty(_) | Verdict::Quarantined(_) => return None,
        };
        Some(Moment { time: fix.time, at })
    }

    /// Tells what a device does by where it is now. There is no way to where it `jumped`.
    fn follow(
        &mut self,
        device: Device,
        now: Moment,
        jumped: bool,
        speed_kmh: Option<f32>,
        limits: &Limits,
        batch: &mut Batch,
    ) {
        let mut happened: Vec<Happened> = Vec::new();
        let mut owner = device.organization;
        match &mut self.motion {
            Some((before, motion)) if *before != owner || jumped => {
                motion.end(&mut happened);
                self.motion = Some((std::mem::replace(&mut owner, *before), Motion::begin(now)));
            }
            Some((_, motion)) => motion.take(now, speed_kmh, &limits.motion, &mut happened),
            None => self.motion = Some((owner, Motion::begin(now))),
        }
        for it in happened {
            batch.happened(Device { organization: owner, ..device }, it);
        }
    }

    /// Tells how long a device stays where, by where it is now and came from; `None`: nobody knows
    /// from where.
    fn visit(
        &mut self,
        device: Device,
        before: Option<Moment>,
        now: Moment,
        setup: &Setup,
        limits: &Limits,
        batch: &mut Batch,
    ) {
        let mut happened: Vec<Happened> = Vec::new();
        let owner = device.organization;
        let mut visits = match self.visits.take() {
            Some((earlier, mut visits)) if earlier != owner => {
                visits.end(&mut happened);
                let earlier = Device { organization: earlier, ..device };
                happened.drain(..).for_each(|it| batch.happened(earlier, it));
                visits
            }
            known => known.map(|(_, visits)| visits).unwrap_or_default(),
        };
        visits.take(before, now, setup.watched.get(&owner), limits, &mut happened);
        self.visits = (!visits.is_empty()).then_some((owner, visits));
        happened.into_iter().for_each(|it| batch.happened(device, it));
    }
}

fn live_position(device: Device, fix: &Fix, faulty: bool) -> PublishedPosition {
    PublishedPosition {
        organization: device.organization,
        position: LivePosition {
            device: device.id,
            time: fix.time,
            lat: fix.lat,
            lon: fix.lon,
            altitude_m: fix.altitude_m,
            speed_kmh: fix.speed_kmh,
            course_deg: fix.course_deg,
            faulty,
        },
    }
}

#[cfg(test)]
mod tests {
    use biplane_core::Imei;
    use uuid::Uuid;

    use super::*;

    /// Maps throw on a latitude of 200, and a panel stands still.
    #[test]
    fn places_that_are_not_on_the_earth_were_shown_to_live_clients() {
        let device =
            Device { id: Uuid::from_u128(1).into(), organization: Uuid::from_u128(2).into() };
        let mut decider = Decider::new(Limits::default());
        let mut shown = |lat: f64| {
            let fix = Fix {
                time: Timestamp::from_millis(1_599_910_800_000),
                lat,
                lon: 12.8,
                altitude_m: None,
                speed_kmh: None,
                course_deg: None,
                satellites: Some(9),
                hdop: None,
                io: vec![],
            };
            let frame = Frame {
                imei: Imei::with_check_digit(1),
                received_at: fix.time,
                gateway: "gateway-1".into(),
                protocol: "teltonika".into(),
                trace_id: 1,
                fixes: vec![fix],
            };
            let mut decided = Decided::default();
            decider.decide(0, &frame, device, &Setup::default(), &mut decided);
            assert_eq!(decided.batches[&0].positions(), 1, "stored all the same");
            decided.positions.len()
        };
        assert_eq!([shown(200.0), shown(f64::NAN), shown(46.0)], [0, 0, 1]);
    }
}
