//! Carrying out orders to judge and time stored positions again.
//!
//! History is read and judged beside the live work. Where it leads up to now, the live work stops
//! for a moment: what is decided is written, the last positions are read, the correction is
//! written, and the device's state is learnt anew. So nothing is decided from a state that the
//! correction makes wrong.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_core::profile::Limits;
use biplane_core::recompute::{Changes, Mark, Recompute, changes};
use biplane_core::timing::Setup;
use biplane_core::{DeviceId, Frame, Timestamp};
use biplane_store::{Claim, Correction, History, HistoryError, Order};
use tokio::sync::{mpsc, oneshot, watch};

use super::SetupFeed;
use super::away::{Away, chain};
use crate::Metrics;

/// How often orders are looked for although nobody told of any.
const POLL: Duration = Duration::from_secs(1);
const TIDY: Duration = Duration::from_secs(3600);
/// Positions that are read in one go.
pub(super) const PAGE: u32 = 10_000;
/// Marks that are kept for the correction's own transaction.
const MARKS: usize = 10_000;
/// Orders for one device this close to each other are carried out together.
const NEAR_MS: i64 = 3_600_000;

/// The partitions that this process owns, and the generation of each lease.
pub(crate) type Owned = HashMap<u16, u64>;

/// Asks the live work to rest.
pub(crate) struct Rest {
    /// Whose state is to be learnt anew afterwards.
    pub claim: Claim,
    pub device: DeviceId,
    /// Told once everything decided is written.
    pub resting: oneshot::Sender<()>,
    /// The rest is over when this is told or dropped.
    pub over: oneshot::Receiver<()>,
}

pub(crate) struct Recomputer {
    pub history: History,
    pub setup: SetupFeed,
    pub owned: watch::Receiver<Owned>,
    pub partitions: u16,
    pub rests: mpsc::Sender<Rest>,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
}

/// Orders that one pass over a device's history carries out.
#[derive(Debug, PartialEq, Eq)]
struct Job {
    claim: Claim,
    device: DeviceId,
    from: Timestamp,
    until: Timestamp,
    orders: Vec<i64>,
}

