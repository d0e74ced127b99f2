//! From what happens to those who may see it: an index from devices, events and organizations to
//! the subscriptions that show them, and each device's last position and state.
//!
//! What happens costs by those who are interested in it, and is serialised once, positions once for
//! each set of fields. A device counts for a subscription only while the tenant that it happened to
//! is the one that Directus named for the device.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biplane_core::live::{Cursor, LiveEvent, LivePosition, Options, PublishedPosition};
use biplane_core::{DeviceId, EventId, OrganizationId};
use biplane_store::{Happened, LastKnown};

use super::fields::Fields;
use super::outbox::{Event, EventKind, Outbox};
use super::session::Allowed;

/// All that a hub shows, and to whom.
#[derive(Default)]
pub struct Fanout {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: HashMap<DeviceId, Last>,
    statuses: HashMap<DeviceId, (OrganizationId, Arc<str>)>,
    devices: HashMap<DeviceId, Vec<Interest>>,
    events: HashMap<EventId, Vec<Interest>>,
    organizations: HashMap<OrganizationId, Vec<Interest>>,
    last_key: u64,
    /// All that was committed before it has been handed to those who may see it.
    told: Option<Cursor>,
}

struct Last {
    organization: OrganizationId,
    position: LivePosition,
}

#[derive(Clone)]
struct Interest {
    organization: OrganizationId,
    outbox: Arc<Outbox>,
    key: SubscriptionKey,
    fields: Fields,
    /// Whether it wants these by its devices.
    crossings: bool,
    alerts: bool,
    status: bool,
}

/// Names a subscription among those of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey(u64);

/// A subscription that is shown; hand it back to [`Fanout::unwatch`].
#[derive(Debug)]
pub struct Watch {
    key: SubscriptionKey,
    fields: Fields,
    allowed: Arc<Allowed>,
}

impl Watch {
    /// Its name in outboxes.
    pub fn key(&self) -> SubscriptionKey {
        self.key
    }

    /// What it shows now.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Which fields of positions.
    pub fn fields(&self) -> Fields {
        self.fields
    }
}

impl Fanout {
    /// Starts to show: first the last position of each device allowed. While `recalls`, what is sent
    /// has no cursor: it would say that what is still being looked up has been told.
    pub fn watch(
        &self,
        outbox: &Arc<Outbox>,
        uid: &str,
        allowed: Arc<Allowed>,
        options: &Options,
        recalls: bool,
    ) -> Watch {
        let mut state = self.lock();
        state.last_key += 1;
        let key = SubscriptionKey(state.last_key);
        outbox.open(key, uid, options.min_interval_ms, recalls);
        let fields = Fields::of(options);
        let mut watch = Watch { key, fields, allowed: Arc::default() };
        state.change(&mut watch, outbox, allowed);
        outbox.start(key);
        watch
    }

    /// Shows something else under the same name; what is new comes with its last position.
    pub fn rewatch(&self, watch: &mut Watch, outbox: &Arc<Outbox>, allowed: Arc<Allowed>) {
        self.lock().change(watch, outbox, allowed);
    }

    /// Shows no more.
    pub fn unwatch(&self, mut watch: Watch, outbox: &Arc<Outbox>) {
        self.lock().change(&mut watch, outbox, Arc::default());
        outbox.drop_subscription(watch.key);
    }

    /// Takes what was published, in order.
    pub fn publish(&self, items: Vec<PublishedPosition>) {
        let mut positions: HashMap<DeviceId, PublishedPosition> = HashMap::new();
        for new in items {
            // Conflated before anyone is looked for: most of a burst is overtaken by its end.
            match positions.entry(new.position.device) {
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
            }
        }
        let mut state = self.lock();
        for published in positions.into_values() {
            state.show(published);
        }
    }

    /// Takes what was committed, and how far that goes.
    pub fn tell(&self, happened: &[Happened], told: Cursor) {
        let mut state = self.lock();
        for one in happened {
            state.tell(one);
        }
        // After all of it is in the outboxes: what they send with this cursor has it.
        state.told = Some(told);
    }

    /// How far what is in the outboxes goes; asked before one is emptied.
    pub fn told(&self) -> Option<Cursor> {
        self.lock().told
    }

