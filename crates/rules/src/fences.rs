//! Which geofences hold a place, and why: as an endpoint and as a step of a Flow.

use biplane_core::ErrorCode;
use biplane_core::geodesy::Point;
use biplane_core::geofence::Shape;
use serde_json::{Value, json};

use crate::request::{Access, Method, Parameter, ParameterKind, Place, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};

/// How many geofences are looked at.
const MOST: u32 = 2_000;

const FIELDS: &[&str] = &["id", "name", "kind", "geometry", "radius_m", "organization"];

const fn degrees(
    name: &'static str,
    place: Place,
    most: f64,
    description: &'static str,
) -> Parameter {
    let kind = ParameterKind::Number { min: -most, max: most, unit: "degrees" };
    Parameter::new(name, place, kind, description).required()
}

const fn asked(place: Place) -> [Parameter; 4] {
    [
        degrees("lat", place, 90.0, "WGS 84, north positive."),
        degrees("lon", place, 180.0, "WGS 84, east positive."),
        Parameter::new(
            "organization",
            place,
            ParameterKind::Uuid,
            "Only geofences of this organization.",
        ),
        Parameter::new(
            "within_m",
            place,
            ParameterKind::Number { min: 0.0, max: 100_000.0, unit: "m" },
            "Also those whose border is no farther than this; gates hold nothing and are only found \
             so.",
        )
        .or("0"),
    ]
}

/// For programs.
pub const CHECK: Rule = Rule {
    name: "geofence.check",
    trigger: Trigger::Endpoint {
        method: Method::Post,
        path: "/geofences/check",
        access: Access::Users,
        summary: "Which active geofences hold a place, and why",
        parameters: &asked(Place::Body),
        answers: &["application/json"],
    },
};

/// For Flows.
pub const CHECK_IN_FLOW: Rule = Rule {
    name: "geofence.check",
    trigger: Trigger::Operation {
        label: "Biplane: check geofences",
        icon: "share_location",
        description: "Which active geofences hold a place, and how far their borders are.",
        options: &asked(Place::Option),
        together: false,
    },
};

/// See [`CHECK`].
pub fn check(call: &Call) -> Outcome {
    decide(call, &CHECK, |found| Outcome::json(&json!({ "data": found })))
}

/// See [`CHECK_IN_FLOW`].
pub fn check_in_flow(call: &Call) -> Outcome {
    decide(call, &CHECK_IN_FLOW, |found| {
        let inside = found.iter().any(|fence| fence["inside"] == true);
        Outcome::result(json!({ "inside": inside, "geofences": found }))
    })
}

fn decide(call: &Call, rule: &Rule, told: impl FnOnce(Vec<Value>) -> Outcome) -> Outcome {
    answered(call, rule, |arguments| {
        let number = |name| arguments.number(name).unwrap_or_default();
        let (at, within_m) = (Point { lat: number("lat"), lon: number("lon") }, number("within_m"));
        let Some(fences) = call.ctx.answer("geofences")? else {
            let filter = near(at, within_m, arguments.text("organization"));
            let need = Need::find("geofences", "geofences", filter, FIELDS, MOST + 1);
            return Ok(Outcome::need(need));
        };
        if fences.len() > MOST as usize {
            let message = format!("organization: there are more than {MOST} geofences; name one");
            return Err(Rejection::new(ErrorCode::TooMuch, message));
        }
        let mut found: Vec<_> =
            fences.iter().filter_map(|fence| look(fence, at, within_m)).collect();
        found.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        Ok(told(found.into_iter().map(|(fence, _)| fence).collect()))
    })
}

/// Polygons by their box, which the database has an index for; circles and gates all.
fn near(at: Point, within_m: f64, organization: Option<&str>) -> Value {
    let north = within_m / 111_000.0 + 1e-6;
    let east = north / at.lat.to_radians().cos().max(0.01);
    let (west, east) = ((at.lon - east).max(-180.0), (at.lon + east).min(180.0));
    let (south, north) = ((at.lat - north).max(-90.0), (at.lat + north).min(90.0));
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    let over = json!({ "type": "Polygon", "coordinates": [ring] });
    let mut all = vec![
        json!({ "status": { "_eq": "active" } }),
        json!({ "_or": [
            { "kind": { "_neq": "polygon" } },
            { "geometry": { "_intersects_bbox": over } },
        ] }),
    ];
    all.extend(organization.map(|it| json!({ "organization": { "_eq": it } })));
    json!({ "_and": all })
}

/// What is told of a fence that holds the place or is near, with how far the border is.
fn look(fence: &Value, at: Point, within_m: f64) -> Option<(Value, f64)> {
    let kind = fence["kind"].as_str()?;
    // What was stored by others than the rules may be no shape, and then holds nothing.
    let shape = Shape::from_geojson(kind, &fence["geometry"], fence["radius_m"].as_f64()).ok()?;
    let (inside, distance_m) = (shape.contains(at), shape.distance_to_border_m(at));
    if !inside && distance_m > within_m {
        return None;
    }
    let why = match (kind, inside) {
        ("gate", _) => format!("{distance_m:.1} m from the line"),
        (_, true) => format!("{distance_m:.1} m inside the border of the {kind}"),
        (_, false) => format!("{distance_m:.1} m outside the border of the {kind}"),
    };
    let told = json!({
        "geofence": fence["id"],
        "name": fence["name"],
        "organization": fence["organization"],
        "kind": kind,
        "inside": inside,
        "distance_m": (distance_m * 1_000.0).round() / 1_000.0,
        "why": why,
    });
    Some((told, if inside { -distance_m } else { distance_m }))
}
