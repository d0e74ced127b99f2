//! The rules as a WebAssembly module, what geofences measure, and the drift of the schema. What crosses is
//! converted here; what it means is in `biplane-rules` and `biplane-schema`.
//!
//! `call` answers an [`Outcome`] in every case that it foresees, a badly made call included: whatever it
//! throws is a crash, and the host replaces the instance.

mod panic;

use biplane_core::ErrorCode;
use biplane_rules::{Call, FlatGeometry, Geometry, Outcome, Rejection};
use biplane_schema::{Drift, DriftTexts};
use serde::Serialize;
use serde_json::json;
use wasm_bindgen::prelude::*;

/// Runs whenever an instance comes to life.
#[wasm_bindgen(start)]
pub fn start() {
    panic::keep_message();
}

/// The module's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Which rules there are and what they apply to, as JSON.
#[wasm_bindgen]
pub fn manifest() -> String {
    to_json(&biplane_rules::manifest())
}

/// Runs one rule: a [`Call`] as JSON, to an [`Outcome`] as JSON. One text costs less at the border than
/// an object, whose every field is a call. The last four are a [`FlatGeometry`], where the host took one
/// out of the payload: numbers in rows cost nothing.
#[wasm_bindgen]
pub fn call(
    call: &str,
    flat_type: Option<String>,
    flat_rings: Option<Vec<u32>>,
    flat_polygons: Option<Vec<u32>>,
    flat_coordinates: Option<Vec<f64>>,
) -> String {
    let flat = flat_type.map(|type_name| FlatGeometry {
        type_name,
        rings: flat_rings.unwrap_or_default(),
        polygons: flat_polygons.unwrap_or_default(),
        coordinates: flat_coordinates.unwrap_or_default(),
    });
    let outcome = match serde_json::from_str::<Call>(call) {
        Ok(call) => biplane_rules::call(&Call { flat, ..call }),
        Err(error) => {
            Outcome::reject(Rejection::contract(format!("a rule call is wrong: {error}")))
        }
    };
    to_json(&outcome)
}

/// What a geofence measures while it is drawn: `{area_m2, perimeter_m}` as JSON, in metres; of a gate the
/// area is null. Null where there is nothing that could be measured.
#[wasm_bindgen]
pub fn measure(
    type_name: String,
    rings: Vec<u32>,
    polygons: Vec<u32>,
    coordinates: Vec<f64>,
    radius_m: Option<f64>,
) -> String {
    let flat = FlatGeometry { type_name, rings, polygons, coordinates };
    let measures = Geometry::of_flat(&flat).ok().and_then(|shape| shape.measure(radius_m));
    to_json(&measures.map(
        |measures| json!({ "area_m2": measures.area_m2, "perimeter_m": measures.perimeter_m }),
    ))
}

/// What differs between a database and its snapshot: a `Drift`, or `{error: {code, message}}` where
/// a text can't be read; as JSON. Snapshots are YAML or JSON; `target` is the base again where there is
/// none.
#[wasm_bindgen]
pub fn schema_drift(
    base: Option<String>,
    base_hash: Option<String>,
    running: &str,
    target: &str,
    lineage: &str,
) -> String {
    let (base, base_hash) = (base.as_deref(), base_hash.as_deref());
    match Drift::read(DriftTexts { base, base_hash, running, target, lineage }) {
        Ok(drift) => to_json(&drift),
        Err(error) => {
            let error = Refusal { code: error.code(), message: error.to_string() };
            to_json(&Refused { error })
        }
    }
}

#[derive(Serialize)]
struct Refused {
    error: Refusal,
}

#[derive(Serialize)]
struct Refusal {
    code: ErrorCode,
    message: String,
}

/// Why the last call of this instance crashed, if it was a panic.
#[wasm_bindgen]
pub fn last_panic() -> Option<String> {
    panic::message()
}

/// The instance's memory in bytes; it only ever grows.
#[wasm_bindgen]
pub fn memory_bytes() -> usize {
    #[cfg(target_family = "wasm")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_family = "wasm"))]
    let pages = 0;
    pages * 65_536
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("names and values of JSON's own kinds")
}
