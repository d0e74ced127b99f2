//! The rules as a WebAssembly module, and the drift of the schema. What crosses is
//! converted here; what it means is in `biplane-rules` and `biplane-schema`.
//!
//! `call` answers an [`Outcome`](biplane_rules::Outcome) in every case that it
//! foresees, a badly made call included: whatever it throws is a crash, and the
//! host replaces the instance.

mod panic;

use biplane_core::ErrorCode;
use biplane_rules::{Call, Context, Event, FlatGeometry, Kind, Outcome, Rejection};
use biplane_schema::{Drift, DriftTexts};
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
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

/// Which rules there are and what they apply to.
#[wasm_bindgen]
pub fn manifest() -> Result<JsValue, JsError> {
    to_js(&biplane_rules::manifest())
}

/// Runs one rule. The last four are a [`FlatGeometry`], where the host took one out of the payload.
#[wasm_bindgen]
#[expect(
    clippy::too_many_arguments,
    reason = "numbers in rows cost nothing at the border, objects do"
)]
pub fn call(
    kind: JsValue,
    name: String,
    event: JsValue,
    payload: JsValue,
    ctx: JsValue,
    flat_type: Option<String>,
    flat_rings: Option<Vec<u32>>,
    flat_polygons: Option<Vec<u32>>,
    flat_coordinates: Option<Vec<f64>>,
) -> Result<JsValue, JsError> {
    let flat = flat_type.map(|type_name| FlatGeometry {
        type_name,
        rings: flat_rings.unwrap_or_default(),
        polygons: flat_polygons.unwrap_or_default(),
        coordinates: flat_coordinates.unwrap_or_default(),
    });
    let outcome = match read_call(kind, name, event, payload, ctx) {
        Ok(call) => biplane_rules::call(&Call { flat, ..call }),
        Err(error) => Outcome::reject(Rejection::contract(error.to_string())),
    };
    to_js(&outcome)
}

/// What differs between a database and its snapshot: a `Drift`, or `{error: {code, message}}` where
/// a text can't be read. Snapshots are YAML or JSON; `target` is the base again where there is none.
#[wasm_bindgen]
pub fn schema_drift(
    base: Option<String>,
    base_hash: Option<String>,
    running: &str,
    target: &str,
    lineage: &str,
) -> Result<JsValue, JsError> {
    let (base, base_hash) = (base.as_deref(), base_hash.as_deref());
    match Drift::read(DriftTexts { base, base_hash, running, target, lineage }) {
        Ok(drift) => to_js(&drift),
        Err(error) => {
            let error = Refusal { code: error.code(), message: error.to_string() };
            to_js(&Refused { error })
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

/// An argument that is not what a call takes.
#[derive(Debug)]
struct ArgumentError {
    argument: &'static str,
    cause: serde_wasm_bindgen::Error,
}

impl std::fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the argument `{}` of a rule call is wrong: {}", self.argument, self.cause)
    }
}

fn read_call(
    kind: JsValue,
    name: String,
    event: JsValue,
    payload: JsValue,
    ctx: JsValue,
) -> Result<Call, ArgumentError> {
    let kind: Kind = read("kind", kind)?;
    let event: Option<Event> = read("event", event)?;
    let ctx: Context = read("ctx", ctx)?;
    Ok(Call { kind, name, event, payload: read("payload", payload)?, flat: None, ctx })
}

fn read<T: for<'de> Deserialize<'de>>(
    argument: &'static str,
    value: JsValue,
) -> Result<T, ArgumentError> {
    serde_wasm_bindgen::from_value(value).map_err(|cause| ArgumentError { argument, cause })
}

fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsError> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}
