//! From the feed to those who may see it: an index from devices and events to
//! the subscriptions that show them, and each device's last position.
//!
//! A published item costs by those who are interested in it, and is serialised
//! once. A device's position counts for a subscription only while the tenant
//! that published it is the one that Directus named for the device.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biplane_core::live::{LiveItem, PublishedPosition};
use biplane_core::{DeviceId, EventId, OrganizationId};

use super::outbox::Outbox;
use super::session::Allowed;

/// All that a hub shows, and to whom.
#[derive(Default)]
pub struct Fanout {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: HashMap<DeviceId, Last>,
    devices: HashMap<DeviceId, Vec<Interest>>,
    events: HashMap<EventId, Vec<Interest>>,
    last_key: u64,
}

struct Last {
    organization: OrganizationId,
    faulty: bool,
    json: Arc<str>,
}

#[derive(Clone)]
struct Interest {
    organization: OrganizationId,
    outbox: Arc<Outbox>,
    key: SubscriptionKey,
}

/// Names a subscription among those of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey(u64);

/// A subscription that is shown; hand it back to [`Fanout::unwatch`].
#[derive(Debug)]
pub struct Watch {
    key: SubscriptionKey,
    allowed: Allowed,
}

impl Fanout {
    /// Starts to show: first the last position of each device allowed.
    pub fn watch(&self, outbox: &Arc<Outbox>, uid: &str, allowed: Allowed) -> Watch {
        let mut state = self.lock();
        state.last_key += 1;
        let key = SubscriptionKey(state.last_key);
        outbox.open(key, uid);
        let mut watch = Watch { key, allowed: Allowed::default() };
        state.change(&mut watch, outbox, allowed);
        outbox.start(key);
        watch
    }

    /// Shows something else under the same name; what is new comes with its last position.
    pub fn rewatch(&self, watch: &mut Watch, outbox: &Arc<Outbox>, allowed: Allowed) {
        self.lock().change(watch, outbox, allowed);
    }

    /// Shows no more.
    pub fn unwatch(&self, mut watch: Watch, outbox: &Arc<Outbox>) {
        self.lock().change(&mut watch, outbox, Allowed::default());
        outbox.drop_subscription(watch.key);
    }

    /// Takes what was published, in order.
    pub fn publish(&self, items: Vec<LiveItem>) {
        let mut positions: HashMap<DeviceId, PublishedPosition> = HashMap::new();
        let mut state = self.lock();
        for item in items {
            match item {
                // Conflated before anyone is looked for: most of a burst is overtaken by its end.
                LiveItem::Position(new) => match positions.entry(new.position.device) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(new);
                    }
                    Entry::Occupied(mut known) => {
                        let old = known.get();
                        if !new.position.faulty
                            || old.position.faulty
                            || old.organization != new.organization
                        {
                            known.insert(new);
                        }
                    }
                },
                LiveItem::Crossing(crossing) => {
                    let Some(interests) = crossing.event.and_then(|event| state.events.get(&event))
                    else {
                        continue;
                    };
                    let Some(json) = to_json(&crossing) else { continue };
                    for interest in interests {
                        if interest.organization == crossing.organization {
                            interest.outbox.add_crossing(interest.key, &json);
                        }
                    }
                }
            }
        }
        for (device, published) in positions {
            state.show(device, published);
        }
    }

    /// Takes positions as of some time ago: they count where nothing newer is known.
    pub fn seed(&self, positions: Vec<PublishedPosition>) {
        let mut state = self.lock();
        for published in positions {
            let device = published.position.device;
            if !state.last.contains_key(&device) {
                state.show(device, published);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn show(&mut self, device: DeviceId, published: PublishedPosition) {
        let PublishedPosition { organization, position } = published;
        let Some(json) = to_json(&position) else { return };
        for interest in self.devices.get(&device).into_iter().flatten() {
            if interest.organization == organization {
                interest.outbox.set_position(interest.key, device, &json, position.faulty);
            }
        }
        let last = Last { organization, faulty: position.faulty, json };
        match self.last.entry(device) {
            Entry::Vacant(vacant) => {
                vacant.insert(last);
            }
            // A newcomer is better served by the last place that can be believed.
            Entry::Occupied(mut known) => {
                let old = known.get();
                if !last.faulty || old.faulty || old.organization != organization {
                    known.insert(last);
                }
            }
        }
    }

    fn change(&mut self, watch: &mut Watch, outbox: &Arc<Outbox>, allowed: Allowed) {
        let key = watch.key;
        let old = std::mem::replace(&mut watch.allowed, allowed);
        let new = &watch.allowed;
        for (device, organization) in &old.devices {
            if new.devices.get(device) != Some(organization) {
                forget(&mut self.devices, device, key);
                outbox.drop_position(key, device);
            }
        }
        for (&device, &organization) in &new.devices {
            if old.devices.get(&device) == Some(&organization) {
                continue;
            }
            let interest = Interest { organization, outbox: Arc::clone(outbox), key };
            self.devices.entry(device).or_default().push(interest);
            if let Some(last) =
                self.last.get(&device).filter(|last| last.organization == organization)
            {
                outbox.set_position(key, device, &last.json, last.faulty);
            }
        }
        if old.crossings != new.crossings {
            if let Some((event, _)) = old.crossings {
                forget(&mut self.events, &event, key);
                outbox.drop_crossings(key);
            }
            if let Some((event, organization)) = new.crossings {
                let interest = Interest { organization, outbox: Arc::clone(outbox), key };
                self.events.entry(event).or_default().push(interest);
            }
        }
    }
}

fn forget<K: std::hash::Hash + Eq + Copy>(
    index: &mut HashMap<K, Vec<Interest>>,
    of: &K,
    key: SubscriptionKey,
) {
    if let Entry::Occupied(mut interests) = index.entry(*of) {
        interests.get_mut().retain(|interest| interest.key != key);
        if interests.get().is_empty() {
            interests.remove();
        }
    }
}

fn to_json(value: &impl serde::Serialize) -> Option<Arc<str>> {
    serde_json::to_string(value)
        .inspect_err(|error| tracing::warn!(%error, "a live item has no JSON form"))
        .ok()
        .map(Into::into)
}

#[cfg(test)]
mod tests;
