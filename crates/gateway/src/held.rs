//! Which devices' connections are held here, and their entries in the registry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use biplane_bus::{Holder, Registry, RegistryError};
use biplane_core::Imei;

use crate::mailbox::{Job, Jobs, Slot, mailbox};

/// How many entries are renewed in one step: Redis answers nobody else for a millisecond or two.
const TOGETHER: usize = 256;

/// The devices that are connected here, each over one connection.
pub(crate) struct Held {
    registry: Registry,
    seats: Mutex<HashMap<Imei, Seat>>,
}

struct Seat {
    holder: Holder,
    /// Whether the registry was told that the device is here now.
    claimed: bool,
    /// Goes when the device is held elsewhere; that ends its connection.
    slot: Slot,
}

impl Held {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry, seats: Mutex::default() }
    }

    /// Takes the device for a connection; one that had it here loses it.
    pub(crate) fn take(&self, imei: Imei, holder: Holder) -> Jobs {
        let (slot, jobs) = mailbox();
        self.seats().insert(imei, Seat { holder, claimed: false, slot });
        jobs
    }

    /// Whether the device is connected here.
    pub(crate) fn has(&self, imei: Imei) -> bool {
        self.seats().contains_key(&imei)
    }

    /// Hands a job to the device's connection; gives it back where there is none, or where it has
    /// one that it has not begun.
    pub(crate) fn hand(&self, imei: Imei, job: Box<Job>) -> Result<(), Box<Job>> {
        match self.seats().get(&imei) {
            Some(seat) => seat.slot.put(job),
            None => Err(job),
        }
    }

    /// Tells the registry of a device that was taken, and who had it before. Where another
    /// connection here took it meanwhile, the entry is that one's to make.
    pub(crate) async fn claim(
        &self,
        imei: Imei,
        holder: &Holder,
    ) -> Result<Option<Holder>, RegistryError> {
        let before = self.registry.claim(imei, holder).await?;
        let still = match self.seats().get_mut(&imei) {
            Some(seat) if seat.holder == *holder => {
                seat.claimed = true;
                true
            }
            _ => false,
        };
        if !still {
            self.registry.release(imei, holder).await?;
        }
        Ok(before)
    }

    /// Gives a device up at its connection's end, unless another one has it.
    pub(crate) async fn release(&self, imei: Imei, holder: &Holder) -> Result<(), RegistryError> {
        match self.seats().entry(imei) {
            Entry::Occupied(seat) if seat.get().holder == *holder => drop(seat.remove()),
            _ => return Ok(()),
        }
        self.registry.release(imei, holder).await
    }

    /// Renews all entries again and again: a connection may be silent for longer than its entry
    /// lasts. Connections of devices that another gateway has by now are ended.
    pub(crate) async fn keep(&self, every: Duration) -> Infallible {
        loop {
            tokio::time::sleep(every).await;
            // Only the numbers, and what belongs to them when their turn comes: tens of thousands
            // are connected.
            let imeis: Vec<Imei> = self.seats().keys().copied().collect();
            for imeis in imeis.chunks(TOGETHER) {
                if let Err(error) = self.renew(imeis).await {
                    // An entry outlives a few missed turns, and is made again if it did not.
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "registry entries are not renewed just now"
                    );
                    break;
                }
            }
        }
    }

    async fn renew(&self, imeis: &[Imei]) -> Result<(), RegistryError> {
        let (mut claimed, mut unclaimed) = (Vec::with_capacity(imeis.len()), Vec::new());
        {
            let seats = self.seats();
            for &imei in imeis {
                let Some(seat) = seats.get(&imei) else { continue };
                let entry = (imei, seat.holder.clone());
                if seat.claimed { claimed.push(entry) } else { unclaimed.push(entry) }
            }
        }
        // Logged in while Redis was away: what stands there is from before.
        for (imei, holder) in unclaimed {
            self.claim(imei, &holder).await?;
        }
        let renewed = self.registry.renew(&claimed).await?;
        for ((imei, holder), renewed) in claimed.into_iter().zip(renewed) {
            let gone = match self.seats().entry(imei) {
                Entry::Occupied(seat) if seat.get().holder == holder => {
                    if !renewed {
                        seat.remove();
                    }
                    false
                }
                _ => true,
            };
            // Released meanwhile, and made again by this renewal.
            if gone && renewed {
                self.registry.release(imei, &holder).await?;
            }
        }
        Ok(())
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, HashMap<Imei, Seat>> {
        self.seats.lock().expect("nobody panics holding it")
    }
}
