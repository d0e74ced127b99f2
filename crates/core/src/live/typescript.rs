//! The protocol for TypeScript: `clients/live/src/protocol.ts` is what these
//! types say, or a test fails.

use biplane_typescript::File;
use ts_rs::{Config, TS};

use super::{
    ClientMessage, Cursor, Direction, LiveAlert, LiveCrossing, LiveError, LivePosition, LiveStatus,
    Options, PositionField, Retraction, ServerMessage, Status, SubscriptionEvent, Topic,
};
use crate::{
    CheckpointId, DeviceId, EntryId, ErrorCode, EventId, GeofenceId, OrganizationId, Timestamp,
};

macro_rules! named {
    ($($rust:ty => $typescript:literal,)+) => {$(
        impl TS for $rust {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;
            fn name(_: &Config) -> String {
                $typescript.into()
            }
            fn inline(config: &Config) -> String {
                Self::name(config)
            }
        }
    )+};
}

named! {
    CheckpointId => "Uuid",
    DeviceId => "Uuid",
    EntryId => "Uuid",
    EventId => "Uuid",
    GeofenceId => "Uuid",
    OrganizationId => "Uuid",
    ErrorCode => "LiveErrorCode",
    Timestamp => "Instant",
    Cursor => "Cursor",
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_typescript_of_the_protocol_is_up_to_date() {
    let codes: Vec<String> = ErrorCode::ALL
        .iter()
        .filter(|code| code.as_str().starts_with("LIVE_"))
        .map(|code| format!("\n  | \"{code}\""))
        .collect();
    File::new("crates/core/src/live.rs", "biplane-core")
        .line(&format!(
            "\n/** A UUID in its usual text form. */\n\
             export type Uuid = string;\n\n\
             /** RFC 3339 in UTC with milliseconds: `2020-09-12T11:40:00.000Z`. */\n\
             export type Instant = string;\n\n\
             /** How far a client has been told; opaque. */\n\
             export type Cursor = string;\n\n\
             /** Stable. New ones may come. */\n\
             export type LiveErrorCode ={};",
            codes.concat()
        ))
        .declare::<ClientMessage>()
        .declare::<Topic>()
        .declare::<Options>()
        .declare::<PositionField>()
        .declare::<ServerMessage>()
        .declare::<Status>()
        .declare::<SubscriptionEvent>()
        .declare::<LiveError>()
        .declare::<LivePosition>()
        .declare::<Direction>()
        .declare::<LiveCrossing>()
        .declare::<Retraction>()
        .declare::<LiveAlert>()
        .declare::<LiveStatus>()
        .check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/live/src/protocol.ts"));
}
