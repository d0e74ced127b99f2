//! Orders to devices: read from this gateway's stream, claimed, handed to the connection that holds
//! the device, and reported.
//!
//! Each device has a lane: what these protocols answer names no command, so one order of a device
//! is carried out at a time, the others wait in order. All that is asked of Redis is asked here,
//! until it answers: a connection only writes and listens.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use biplane_bus::{CANCELS, Claim, Commands, CommandsError, EntryId, Order, Outcome, Report};
use biplane_core::{Imei, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::clock;
use crate::held::Held;
use crate::mailbox::{Done, Job};
use crate::meters::Meters;

/// Orders that are read and not finished; the others wait in Redis.
const OPEN: usize = 4_096;

/// Those of one device among them: one that answers nothing must not take all the room.
const OPEN_OF_ONE: usize = 64;

/// And once half of all places are taken: then many answer nothing.
const OPEN_OF_ONE_OF_MANY: usize = 4;

/// The most that are read in one go.
const BATCH: usize = 256;

/// How long one request waits for an order.
const WAIT: Duration = Duration::from_secs(5);

const HEARTBEAT: Duration = Duration::from_secs(5);

/// How often it is looked for a device that may come back.
const LOOK: Duration = Duration::from_millis(100);

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Carries orders from Redis to connections, and reports back.
pub(crate) struct Courier {
    commands: Commands,
    held: Arc<Held>,
    meters: Arc<Meters>,
    instance: String,
    /// Names this process among those of the same instance.
    process: String,
    /// Until then orders wait for devices that are not connected yet.
    grace: Instant,
    stopping: watch::Receiver<bool>,
    places: Arc<Semaphore>,
    lanes: Mutex<HashMap<Imei, VecDeque<Open>>>,
}

/// An order that is read and not finished.
struct Open {
    entry: EntryId,
    order: Order,
    /// Whether too many of its device wait already.
    crowded: bool,
    _place: OwnedSemaphorePermit,
}

/// What is to be done with an entry in the end.
enum Fate {
    Report(Done),
    /// Another entry of the same attempt is reported, or was.
    Nothing,
}

impl Courier {
    pub(crate) fn new(
        commands: Commands,
        held: Arc<Held>,
        meters: Arc<Meters>,
        instance: String,
        grace: Duration,
        stopping: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            commands,
            held,
            meters,
            instance,
            process: format!("{:016x}", RandomState::new().hash_one(0)),
            grace: Instant::now() + grace,
            stopping,
            places: Arc::new(Semaphore::new(OPEN)),
            lanes: Mutex::default(),
        })
    }

    /// Works until the gateway stops, and what it has read then is finished.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut stopping = self.stopping.clone();
        let working = async {
            tokio::select! {
                never = self.clone().read() => match never {},
                _ = stopping.wait_for(|&stopping| stopping) => {}
            }
            // All places back: each order has its report.
            let _ = self.places.acquire_many(OPEN as u32).await;
        };
        tokio::select! {
            () = working => {}
            never = self.beat() => match never {},
        }
    }

    async fn beat(&self) -> Infallible {
        loop {
            sleep(HEARTBEAT).await;
            if let Err(error) = self.commands.beat(&self.instance).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "no heartbeat");
            }
        }
    }

    /// Reads orders, from the first that is there: a former process of this name may have left some.
    async fn read(self: Arc<Self>) -> Infallible {
        // First a heartbeat: nobody else is to see to orders that are ours again.
        until_done("no heartbeat", || self.commands.beat(&self.instance)).await;
        let mut after = EntryId::default();
        loop {
            drop(self.place().await);
            let most = self.places.available_permits().clamp(1, BATCH);
            let read = until_done("orders are not read", || async {
                let read = self.commands.waiting(&self.instance, after, most, WAIT).await;
                read.inspect_err(|error| {
                    tracing::warn!(
                        error = error as &dyn std::error::Error,
                        "orders can't be read just now; trying again"
                    );
                })
            });
            for (entry, order) in read.await {
                after = entry;
                match order {
                    Ok(order) => self.clone().take(entry, order).await,
                    Err(why) => {
                        tracing::warn!(%entry, why, "an order that can't be read is dropped");
                        self.discard(entry).await;
                    }
                }
            }
        }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("it is never closed")
    }

    fn room_of_one(&self) -> usize {
        let is_half_empty = self.places.available_permits() >= OPEN / 2;
        if is_half_empty { OPEN_OF_ONE } else { OPEN_OF_ONE_OF_MANY }
    }

    /// Puts an order into its device's lane.
    async fn take(self: Arc<Self>, entry: EntryId, order: Order) {
        let imei = order.imei;
        let mut open = Open { entry, order, crowded: false, _place: self.place().await };
        self.meters.orders_open.increment(1.0);
        match self.lanes().entry(imei) {
            Entry::Occupied(mut lane) if lane.get().len() < self.room_of_one() => {
                lane.get_mut().push_back(open);
                return;
            }
            Entry::Occupied(_) => open.crowded = true,
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
            }
        }
        tokio::spawn(async move {
            if open.crowded {
                return self.carry(open).await;
            }
            let mut next = Some(open);
            while let Some(open) = next {
                self.carry(open).await;
                let mut lanes = self.lanes();
                next = lanes.get_mut(&imei).and_then(VecDeque::pop_front);
                if next.is_none() {
                    lanes.remove(&imei);
                }
            }
        });
    }

    /// Carries out one order and says what became of it.
    async fn carry(&self, open: Open) {
        let Open { entry, order, .. } = &open;
        match self.deliver(&open).await {
            Fate::Nothing => self.discard(*entry).await,
            Fate::Report((outcome, text)) => {
                tracing::info!(
                    command = %order.command,
                    attempt = order.attempt,
                    imei = %order.imei,
                    outcome = outcome.as_str(),
                    "order finished"
                );
                let report = self.report(order, outcome, clock::now(), text);
                let finish = || self.commands.finish(&self.instance, *entry, &report);
                until_done("a report waits", finish).await;
                self.meters.order(outcome);
            }
        }
        self.meters.orders_open.decrement(1.0);
    }

    async fn deliver(&self, open: &Open) -> Fate {
        let Open { entry, order, crowded, .. } = open;
        let report = |outcome, text: Option<&str>| Fate::Report((outcome, text.map(str::to_owned)));
        if !crowded {
            self.wait_for(order).await;
        }
        // Claimed even where nothing will be written: a former process of ours may have written it,
        // or somebody may have cancelled it, and then another outcome is the true one.
        let us = format!("{}/{}/{entry}", self.instance, self.process);
        let claim = || self.commands.claim(order.command, order.attempt, &us);
        match until_done("an order waits to be claimed", claim).await {
            Claim::Ours => {}
            Claim::Theirs(holder) => return self.judge(*entry, &holder),
        }
        if clock::now() >= order.expires_at {
            return report(Outcome::Expired, None);
        }
        if *crowded {
            return report(Outcome::Away, Some("too many orders wait for the device"));
        }
        if *self.stopping.borrow() {
            return report(Outcome::Away, Some("the gateway stops"));
        }
        let ((written, when), (done, outcome)) = (oneshot::channel(), oneshot::channel());
        let job = Job {
            text: order.text.clone(),
            expires_at: order.expires_at,
            answers: order.answers,
            written,
            done,
        };
        if self.held.hand(order.imei, Box::new(job)).is_err() {
            return report(Outcome::Away, None);
        }
        if let Ok(at) = when.await {
            let sent = self.report(order, Outcome::Sent, at, None);
            until_done("a report waits", || self.commands.report(&sent)).await;
        }
        // A connection that ends says nothing.
        Fate::Report(outcome.await.unwrap_or((Outcome::Unknown, None)))
    }

    /// Waits for a device that may come back after the start of the gateway.
    async fn wait_for(&self, order: &Order) {
        let mut stopping = self.stopping.clone();
        let device = async {
            while !self.held.has(order.imei)
                && Instant::now() < self.grace
                && clock::now() < order.expires_at
            {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = device => {}
            _ = stopping.wait_for(|&stopping| stopping) => {}
        }
    }

    /// What becomes of an entry whose attempt is claimed by another.
    fn judge(&self, entry: EntryId, holder: &str) -> Fate {
        if holder.starts_with(CANCELS) {
            return Fate::Report((Outcome::Cancelled, None));
        }
        let ours = holder.strip_prefix(&self.instance).and_then(|rest| rest.strip_prefix('/'));
        let for_entry = ours.and_then(|rest| rest.rsplit('/').next()?.parse::<EntryId>().ok());
        match for_entry {
            // The same order came twice; the entry that was claimed for has its own report.
            Some(other) if other != entry => Fate::Nothing,
            // A former process of ours claimed it and did not finish, or somebody else did.
            _ => Fate::Report((Outcome::Unknown, None)),
        }
    }

    async fn discard(&self, entry: EntryId) {
        let discard = || self.commands.discard(&self.instance, entry);
        until_done("an entry waits to be dropped", discard).await;
    }

    fn report(
        &self,
        order: &Order,
        outcome: Outcome,
        at: Timestamp,
        text: Option<String>,
    ) -> Report {
        let (command, attempt, instance) = (order.command, order.attempt, self.instance.clone());
        Report { command, attempt, outcome, at, instance, text }
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, HashMap<Imei, VecDeque<Open>>> {
        self.lanes.lock().expect("nobody panics holding it")
    }
}

/// Tries until Redis answers, however long that takes.
async fn until_done<T, F: Future<Output = Result<T, CommandsError>>>(
    what: &'static str,
    attempt: impl Fn() -> F,
) -> T {
    let mut backoff = FIRST_BACKOFF;
    loop {
        match attempt().await {
            Ok(done) => return done,
            // Thousands may wait at the same time: that Redis is away is told by who reads.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "{what}; trying again");
            }
        }
        sleep(backoff).await;
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}