    /// Takes what is known as of some time ago: it counts where nothing newer is known.
    pub fn seed(&self, known: Vec<LastKnown>) {
        let mut state = self.lock();
        for LastKnown { organization, position, status } in known {
            if !state.statuses.contains_key(&status.device) {
                state.show_status(organization, status.device, &status);
            }
            if let Some(position) = position
                && !state.last.contains_key(&position.device)
            {
                state.show(PublishedPosition { organization, position });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What clients are told of it; of devices that come and go, the last only.
pub fn told_as(happened: &Happened) -> Option<Event> {
    let (kind, json) = match &happened.what {
        LiveEvent::Crossing(crossing) => (EventKind::Crossings, to_json(crossing)?),
        LiveEvent::Retraction(retraction) => (EventKind::Retractions, to_json(retraction)?),
        LiveEvent::Alert(alert) => (EventKind::Alerts, to_json(alert)?),
        LiveEvent::Status(_) | LiveEvent::Access(_) => return None,
    };
    Some(Event { kind, device: happened.device, json })
}

impl State {
    fn show(&mut self, published: PublishedPosition) {
        let PublishedPosition { organization, position } = published;
        let mut texts = Texts { position: &position, written: Vec::new() };
        for interest in self.devices.get(&position.device).into_iter().flatten() {
            if interest.organization == organization
                && let Some(json) = texts.of(interest.fields)
            {
                let Interest { outbox, key, .. } = interest;
                outbox.set_position(*key, position.device, &json, position.faulty);
            }
        }
        match self.last.entry(position.device) {
            Entry::Vacant(vacant) => {
                vacant.insert(Last { organization, position });
            }
            // A newcomer is better served by the last place that can be believed.
            Entry::Occupied(mut known) => {
                let old = known.get();
                if !position.faulty || old.position.faulty || old.organization != organization {
                    known.insert(Last { organization, position });
                }
            }
        }
    }

    fn tell(&mut self, happened: &Happened) {
        let Some(organization) = happened.organization else { return };
        if let (LiveEvent::Status(status), Some(device)) = (&happened.what, happened.device) {
            return self.show_status(organization, device, status);
        }
        let Some(event) = told_as(happened) else { return };
        let of_device = happened.device.and_then(|device| self.devices.get(&device));
        let of_device = of_device.into_iter().flatten();
        let send = |interest: &Interest| {
            if interest.organization == organization {
                interest.outbox.add_event(interest.key, event.clone());
            }
        };
        if event.kind == EventKind::Alerts {
            of_device.filter(|interest| interest.alerts).for_each(send);
            if happened.device.is_none() {
                let interests = self.organizations.get(&organization).into_iter().flatten();
                interests.filter(|interest| interest.alerts).for_each(send);
            }
        } else {
            of_device.filter(|interest| interest.crossings).for_each(send);
            let of_event = happened.event.and_then(|event| self.events.get(&event));
            of_event.into_iter().flatten().for_each(send);
        }
    }

    fn show_status(
        &mut self,
        organization: OrganizationId,
        device: DeviceId,
        status: &biplane_core::live::LiveStatus,
    ) {
        let Some(json) = to_json(status) else { return };
        for interest in self.devices.get(&device).into_iter().flatten() {
            if interest.status && interest.organization == organization {
                interest.outbox.set_status(interest.key, device, &json);
            }
        }
        self.statuses.insert(device, (organization, json));
    }

    fn change(&mut self, watch: &mut Watch, outbox: &Arc<Outbox>, allowed: Arc<Allowed>) {
        let (key, fields) = (watch.key, watch.fields);
        let old = std::mem::replace(&mut watch.allowed, allowed);
        let new = &watch.allowed;
        let by_device = |allowed: &Allowed| (allowed.kinds, allowed.event.is_none());
        let is_as_before = by_device(&old) == by_device(new);
        for (device, organization) in &old.devices {
            if new.devices.get(device) != Some(organization) {
                forget(&mut self.devices, device, key);
                outbox.drop_device(key, device);
            } else if !is_as_before {
                forget(&mut self.devices, device, key);
            }
        }
        let interest = |organization| Interest {
            organization,
            outbox: Arc::clone(outbox),
            key,
            fields,
            crossings: new.kinds.crossings && new.event.is_none(),
            alerts: new.kinds.alerts,
            status: new.kinds.status,
        };
        for (&device, &organization) in &new.devices {
            let is_known = old.devices.get(&device) == Some(&organization);
            if is_known && is_as_before {
                continue;
            }
            self.devices.entry(device).or_default().push(interest(organization));
            if is_known {
                continue;
            }
            if let Some(last) =
                self.last.get(&device).filter(|last| last.organization == organization)
                && let Some(json) = fields.json(&last.position)
            {
                outbox.set_position(key, device, &json, last.position.faulty);
            }
            if new.kinds.status
                && let Some((owner, json)) = self.statuses.get(&device)
                && *owner == organization
            {
                outbox.set_status(key, device, json);
            }
        }
        if (old.event, old.kinds.crossings) != (new.event, new.kinds.crossings) {
            if let Some((event, _)) = old.event {
                forget(&mut self.events, &event, key);
                outbox.drop_events(key);
            }
            if let Some((event, organization)) = new.event.filter(|_| new.kinds.crossings) {
                self.events.entry(event).or_default().push(interest(organization));
            }
        }
        if (old.organization, old.kinds.alerts) != (new.organization, new.kinds.alerts) {
            if let Some(organization) = old.organization {
                forget(&mut self.organizations, &organization, key);
                outbox.drop_events(key);
            }
            if let Some(organization) = new.organization {
                self.organizations.entry(organization).or_default().push(interest(organization));
            }
        }
    }
}

/// A position in the forms that are asked for, each made once.
struct Texts<'a> {
    position: &'a LivePosition,
    written: Vec<(Fields, Arc<str>)>,
}

impl Texts<'_> {
    fn of(&mut self, fields: Fields) -> Option<Arc<str>> {
        if let Some((_, json)) = self.written.iter().find(|(written, _)| *written == fields) {
            return Some(Arc::clone(json));
        }
        let json = fields.json(self.position)?;
        self.written.push((fields, Arc::clone(&json)));
        Some(json)
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

pub(super) fn to_json(value: &impl serde::Serialize) -> Option<Arc<str>> {
    serde_json::to_string(value)
        .inspect_err(|error| tracing::warn!(%error, "a live item has no JSON form"))
        .ok()
        .map(Into::into)
}

#[cfg(test)]
mod tests;
