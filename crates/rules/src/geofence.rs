//! Geofences: a shape that encloses something, of the type that its kind asks for.

mod kind;

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use biplane_geometry::{Fault, Geometry};
use serde_json::Value;

use crate::{Call, Event, Outcome, Rejection, Rule, Trigger};
use kind::Kind;

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
        flat: Some("geometry"),
    },
};

/// See [`VALIDATE`]. A geometry that is not as it should be, but leaves no doubt, is set right.
pub fn validate(call: &Call) -> Outcome {
    match decide(call) {
        Ok(Decision::Allowed { repaired }) => {
            let patch =
                repaired.map(|geometry| [("geometry".to_owned(), geometry)].into_iter().collect());
            Outcome { patch, ..Outcome::default() }
        }
        Ok(Decision::Unknown) => Outcome::need(call.ctx.ask_items(FIELDS)),
        Err(rejection) => Outcome::reject(rejection),
    }
}

enum Decision {
    /// With the geometry as it should have come, where it came otherwise.
    Allowed { repaired: Option<Value> },
    /// The items have to be read first.
    Unknown,
}

/// A patch that lacks one of the fields is judged together with what the items hold. Its own geometry is
/// the same for all of them and judged once, and needs no read to be refused.
fn decide(call: &Call) -> Result<Decision, Rejection> {
    let payload = &call.payload;
    let geometry = match &call.flat {
        Some(flat) => Some(Geometry::of_flat(flat)?),
        None => payload.get("geometry").map(Geometry::read).transpose()?,
    };
    let (kind, radius_m) = (payload.get("kind"), payload.get("radius_m"));
    if call.event != Some(Event::Update) {
        let geometry = geometry.ok_or(Fault::Missing)?;
        fits(Kind::read(kind)?, &geometry, radius_m)?;
        return Ok(Decision::Allowed { repaired: geometry.judge()? });
    }
    let given = [geometry.is_some(), kind.is_some(), radius_m.is_some()];
    if given == [false; 3] {
        return Ok(Decision::Allowed { repaired: None });
    }
    let items = match call.ctx.items()? {
        _ if given == [true; 3] => std::slice::from_ref(payload),
        Some(items) => items,
        None => return Ok(Decision::Unknown),
    };
    for item in items {
        let field = |name| payload.get(name).or_else(|| item.get(name));
        let kind = Kind::read(field("kind"))?;
        match &geometry {
            Some(geometry) => fits(kind, geometry, field("radius_m"))?,
            None => {
                let own = Geometry::read(item.get("geometry").unwrap_or(&Value::Null))?;
                fits(kind, &own, field("radius_m"))?;
                own.judge()?;
            }
        }
    }
    let repaired = geometry.map(Geometry::judge).transpose()?.flatten();
    Ok(Decision::Allowed { repaired })
}

/// Whether the kind allows this type of geometry and has what else it needs.
fn fits(kind: Kind, geometry: &Geometry, radius_m: Option<&Value>) -> Result<(), Rejection> {
    let fits = matches!(
        (kind, geometry),
        (Kind::Polygon, Geometry::Polygon(_) | Geometry::MultiPolygon(_))
            | (Kind::Circle, Geometry::Point(_))
            | (Kind::Gate, Geometry::LineString(_))
    );
    if !fits {
        let (kind, needed, found) = (kind.as_str(), kind.geometry(), geometry.type_name());
        let message = format!("geometry: a {kind} geofence needs a {needed}, not a {found}");
        return Err(Rejection::field(ErrorCode::GeofenceKind, "geometry", message));
    }
    if kind == Kind::Circle { radius(radius_m) } else { Ok(()) }
}

fn radius(value: Option<&Value>) -> Result<(), Rejection> {
    let wrong = |message| Err(Rejection::field(ErrorCode::GeofenceRadius, "radius_m", message));
    let metres = match value {
        None | Some(Value::Null) => {
            return wrong("radius_m: is required for a circle: 1 to 1000000 metres".to_owned());
        }
        // Forms and CSV imports send numbers as text.
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_f64(),
    };
    match metres {
        Some(metres) if RADIUS_M.contains(&metres) => Ok(()),
        _ => {
            let found = shown(value.unwrap_or(&Value::Null));
            wrong(format!("radius_m: {found} is not a radius between 1 and 1000000 metres"))
        }
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        let mut rejection = Self::field(fault.code(), "geometry", fault.to_string());
        rejection.at = fault.at().map(|at| [at.x, at.y]);
        rejection
    }
}

#[cfg(test)]
mod tests;
