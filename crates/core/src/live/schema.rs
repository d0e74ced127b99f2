//! The protocol as JSON Schema: `docs/live.schema.json` is what these types say, or a test fails.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::{ClientMessage, Cursor, PROTOCOL, ServerMessage};
use crate::{
    CheckpointId, DeviceId, EntryId, ErrorCode, EventId, GeofenceId, OrganizationId, Timestamp,
};

macro_rules! described {
    ($($rust:ty => $name:literal, $schema:expr;)+) => {$(
        impl JsonSchema for $rust {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

macro_rules! ids {
    ($($rust:ty => $name:literal,)+) => {
        described! {$($rust => $name, json_schema!({ "type": "string", "format": "uuid" });)+}
    };
}

ids! {
    CheckpointId => "CheckpointId",
    DeviceId => "DeviceId",
    EntryId => "EntryId",
    EventId => "EventId",
    GeofenceId => "GeofenceId",
    OrganizationId => "OrganizationId",
}

described! {
    Timestamp => "Timestamp", json_schema!({
        "description": "RFC 3339 in UTC with milliseconds.",
        "type": "string",
        "format": "date-time",
        "examples": ["2020-09-12T11:40:00.000Z"],
    });
    Cursor => "Cursor", json_schema!({
        "description": "How far a client has been told; opaque.",
        "type": "string",
        "pattern": "^[0-9]+-[0-9]+$",
    });
    ErrorCode => "ErrorCode", json_schema!({
        "description": "Stable. New ones may come.",
        "type": "string",
        "examples": ErrorCode::ALL.iter().filter(|code| code.as_str().starts_with("LIVE_")).collect::<Vec<_>>(),
    });
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_json_schema_of_the_protocol_is_up_to_date() {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let messages =
        [generator.subschema_for::<ClientMessage>(), generator.subschema_for::<ServerMessage>()];
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The live channel of Biplane",
        "description": format!("Messages over a WebSocket at /live, protocol {PROTOCOL}. Generated from crates/core/src/live.rs."),
        "version": PROTOCOL,
        "anyOf": messages,
        "$defs": generator.take_definitions(true),
    });
    let expected = format!("{}\n", serde_json::to_string_pretty(&schema).expect("JSON"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/live.schema.json");
    if std::env::var_os("UPDATE_PROTOCOL").is_some() {
        std::fs::write(path, &expected).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, expected, "UPDATE_PROTOCOL=1 cargo test -p biplane-core");
}
