//! A line with fewer positions, for a message or a picture.

use biplane_core::ErrorCode;
use biplane_core::geodesy::Point;
use biplane_core::simplify::simplify_line;
use serde_json::{Value, json};

use crate::request::{Parameter, ParameterKind, Place, answered};
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
            Parameter::new(
                "track",
                Place::Option,
                ParameterKind::Json,
                "A GeoJSON LineString, or a template that is one.",
            )
            .required(),
            Parameter::new(
                "tolerance_m",
                Place::Option,
                ParameterKind::Number { min: 0.0, max: 100_000.0, unit: "m" },
                "How far the new line may be from the old one.",
            )
            .or("20"),
        ],
        together: false,
    },
};

/// See [`SIMPLIFY`].
pub fn simplify(call: &Call) -> Outcome {
    answered(call, &SIMPLIFY, |arguments| {
        let tolerance_m = arguments.number("tolerance_m").unwrap_or_default();
        let (positions, places) = read(arguments.json("track").unwrap_or(&Value::Null))?;
        let kept: Vec<_> = simplify_line(&places, tolerance_m)
            .into_iter()
            .map(|index| positions[index].clone())
            .collect();
        Ok::<_, Rejection>(Outcome::result(json!({
            "positions": kept.len(),
            "of": positions.len(),
            "track": { "type": "LineString", "coordinates": kept },
        })))
    })
}

/// The positions as they came, and where they are.
fn read(track: &Value) -> Result<(&[Value], Vec<Point>), Rejection> {
    let wrong = |why: String| {
        Rejection::field(ErrorCode::ParameterInvalid, "track", format!("track: {why}"))
    };
    if track["type"] != "LineString" {
        return Err(wrong(format!("its type is {}, not `LineString`", shown(&track["type"]))));
    }
    let Some(positions) = track["coordinates"].as_array() else {
        return Err(wrong("it has no array of coordinates".to_owned()));
    };
    if positions.len() > MOST {
        return Err(wrong(format!("it has {} positions, more than {MOST}", positions.len())));
    }
    let place = |(index, position): (usize, &Value)| {
        let place = Point {
            lon: position[0].as_f64().unwrap_or(f64::NAN),
            lat: position[1].as_f64().unwrap_or(f64::NAN),
        };
        place.is_on_earth().then_some(place).ok_or_else(|| {
            wrong(format!(
                "position {index} is not a longitude within ±180 and a latitude within ±90"
            ))
        })
    };
    let places = positions.iter().enumerate().map(place).collect::<Result<Vec<_>, _>>()?;
    Ok((positions, places))
}
