//! Geofences: a shape that encloses something, of the type that its kind asks for.

mod fault;
mod geojson;
mod nesting;
mod ring;
mod sweep;

use biplane_core::ErrorCode;
use serde_json::Value;

use crate::shown::shown;
use crate::{Call, Event, Need, Outcome, Rejection, Rule, Trigger};
use fault::{Fault, Kind};
use geojson::Geometry;

/// How many positions a geofence may have, closing ones included.
pub const MAX_POSITIONS: usize = 10_000;

/// The radius of a circle in metres.
const RADIUS_M: std::ops::RangeInclusive<f64> = 1.0..=1_000_000.0;

const FIELDS: &[&str] = &["kind", "geometry", "radius_m"];

/// A geofence has a valid geometry that fits its kind.
pub const VALIDATE: Rule = Rule {
    name: "geofence.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["geofences"],
        fields: FIELDS,
        flat: None,
    },
};

/// See [`VALIDATE`].
///
/// A patch that lacks one of the fields is judged together with what the items
/// hold: they have to be read first.
pub fn validate(call: &Call) -> Outcome {
    let judged = match call.event {
        Some(Event::Update) => {
            // The patch's own geometry first: it needs no read to be refused.
            let given = call.payload.get("geometry").map(Geometry::read).transpose();
            let missing = FIELDS.iter().any(|field| call.payload.get(field).is_none());
            match given {
                Err(fault) => Err(fault),
                Ok(None) if !FIELDS.iter().any(|field| call.payload.get(field).is_some()) => Ok(()),
                Ok(_) if !missing => judge(&call.payload),
                Ok(given) => match call.ctx.items() {
                    Ok(Some(items)) => judge_merged(&call.payload, given, items),
                    Ok(None) => {
                        return Outcome::need(Need::ItemsRead {
                            name: "items",
                            collection: call.ctx.collection.clone(),
                            keys: call.ctx.keys.clone(),
                            fields: FIELDS,
                            keep: false,
                        });
                    }
                    Err(rejection) => return Outcome::reject(rejection),
                },
            }
        }
        _ => judge(&call.payload),
    };
    judged.map_or_else(Outcome::reject, |()| Outcome::default())
}

/// Judges a whole item.
fn judge(item: &Value) -> Result<(), Fault> {
    let geometry = Geometry::read(item.get("geometry").unwrap_or(&Value::Null))?;
    let kind = Kind::read(item.get("kind"))?;
    fits(kind, &geometry, item.get("radius_m"))?;
    geometry.check()
}

/// Judges each item as the patch would leave it. A geometry of the patch is the
/// same for all and is checked once, however many items there are.
fn judge_merged(patch: &Value, given: Option<Geometry>, items: &[Value]) -> Result<(), Fault> {
    for item in items {
        let field = |name| patch.get(name).or_else(|| item.get(name));
        let kind = Kind::read(field("kind"))?;
        match &given {
            Some(geometry) => fits(kind, geometry, field("radius_m"))?,
            None => {
                let own = Geometry::read(item.get("geometry").unwrap_or(&Value::Null))?;
                fits(kind, &own, field("radius_m"))?;
                own.check()?;
            }
        }
    }
    given.map_or(Ok(()), |geometry| geometry.check())
}

/// Whether the kind allows this type of geometry and has what else it needs.
fn fits(kind: Kind, geometry: &Geometry, radius_m: Option<&Value>) -> Result<(), Fault> {
    let fits = matches!(
        (kind, geometry),
        (Kind::Polygon, Geometry::Polygon(_) | Geometry::MultiPolygon(_))
            | (Kind::Circle, Geometry::Point(_))
            | (Kind::Gate, Geometry::LineString(_))
    );
    if !fits {
        return Err(Fault::KindMismatch { kind, found: geometry.type_name() });
    }
    if kind == Kind::Circle { radius(radius_m) } else { Ok(()) }
}

fn radius(value: Option<&Value>) -> Result<(), Fault> {
    let metres = match value {
        None | Some(Value::Null) => return Err(Fault::RadiusMissing),
        // Forms and CSV imports send numbers as text.
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_f64(),
    };
    match metres {
        Some(metres) if RADIUS_M.contains(&metres) => Ok(()),
        _ => Err(Fault::Radius { found: shown(value.unwrap_or(&Value::Null)) }),
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        let code: ErrorCode = fault.code();
        let mut rejection = Self::field(code, fault.field(), fault.to_string());
        rejection.at = fault.at().map(|at| [at.x, at.y]);
        rejection
    }
}

#[cfg(test)]
mod tests;
