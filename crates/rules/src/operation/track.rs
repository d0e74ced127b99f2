//! A line with fewer positions, for a message or a picture.

use biplane_core::ErrorCode;
use biplane_core::geodesy::Point;
use biplane_core::simplify::simplify_line;
use serde_json::{Value, json};

use crate::request::{Arguments, Parameter, ParameterKind, Place};
use crate::{Call, Outcome, Rejection, Rule, Trigger};
use biplane_core::shown::shown;

/// How many positions a line may have.
const MOST: usize = 20_000;

/// Leaves out what is near the line between the others.
pub const SIMPLIFY: Rule = Rule {
    name: "track.simplify",
    trigger: Trigger::Operation {
        label: "Biplane: simplify track",
        icon: "timeline",
        description: "A GeoJSON LineString with fewer positions, never farther from the original than a tolerance.",
        options: &[
            Parameter {
                name: "track",
                place: Place::Option,
                kind: ParameterKind::Json,
                required: true,
                default: None,
                description: "A GeoJSON LineString, or a template that is one.",
            },
            Parameter {
                name: "tolerance_m",
                place: Place::Option,
                kind: ParameterKind::Number { min: 0.0, max: 100_000.0, unit: "m" },
                required: false,
                default: Some("20"),
                description: "How far the new line may be from the old one.",
            },
        ],
    },
};

/// See [`SIMPLIFY`].
pub fn simplify(call: &Call) -> Outcome {
    let arguments = match Arguments::read(call, SIMPLIFY.parameters()) {
        Ok(arguments) => arguments,
        Err(faults) => return Outcome::rejections(faults),
    };
    let tolerance_m = arguments.number("tolerance_m").unwrap_or_default();
    let track = arguments.json("track").unwrap_or(&Value::Null);
    match read(track) {
        Ok((positions, places)) => {
            let kept: Vec<_> = simplify_line(&places, tolerance_m)
                .into_iter()
                .map(|index| positions[index].clone())
                .collect();
            Outcome::result(json!({
                "positions": kept.len(),
                "of": positions.len(),
                "track": { "type": "LineString", "coordinates": kept },
            }))
        }
        Err(why) => Outcome::reject(Rejection::field(
            ErrorCode::ParameterInvalid,
            "track",
            format!("track: {why}"),
        )),
    }
}

/// The positions as they came, and where they are.
fn read(track: &Value) -> Result<(&[Value], Vec<Point>), String> {
    if track["type"] != "LineString" {
        return Err(format!("its type is {}, not `LineString`", shown(&track["type"])));
    }
    let Some(positions) = track["coordinates"].as_array() else {
        return Err("it has no array of coordinates".to_owned());
    };
    if positions.len() > MOST {
        return Err(format!("it has {} positions, more than {MOST}", positions.len()));
    }
    let place = |(index, position): (usize, &Value)| {
        let place = Point {
            lon: position[0].as_f64().unwrap_or(f64::NAN),
            lat: position[1].as_f64().unwrap_or(f64::NAN),
        };
        let wrong =
            || format!("position {index} is not a longitude within ±180 and a latitude within ±90");
        place.is_on_earth().then_some(place).ok_or_else(wrong)
    };
    let places = positions.iter().enumerate().map(place).collect::<Result<Vec<_>, _>>()?;
    Ok((positions, places))
}
