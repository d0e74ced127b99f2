//! Trackers that send as much as is written, or so many positions a second.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use biplane_core::{Fix, Imei};
use biplane_stack::fleet::{Wander, imei};
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, SetupError, Step};
use tokio::sync::Semaphore;

use crate::failed;
use crate::report::Rounds;

/// So many positions may have been sent and not be written: about a second's worth. Nothing between
/// the gateway and the table holds trackers back, for Redis is there to take what is too much; what
/// can be sustained is what they send while this stays.
const WINDOW: u64 = 300_000;
/// How often it is seen to.
const TURN: Duration = Duration::from_millis(20);

/// Trackers on their way; a flight has several legs.
pub struct Flight {
    gateway: std::net::SocketAddr,
    metrics: String,
    http: reqwest::Client,
    wanders: Vec<(Imei, Arc<Mutex<Wander>>)>,
}

/// What came of a leg.
pub struct Leg {
    /// Acknowledged, and written.
    pub positions: u64,
    /// From the first frame to the last row.
    pub took: Duration,
    /// Acknowledged and not written, second by second.
    pub lag: Rounds,
}

impl Flight {
    /// Of trackers of a fleet, by their numbers.
    pub fn new(stack: &Description, numbers: Range<u32>) -> Result<Self, SetupError> {
        let wander = |number| (imei(number), Arc::new(Mutex::new(Wander::new(number))));
        Ok(Self {
            gateway: stack.teltonika.parse().map_err(failed)?,
            metrics: format!("{}/metrics", stack.processor_http),
            http: reqwest::Client::new(),
            wanders: numbers.map(wander).collect(),
        })
    }

    /// Sends for so long, as fast as rows are written; returns when all are.
    pub async fn at_most(&self, long: Duration, step: &Step) -> Result<Leg, SetupError> {
        let before = self.written().await?;
        let counters = Arc::new(Counters::default());
        let permits = Arc::new(Semaphore::new(0));
        let started = Instant::now();
        let mut lag = Rounds::new();
        let feeding = async {
            let (mut allowed, mut sampled) = (0, Instant::now());
            loop {
                let written = self.written().await? - before;
                let more = (written + WINDOW).saturating_sub(allowed);
                permits.add_permits(more as usize);
                allowed += more;
                if sampled.elapsed() > Duration::from_secs(1) {
                    sampled = Instant::now();
                    lag.push(counters.acknowledged.load(Relaxed).saturating_sub(written) as f64);
                    step.note(format!("{written} written"));
                }
                tokio::time::sleep(TURN).await;
            }
        };
        let trackers = self.trackers(started + long);
        let pace = Pace::Allowed(Arc::clone(&permits));
        tokio::select! {
            flown = replay::fly_each(self.gateway, trackers, pace, &counters) => {
                flown.map_err(failed)?;
            }
            fed = feeding => return fed,
        }
        let positions = counters.acknowledged.load(Relaxed);
        while self.written().await? - before < positions {
            if started.elapsed() > long + Duration::from_secs(120) {
                return Err(failed(format!("{positions} positions are not written after 120 s")));
            }
            tokio::time::sleep(TURN).await;
        }
        Ok(Leg { positions, took: started.elapsed(), lag })
    }

    /// Sends so many positions a second for so long.
    pub async fn at_rate(&self, rate: f64, long: Duration) -> Result<(), SetupError> {
        let permits = Arc::new(Semaphore::new(0));
        let started = Instant::now();
        let feeding = async {
            let mut allowed = 0;
            loop {
                let due = (started.elapsed().as_secs_f64() * rate) as usize;
                permits.add_permits(due - allowed);
                allowed = due;
                tokio::time::sleep(TURN / 4).await;
            }
        };
        let pace = Pace::Allowed(Arc::clone(&permits));
        let (trackers, counters) = (self.trackers(started + long), Arc::default());
        tokio::select! {
            flown = replay::fly_each(self.gateway, trackers, pace, &counters) => {
                flown.map_err(failed)
            }
            () = feeding => Ok(()),
        }
    }

    fn trackers(&self, until: Instant) -> impl Iterator<Item = (Imei, Until)> {
        self.wanders.iter().map(move |(imei, wander)| {
            (*imei, Until { wander: Arc::clone(wander), deadline: until })
        })
    }

    /// Positions that the processor wrote since it started.
    async fn written(&self) -> Result<u64, SetupError> {
        let response = self.http.get(&self.metrics).send().await.map_err(failed)?;
        let text = response.text().await.map_err(failed)?;
        let mut counts = text.lines().filter_map(|line| {
            line.strip_prefix("biplane_positions_stored_total ")?.parse::<u64>().ok()
        });
        counts.next().ok_or_else(|| failed("the processor's metrics do not tell what it stored"))
    }
}

/// What a tracker tells until a moment.
struct Until {
    wander: Arc<Mutex<Wander>>,
    deadline: Instant,
}

impl Iterator for Until {
    type Item = Fix;

    fn next(&mut self) -> Option<Fix> {
        if Instant::now() >= self.deadline {
            return None;
        }
        self.wander.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}
