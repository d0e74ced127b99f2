//! From chunks to what is to be written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use biplane_bus::{Entry, EntryId, Lease, Poison};
use biplane_core::profile::Limits;
use biplane_core::timing::{Device, Setup};
use biplane_core::{DeviceId, Frame, Imei, Timestamp};
use biplane_store::{Batch, Claim, StateReader};
use tokio::sync::{mpsc, oneshot};

use super::away::Away;
use super::decide::{Decided, Decider};
use super::{Chunk, Publisher, Rest, SetupFeed};
use crate::Metrics;

/// What is to be written together, and what the log is to be told afterwards.
#[derive(Default)]
pub(crate) struct Work {
    pub decided: Decided,
    /// To commit, by lease.
    pub done: Vec<(Lease, Vec<EntryId>)>,
    /// To bury: what is no frame, and frames of devices that are not active.
    pub dead: Vec<(Lease, EntryId, Poison)>,
    /// When the gateways had the frames, and with how many positions.
    pub received: Vec<(Timestamp, usize)>,
}

/// What the writer is asked for, in order.
pub(crate) enum Job {
    /// To write it.
    Write(Box<Work>),
    /// To say that everything before is written.
    Tell(oneshot::Sender<()>),
}

/// Whither the writer, who is free, wants its next job.
pub(crate) type Ask = oneshot::Sender<Job>;

/// Decides chunk after chunk, in the order in which each partition was read, and shows at once what
/// live clients may see. What is decided grows until the writer asks for it: how long it writes
/// holds nobody up who only looks.
pub(crate) struct Pipeline {
    pub setup: SetupFeed,
    pub states: StateReader,
    pub publisher: Publisher,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    pub batch: usize,
}

impl Pipeline {
    /// Until the chunks end, or the writer does.
    pub(crate) async fn run(
        mut self,
        mut chunks: mpsc::Receiver<Chunk>,
        mut rests: mpsc::Receiver<Rest>,
        mut asks: mpsc::Receiver<Ask>,
    ) {
        let mut decider = Decider::new(self.limits);
        let mut work = Work::default();
        loop {
            let first = tokio::select! {
                first = chunks.recv(), if work.size() < self.batch => first,
                ask = asks.recv(), if !work.is_empty() => {
                    let Some(ask) = ask else { return };
                    if ask.send(work.take()).is_err() {
                        return;
                    }
                    continue;
                }
                Some(rest) = rests.recv() => {
                    if rest_for(rest, &mut decider, &mut work, &mut asks).await.is_none() {
                        return;
                    }
                    continue;
                }
            };
            let Some(first) = first else { break };
            // What is there is decided in one go, no more than a batch and never waiting.
            let mut held = work.size() + size(&first);
            let mut together = vec![first];
            while held < self.batch {
                let Ok(next) = chunks.try_recv() else { break };
                held += size(&next);
                together.push(next);
            }
            if together.iter().any(|chunk| decider.is_new(claim_of(&chunk.lease))) {
                // What was read under a lease is written under it.
                if hand_over(&mut work, &mut asks).await.is_none() {
                    return;
                }
                self.claim(&decider, &together).await;
            }
            let started = Instant::now();
            if self.decide(&mut decider, together, &mut work).await.is_none() {
                return;
            }
            self.metrics.decide_seconds.observe(started.elapsed().as_secs_f64(), 1);
        }
        let _ = hand_over(&mut work, &mut asks).await;
    }

    /// `None` when the process ends.
    async fn decide(
        &mut self,
        decider: &mut Decider,
        mut chunks: Vec<Chunk>,
        work: &mut Work,
    ) -> Option<()> {
        chunks.retain(|chunk| decider.enter(claim_of(&chunk.lease)));
        let mut setup = self.setup.current().await?;
        let unknown = |setup: &Setup| {
            frames(&chunks).any(|(_, frame)| !setup.devices.contains_key(&frame.imei))
        };
        if unknown(&setup) {
            // Another processor may have told the gateway of a device that is new here.
            self.setup.refresh().await;
            setup = self.setup.current().await?;
        }
        self.learn(decider, &chunks, &setup).await;

        for Chunk { lease, entries } in chunks {
            let mut done = Vec::with_capacity(entries.len());
            for entry in entries {
                let frame = match entry.frame {
                    Ok(frame) => frame,
                    Err(poison) => {
                        self.metrics.poison.fetch_add(1, Relaxed);
                        work.dead.push((lease.clone(), entry.id, poison));
                        continue;
                    }
                };
                let Some(&device) = setup.devices.get(&frame.imei) else {
                    self.metrics.unknown.fetch_add(1, Relaxed);
                    let error = format!("no active device has the IMEI {}", frame.imei);
                    work.dead.push((
                        lease.clone(),
                        entry.id,
                        Poison { bytes: frame.to_bytes(), error },
                    ));
                    continue;
                };
                tracing::debug!(
                    trace_id = frame.trace_id,
                    imei = %frame.imei,
                    records = frame.fixes.len(),
                    partition = lease.partition,
                    "decided"
                );
                decider.decide(lease.partition, &frame, device, &setup, &mut work.decided);
                work.received.push((frame.received_at, frame.fixes.len()));
                done.push(entry.id);
            }
            match work.done.iter_mut().find(|(earlier, _)| *earlier == lease) {
                Some((_, ids)) => ids.extend(done),
                None => work.done.push((lease, done)),
            }
        }
        self.count(&mut work.decided);
        self.publisher.positions(work.decided.positions.drain(..));
        Some(())
    }