impl Recomputer {
    /// Until the live work ends.
    pub(crate) async fn run(mut self) {
        let metrics = Arc::clone(&self.metrics);
        let mut away = Away::new("timing again what is stored", Some(&metrics.database_away));
        let mut tidied: Option<Instant> = None;
        while !self.rests.is_closed() {
            match self.pass(&mut tidied).await {
                Ok(()) => away.succeeded(),
                Err(HistoryError::Fenced { partition }) => {
                    tracing::info!(partition, "the partition's next owner times it again");
                }
                Err(error) => {
                    away.failed(&error).await;
                    continue;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.history.noticed() => {}
                () = self.rests.closed() => {}
            }
        }
    }

    async fn pass(&mut self, tidied: &mut Option<Instant>) -> Result<(), HistoryError> {
        let orders = self.history.orders().await?;
        let owned = self.owned.borrow().clone();
        let (jobs, gone) = jobs(&orders, &owned, self.partitions);
        self.metrics.recomputes_open.store(orders.len() as u64, Relaxed);
        if !gone.is_empty() || tidied.is_none_or(|tidied| tidied.elapsed() > TIDY) {
            self.history.tidy(&gone).await?;
            *tidied = Some(Instant::now());
        }
        let mut failure = None;
        for job in jobs {
            // Nothing may be timed by what was known before the order.
            self.setup.refresh().await;
            let Some(setup) = self.setup.current().await else { return Ok(()) };
            let started = Instant::now();
            let changes = match self.carry_out(&job, &setup).await {
                Ok(changes) => changes,
                Err(error @ HistoryError::Connect(_)) => return Err(error),
                // What is refused for one device holds up no other.
                Err(error) => {
                    tracing::warn!(device = %job.device, error = chain(&error), "not timed again");
                    failure.get_or_insert(error);
                    continue;
                }
            };
            let (added, removed) = (changes.insert.len(), changes.delete.len());
            self.metrics.recomputes.fetch_add(job.orders.len() as u64, Relaxed);
            self.metrics.recompute_seconds.observe(started.elapsed().as_secs_f64(), 1);
            tracing::info!(
                device = %job.device, from = %job.from, until = %job.until, added, removed,
                changed = changes.update.len(), "stored positions were timed again"
            );
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.preview(&owned).await
    }

    async fn carry_out(&mut self, job: &Job, setup: &Setup) -> Result<Changes, HistoryError> {
        let limits = setup.limits(job.device, &self.limits).plausibility;
        let refused = limits.believe_after.saturating_sub(1);
        let beginning = self.history.beginning(job.device, job.from, refused).await?;
        let mut pass = Pass {
            since: beginning.last.map(|(_, fix)| fix.moment.time),
            run: Recompute::new(job.device, beginning.last, beginning.refused, job.until, &limits),
            at: job.from + -1,
            marks: Vec::new(),
            marked: 0,
        };
        self.read_on(&mut pass, job, setup).await?;
        if pass.run.is_settled() {
            return self.correct(pass, job, false).await;
        }
        // All there is was read: what comes now is decided by a state that may be wrong.
        let (resting, rests) = oneshot::channel();
        let (_over, until_over) = oneshot::channel();
        let rest = Rest { claim: job.claim, device: job.device, resting, over: until_over };
        if self.rests.send(rest).await.is_err() || rests.await.is_err() {
            // The process ends; the orders are still there.
            return Ok(Changes::default());
        }
        self.read_on(&mut pass, job, setup).await?;
        let at_its_end = !pass.run.is_settled();
        self.correct(pass, job, at_its_end).await
    }

    /// Judges on from where the pass is, until it is settled or there is no more.
    async fn read_on(
        &mut self,
        pass: &mut Pass,
        job: &Job,
        setup: &Setup,
    ) -> Result<(), HistoryError> {
        let limits = setup.limits(job.device, &self.limits).plausibility;
        loop {
            let fixes = self.history.fixes(job.device, pass.at, PAGE).await?;
            for fix in &fixes {
                pass.run.take(fix, setup, &limits);
                pass.since = pass.since.or(Some(fix.time));
                pass.at = fix.time;
                if pass.run.is_settled() {
                    break;
                }
            }
            pass.marks.extend(pass.run.marks());
            if pass.run.is_settled() || fixes.len() < PAGE as usize {
                return Ok(());
            }
            if pass.marks.len() >= MARKS {
                self.history.mark(job.claim, job.device, &pass.marks).await?;
                pass.marked += pass.marks.len() as u64;
                pass.marks.clear();
            }
        }
    }

    async fn correct(
        &mut self,
        pass: Pass,
        job: &Job,
        at_its_end: bool,
    ) -> Result<Changes, HistoryError> {
        // Where no positions are left, what was timed by them is all that is known.
        let stored = match pass.since {
            Some(since) => self.history.crossings(job.device, since, pass.at).await?,
            None => Vec::new(),
        };
        let now_at =
            (at_its_end && pass.since.is_some()).then(|| pass.run.last().map(|moment| moment.time));
        let changes = changes(&stored, pass.run.into_crossings());
        let correction = Correction {
            claim: job.claim,
            device: job.device,
            marks: &pass.marks,
            changes: &changes,
            now_at,
            orders: &job.orders,
            marks_changed: pass.marked + pass.marks.len() as u64,
        };
        self.history.correct(&correction).await?;
        Ok(changes)
    }
}

/// A way through a device's history.
struct Pass {
    run: Recompute,
    /// The fix where it begins; crossings of the way to it are left alone.
    since: Option<Timestamp>,
    /// The last fix that was taken.
    at: Timestamp,
    /// To be written with the correction.
    marks: Vec<Mark>,
    /// Written before it.
    marked: u64,
}

/// What is to be done of the orders here, and which orders nobody can carry out.
fn jobs(orders: &[Order], owned: &Owned, partitions: u16) -> (Vec<Job>, Vec<i64>) {
    let mut by_device: BTreeMap<DeviceId, Vec<Job>> = BTreeMap::new();
    let mut gone = Vec::new();
    for order in orders {
        let Some(imei) = order.imei else {
            gone.push(order.id);
            continue;
        };
        let partition = Frame::partition(imei, partitions);
        let Some(&generation) = owned.get(&partition) else { continue };
        let jobs = by_device.entry(order.device).or_default();
        let near =
            |job: &&mut Job| order.from - job.until <= NEAR_MS && job.from - order.until <= NEAR_MS;
        match jobs.iter_mut().find(near) {
            Some(job) => {
                job.from = job.from.min(order.from);
                job.until = job.until.max(order.until);
                job.orders.push(order.id);
            }
            None => jobs.push(Job {
                claim: Claim { partition, generation },
                device: order.device,
                from: order.from,
                until: order.until,
                orders: vec![order.id],
            }),
        }
    }
    (by_device.into_values().flatten().collect(), gone)
}

#[cfg(test)]
mod tests {
    use biplane_core::Imei;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn orders_of_a_device_that_are_near_are_one_job_and_those_of_others_partitions_are_left() {
        let imeis: Vec<Imei> = (1..50).map(Imei::with_check_digit).collect();
        let mine = imeis[0];
        let partition = Frame::partition(mine, 4);
        let other = *imeis.iter().find(|it| Frame::partition(**it, 4) != partition).expect("one");
        let order = |id, imei, from: i64, until: i64| Order {
            id,
            device: Uuid::from_u128(u128::from(u64::from(imei != Some(mine)))).into(),
            imei,
            from: Timestamp::from_millis(from * 1000),
            until: Timestamp::from_millis(until * 1000),
        };
        let orders = [
            order(1, Some(mine), 100, 200),
            order(2, Some(other), 100, 200),
            order(3, Some(mine), 90_000, 90_000),
            order(4, Some(mine), 50, 120),
            order(5, None, 0, 1),
            order(6, Some(mine), 3_700, 3_800),
        ];
        let owned = [(partition, 9)].into();
        let (jobs, gone) = jobs(&orders, &owned, 4);
        assert_eq!(gone, [5]);
        let told: Vec<_> = jobs
            .iter()
            .map(|job| (job.from.as_millis() / 1000, job.until.as_millis() / 1000, &*job.orders))
            .collect();
        assert_eq!(told, [(50, 3_800, &[1, 4, 6][..]), (90_000, 90_000, &[3][..])]);
        assert!(jobs.iter().all(|job| job.claim == Claim { partition, generation: 9 }));
    }
}
