//! What a user may see of a topic, as Directus says.

use std::collections::BTreeMap;

use biplane_core::live::LiveEvent;
use biplane_core::{DeviceId, EventId, OrganizationId};
use biplane_store::Happened;

/// What a user may see of a topic, with the tenant that it belongs to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whose positions.
    pub devices: BTreeMap<DeviceId, OrganizationId>,
    /// What else, of these devices and of what follows.
    pub kinds: Kinds,
    /// This event's crossings, instead of those of the devices.
    pub event: Option<(EventId, OrganizationId)>,
    /// What concerns no device of this organization.
    pub organization: Option<OrganizationId>,
}

/// Kinds of [`biplane_core::live::LiveEvent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Crossings, and their retractions.
    pub crossings: bool,
    /// Alerts.
    pub alerts: bool,
    /// Which devices are connected.
    pub status: bool,
}

impl Allowed {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.event.is_none() && self.organization.is_none()
    }

    /// Whether any of it is this organization's.
    pub fn is_of(&self, organization: OrganizationId) -> bool {
        self.organization == Some(organization)
            || self.event.is_some_and(|(_, owner)| owner == organization)
            || self.devices.values().any(|owner| *owner == organization)
    }

    /// Whether what happened may be told to who may see this.
    pub fn shows(&self, happened: &Happened) -> bool {
        let is_of_device = || {
            let device = happened.device.and_then(|device| self.devices.get(&device));
            device.is_some() && device == happened.organization.as_ref()
        };
        match &happened.what {
            LiveEvent::Crossing(_) | LiveEvent::Retraction(_) => {
                self.kinds.crossings
                    && match self.event {
                        Some((event, owner)) => {
                            happened.event == Some(event) && happened.organization == Some(owner)
                        }
                        None => is_of_device(),
                    }
            }
            LiveEvent::Alert(_) => {
                self.kinds.alerts
                    && (is_of_device()
                        || happened.device.is_none() && happened.organization == self.organization)
            }
            LiveEvent::Status(_) => self.kinds.status && is_of_device(),
            LiveEvent::Access(_) => false,
        }
    }
}
