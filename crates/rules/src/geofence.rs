//! Geofences: a shape that encloses something, of the type that its kind asks for.

mod kind;

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use biplane_core::visits::{Watch, WatchError};
use biplane_geometry::{Fault, Geometry};
use serde_json::{Map, Value};

use crate::{Call, Event, Outcome, Rejection, Rule, Trigger};
use kind::Kind;

/// The radius of a circle in metres.
const RADIUS_M: std::ops::RangeInclusive<f64> = 1.0..=1_000_000.0;

const FIELDS: &[&str] = &["kind", "geometry", "radius_m", "dwell_s", "hysteresis_m", "alert_on"];
/// What makes a shape.
const SHAPE: &[&str] = &["kind", "geometry", "radius_m"];
/// What is asked to be told of visits.
const WATCH: [&str; 2] = ["dwell_s", "hysteresis_m"];
/// Which crossings are alerts.
const ALERT_ON: [&str; 3] = ["enter", "exit", "any"];

/// A geofence has a valid geometry that fits its kind, and asks for visits only where there can be any.
pub const VALIDATE: Rule = Rule {
    name: "geofence.validate",
    trigger: Trigger::Filter {
        events: &[Event::Create, Event::Update],
        collections: &["geofences"],
        fields: FIELDS,
        flat: Some("geometry"),
    },
};

/// See [`VALIDATE`]. A geometry that is not as it should be, but leaves no doubt, is set right; what
/// becomes a gate no longer asks for visits.
pub fn validate(call: &Call) -> Outcome {
    match decide(call) {
        Ok(Decision::Allowed { patch }) => {
            Outcome { patch: (!patch.is_empty()).then_some(patch), ..Outcome::default() }
        }
        Ok(Decision::Unknown(fields)) => Outcome::need(call.ctx.ask_items(fields)),
        Err(rejection) => Outcome::reject(rejection),
    }
}

enum Decision {
    /// With what should have come otherwise.
    Allowed { patch: Map<String, Value> },
    /// These fields of the items have to be read first.
    Unknown(&'static [&'static str]),
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
    let asked = asked(payload)?;
    alerts(payload.get("alert_on"))?;
    if call.event != Some(Event::Update) {
        let (geometry, kind) = (geometry.ok_or(Fault::Missing)?, Kind::read(kind)?);
        fits(kind, &geometry, radius_m)?;
        encloses(kind, asked)?;
        return Ok(Decision::Allowed { patch: geometry_of(geometry.judge()?) });
    }
    let given = [geometry.is_some(), kind.is_some(), radius_m.is_some()];
    let is_shape = given != [false; 3];
    if !is_shape && asked.is_none() {
        return Ok(Decision::Allowed { patch: Map::new() });
    }
    let items = match call.ctx.items()? {
        _ if given == [true; 3] => std::slice::from_ref(payload),
        Some(items) => items,
        None => return Ok(Decision::Unknown(if is_shape { SHAPE } else { &SHAPE[..1] })),
    };
    for item in items {
        let field = |name| payload.get(name).or_else(|| item.get(name));
        let kind = Kind::read(field("kind"))?;
        encloses(kind, asked)?;
        match &geometry {
            Some(geometry) => fits(kind, geometry, field("radius_m"))?,
            None if is_shape => {
                let own = Geometry::read(item.get("geometry").unwrap_or(&Value::Null))?;
                fits(kind, &own, field("radius_m"))?;
                own.judge()?;
            }
            None => {}
        }
    }
    let mut patch = geometry_of(geometry.map(Geometry::judge).transpose()?.flatten());
    // What the form hides nobody could empty there.
    if kind.and_then(Value::as_str) == Some(Kind::Gate.as_str()) {
        let left = WATCH.iter().filter(|name| payload.get(**name).is_none());
        patch.extend(left.map(|name| ((*name).to_owned(), Value::Null)));
    }
    Ok(Decision::Allowed { patch })
}

/// The geometry as it should have come, where it came otherwise.
fn geometry_of(repaired: Option<Value>) -> Map<String, Value> {
    repaired.map(|geometry| ("geometry".to_owned(), geometry)).into_iter().collect()
}

/// The first field that asks for something of visits, where all that do ask for what there is.
fn asked(payload: &Value) -> Result<Option<&'static str>, Rejection> {
    let mut asked = None;
    for name in WATCH {
        let Some(value) = payload.get(name).filter(|value| !value.is_null()) else { continue };
        let number = match value {
            // Forms and CSV imports send numbers as text.
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_f64(),
        };
        let number = number.unwrap_or(f64::NAN);
        let judged = match name {
            "dwell_s" => Watch::dwell_s(number).map(drop),
            _ => Watch::hysteresis_m(number).map(drop),
        };
        judged.map_err(|WatchError { field, wanted, .. }| {
            let message = format!("{field}: {} is not {wanted}", shown(value));
            Rejection::field(ErrorCode::GeofenceDwell, field, message)
        })?;
        asked = asked.or(Some(name));
    }
    Ok(asked)
}

/// Whether crossings can be alerts in this way.
fn alerts(value: Option<&Value>) -> Result<(), Rejection> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(way)) if ALERT_ON.contains(&way.as_str()) => Ok(()),
        Some(other) => {
            let message = format!("alert_on: {} is none of enter, exit and any", shown(other));
            Err(Rejection::field(ErrorCode::GeofenceAlert, "alert_on", message))
        }
    }
}

/// Whether there is an inside, where something is asked of visits.
fn encloses(kind: Kind, asked: Option<&'static str>) -> Result<(), Rejection> {
    match asked {
        Some(field) if kind == Kind::Gate => {
            let message = format!("{field}: nothing is inside of a gate; leave it empty");
            Err(Rejection::field(ErrorCode::GeofenceDwell, field, message))
        }
        _ => Ok(()),
    }
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
