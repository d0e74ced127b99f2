//! Which collections are guarded, and what of them.

/// A collection that belongs to organizations and that people write to.
pub struct Guarded {
    pub collection: &'static str,
    /// Where it points to other items that belong to an organization.
    pub references: &'static [Reference],
    /// Whether an operator may not create in it.
    pub managers_create: bool,
    /// What an operator may not change.
    pub managers_change: &'static [&'static str],
    /// What of an existing item counts.
    pub read: &'static [&'static str],
}

/// A field that points to an item of another collection.
pub struct Reference {
    pub field: &'static str,
    pub collection: &'static str,
}

impl Guarded {
    /// The fields whose change is this rule's business.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        let references = self.references.iter().map(|reference| reference.field);
        std::iter::once("organization")
            .chain(references)
            .chain(self.managers_change.iter().copied())
    }
}

const DEVICE: Reference = Reference { field: "device", collection: "devices" };
const PROFILE: Reference = Reference { field: "profile", collection: "device_profiles" };
const EVENT: Reference = Reference { field: "event", collection: "events" };
const GEOFENCE: Reference = Reference { field: "geofence", collection: "geofences" };
const CHECKPOINT: Reference = Reference { field: "checkpoint", collection: "checkpoints" };
const ENTRY: Reference = Reference { field: "entry", collection: "entries" };
const CROSSING: Reference = Reference { field: "crossing", collection: "crossings" };
const EDIT: Reference = Reference { field: "edit", collection: "crossing_edits" };

/// Nothing that operators may not do as well.
const fn operated(
    collection: &'static str,
    references: &'static [Reference],
    read: &'static [&'static str],
) -> Guarded {
    Guarded { collection, references, managers_create: false, managers_change: &[], read }
}

/// Only managers create in it and change these fields.
const fn managed(collection: &'static str, managers_change: &'static [&'static str]) -> Guarded {
    Guarded {
        collection,
        references: &[],
        managers_create: true,
        managers_change,
        read: &["organization"],
    }
}

/// Crossings and device status are not here: the processor alone writes them.
pub const GUARDED: &[Guarded] = &[
    managed("organization_members", &["user", "role"]),
    Guarded {
        references: &[PROFILE],
        read: &["organization", "profile"],
        ..managed("devices", &["imei", "protocol"])
    },
    operated("device_profiles", &[], &["organization"]),
    operated("events", &[], &["organization"]),
    operated("geofences", &[], &["organization"]),
    operated("entries", &[EVENT, DEVICE], &["organization", "event", "device"]),
    operated("checkpoints", &[EVENT, GEOFENCE], &["organization", "event", "geofence"]),
    operated(
        "crossing_edits",
        &[CROSSING, ENTRY, CHECKPOINT, EDIT],
        &["organization", "crossing", "entry", "checkpoint", "edit"],
    ),
    operated("position_flags", &[DEVICE], &["organization", "device"]),
    operated("commands", &[DEVICE], &["organization", "device"]),
    operated(
        "alerts",
        &[DEVICE, EVENT, GEOFENCE],
        &["organization", "device", "event", "geofence"],
    ),
];

/// The names in [`GUARDED`].
pub const COLLECTIONS: &[&str] = &[
    "organization_members",
    "devices",
    "device_profiles",
    "events",
    "geofences",
    "entries",
    "checkpoints",
    "crossing_edits",
    "position_flags",
    "commands",
    "alerts",
];

/// All fields of all of [`GUARDED`].
pub const FIELDS: &[&str] = &[
    "organization",
    "user",
    "role",
    "imei",
    "protocol",
    "profile",
    "event",
    "device",
    "geofence",
    "crossing",
    "entry",
    "checkpoint",
    "edit",
];