    /// Before anything is read of what an owner before has written: after this he writes no more.
    async fn claim(&mut self, decider: &Decider, chunks: &[Chunk]) {
        let claims: BTreeMap<u16, Claim> = chunks
            .iter()
            .map(|chunk| claim_of(&chunk.lease))
            .filter(|claim| decider.is_new(*claim))
            .map(|claim| (claim.partition, claim))
            .collect();
        if claims.is_empty() {
            return;
        }
        let claims: Vec<Claim> = claims.into_values().collect();
        let mut away = Away::new("claiming partitions", Some(&self.metrics.database_away));
        // Should a newer lease have them already, the writer finds out too and leaves them.
        while let Err(error) = self.states.claim(&claims).await {
            away.failed(&error).await;
        }
        away.succeeded();
    }

    /// Reads from the database what is not known yet of the chunks' devices.
    async fn learn(&mut self, decider: &mut Decider, chunks: &[Chunk], setup: &Setup) {
        let mut missing: HashMap<DeviceId, (u16, Device)> = HashMap::new();
        let mut seen: HashSet<Imei> = HashSet::new();
        for (lease, frame) in frames(chunks) {
            if !seen.insert(frame.imei) {
                continue;
            }
            let Some(&device) = setup.devices.get(&frame.imei) else { continue };
            if !decider.knows(lease.partition, device.id) {
                missing.insert(device.id, (lease.partition, device));
            }
        }
        if missing.is_empty() {
            return;
        }
        let ids: Vec<DeviceId> = missing.keys().copied().collect();
        let counted = |id| setup.limits(id, &self.limits).plausibility.believe_after;
        let most = ids.iter().map(|&id| counted(id)).max().unwrap_or_default();
        let mut away = Away::new("reading the devices' states", Some(&self.metrics.database_away));
        let states = loop {
            match self.states.states(&ids, most.saturating_sub(1)).await {
                Ok(states) => break states,
                Err(error) => away.failed(&error).await,
            }
        };
        away.succeeded();
        for state in states {
            if let Some(&(partition, device)) = missing.get(&state.device) {
                decider.learn(partition, state, device, setup);
            }
        }
    }

    fn count(&self, decided: &mut Decided) {
        self.metrics.late.fetch_add(std::mem::take(&mut decided.late), Relaxed);
        for (counter, count) in self.metrics.faulty.iter().zip(std::mem::take(&mut decided.faulty))
        {
            counter.fetch_add(count, Relaxed);
        }
    }
}

impl Work {
    /// Positions, or what takes the place of one: what the memory that it takes grows with.
    fn size(&self) -> usize {
        let positions: usize = self.decided.batches.values().map(Batch::positions).sum();
        positions.max(self.received.len()) + self.dead.len()
    }

    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.dead.is_empty()
    }

    fn take(&mut self) -> Job {
        Job::Write(Box::new(std::mem::take(self)))
    }
}

/// Waits until the writer takes what is decided, if anything is; `None` when the process ends.
async fn hand_over(work: &mut Work, asks: &mut mpsc::Receiver<Ask>) -> Option<()> {
    if work.is_empty() {
        return Some(());
    }
    asks.recv().await?.send(work.take()).ok()
}

/// Rests until the one who asked for it is through; `None` when the process ends.
async fn rest_for(
    rest: Rest,
    decider: &mut Decider,
    work: &mut Work,
    asks: &mut mpsc::Receiver<Ask>,
) -> Option<()> {
    hand_over(work, asks).await?;
    let (told, written) = oneshot::channel();
    asks.recv().await?.send(Job::Tell(told)).ok()?;
    written.await.ok()?;
    let _ = rest.resting.send(());
    // Told or dropped: it is over.
    let _ = rest.over.await;
    decider.forget(rest.claim.partition, rest.device);
    Some(())
}

fn claim_of(lease: &Lease) -> Claim {
    Claim { partition: lease.partition, generation: lease.generation }
}

fn frames(chunks: &[Chunk]) -> impl Iterator<Item = (&Lease, &Frame)> {
    chunks.iter().flat_map(|chunk| {
        chunk
            .entries
            .iter()
            .filter_map(|entry| entry.frame.as_ref().ok())
            .map(|frame| (&chunk.lease, frame))
    })
}

/// Of a chunk, as [`Work::size`] is of what is decided.
fn size(chunk: &Chunk) -> usize {
    let of = |entry: &Entry| entry.frame.as_ref().map_or(1, |frame| frame.fixes.len().max(1));
    chunk.entries.iter().map(of).sum()
}
