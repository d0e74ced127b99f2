//! What Directus asks: is this item allowed, and what follows from it?
//!
//! A rule is a pure function from a [`Call`] to an [`Outcome`]. What it has to
//! know and was not told it asks for ([`Need`]): the host reads it with the
//! caller's own permissions and calls again with the answers. Nothing outlives a
//! call, so a crash costs one request.
//!
//! The [`manifest`] says which rule applies where; the host registers what it
//! finds there and decides nothing. A new rule is a function and its entry in
//! the table below.

mod after;
mod call;
mod command;
mod course;
mod device;
mod entry;
mod event;
mod fences;
mod flags;
mod fleet;
mod geofence;
mod judge;
mod limits;
mod manifest;
mod openapi;
mod operation;
mod positions;
mod preview;
mod profile;
mod request;
mod results;
mod review;
mod sheet;
mod span;
mod tenancy;
#[cfg(test)]
mod typescript;

pub use biplane_geometry::{FlatGeometry, Geometry, MAX_POSITIONS};
pub use call::{
    Answer, Attempt, Call, Claimed, Context, Effect, Kind, Level, MAX_POSITION_ROWS, Need, Outcome,
    PositionField, Rejection, StreamEntry,
};
pub use judge::{Judged, has_rules, judge};
pub use limits::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, fits};
pub use manifest::{Code, Event, Manifest, Rule, Trigger};
pub use openapi::openapi;
pub use request::{Access, Arguments, Method, Parameter, ParameterKind, Place, Request};

/// The version of what crosses between host and module.
pub const ABI: u32 = 7;

/// A rule as it stands in the table: where it applies, and what it does.
struct Entry {
    rule: Rule,
    run: fn(&Call) -> Outcome,
}

/// In the order in which they are asked: whether it is the caller's to write comes first.
const RULES: &[Entry] = &[
    Entry { rule: tenancy::MEMBER, run: tenancy::member },
    Entry { rule: geofence::VALIDATE, run: geofence::validate },
    Entry { rule: device::VALIDATE, run: device::validate },
    Entry { rule: profile::VALIDATE, run: profile::validate },
    Entry { rule: entry::VALIDATE, run: entry::validate },
    Entry { rule: event::VALIDATE, run: event::validate },
    Entry { rule: event::CHECKPOINT, run: event::checkpoint },
    Entry { rule: course::CHECKPOINTS, run: course::checkpoints },
    Entry { rule: course::GEOFENCES, run: course::geofences },
    Entry { rule: review::POSITION_FLAG, run: review::position_flag },
    Entry { rule: review::CROSSING_EDIT, run: review::crossing_edit },
    Entry { rule: positions::DEVICE, run: positions::device },
    Entry { rule: positions::ENTRY, run: positions::entry },
    Entry { rule: positions::EVENT, run: positions::event },
    Entry { rule: results::RESULTS, run: results::results },
    Entry { rule: fences::CHECK, run: fences::check },
    Entry { rule: flags::FLAG, run: flags::flag },
    Entry { rule: fleet::HEALTH, run: fleet::health },
    Entry { rule: preview::FLAG, run: preview::flag },
    Entry { rule: preview::REMOVAL, run: preview::removal },
    Entry { rule: preview::READ, run: preview::read },
    Entry { rule: preview::RECOMPUTES, run: preview::recomputes },
    Entry { rule: fences::CHECK_IN_FLOW, run: fences::check_in_flow },
    Entry { rule: operation::item::VALIDATE, run: operation::item::validate },
    Entry { rule: operation::track::SIMPLIFY, run: operation::track::simplify },
    Entry { rule: operation::crossing::FORMAT, run: operation::crossing::format },
    Entry { rule: operation::report::DAILY, run: operation::report::daily },
    Entry { rule: command::VALIDATE, run: command::validate },
    Entry { rule: command::LIST, run: command::list },
    Entry { rule: command::ROUTE, run: command::route },
];

/// Which rules there are and what they apply to.
pub fn manifest() -> Manifest {
    Manifest::new(ABI, RULES.iter().map(|entry| entry.rule).collect())
}

/// Runs one rule.
pub fn call(call: &Call) -> Outcome {
    let entry =
        RULES.iter().find(|entry| entry.rule.kind() == call.kind && entry.rule.name == call.name);
    match entry {
        Some(entry) => (entry.run)(call),
        None => Outcome::reject(Rejection::contract(format!(
            "there is no {} rule `{}`",
            call.kind.as_str(),
            call.name
        ))),
    }
}
