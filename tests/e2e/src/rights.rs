//! The table in config/README.md.

/// The least role that may do something.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Least {
    /// Every member.
    Viewer,
    /// Who runs events.
    Operator,
    /// Who runs the organization.
    Manager,
    /// No member at all.
    Nobody,
}

use Least::{Manager, Nobody, Operator};

/// Who may create, update and delete in a collection.
pub const RIGHTS: [(&str, Least, Least, Least); 16] = [
    ("organizations", Nobody, Manager, Nobody),
    ("organization_members", Manager, Manager, Manager),
    ("devices", Manager, Operator, Manager),
    ("device_profiles", Operator, Operator, Operator),
    ("events", Operator, Operator, Manager),
    ("entries", Operator, Operator, Operator),
    ("checkpoints", Operator, Operator, Operator),
    ("geofences", Operator, Operator, Operator),
    ("crossings", Nobody, Nobody, Nobody),
    ("crossing_edits", Operator, Nobody, Nobody),
    ("position_flags", Operator, Operator, Operator),
    ("commands", Operator, Operator, Nobody),
    ("command_transitions", Nobody, Nobody, Nobody),
    ("alerts", Nobody, Operator, Nobody),
    ("device_status", Nobody, Nobody, Nobody),
    ("trips", Nobody, Nobody, Nobody),
];
