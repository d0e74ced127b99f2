//! The protocol for TypeScript: `clients/live/src/protocol.ts` is what these
//! types say, or a test fails.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use super::{
    ClientMessage, Direction, LiveCrossing, LiveError, LivePosition, ServerMessage, Status,
    SubscriptionEvent, Topic,
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
}

fn declare<T: TS>(file: &mut String) {
    let config = Config::default();
    let docs = T::docs().unwrap_or_default();
    write!(file, "\n{docs}export {}\n", T::decl(&config)).expect("a String takes it");
}

fn protocol() -> String {
    let codes: Vec<String> = ErrorCode::ALL
        .iter()
        .filter(|code| code.as_str().starts_with("LIVE_"))
        .map(|code| format!("\n  | \"{code}\""))
        .collect();
    let mut file = format!(
        "// Generated from crates/core/src/live.rs; to generate anew:\n\
         // UPDATE_PROTOCOL=1 cargo test -p biplane-core typescript\n\n\
         /** A UUID in its usual text form. */\n\
         export type Uuid = string;\n\n\
         /** RFC 3339 in UTC with milliseconds: `2020-09-12T11:40:00.000Z`. */\n\
         export type Instant = string;\n\n\
         /** Stable. New ones may come. */\n\
         export type LiveErrorCode ={};\n",
        codes.concat()
    );
    declare::<ClientMessage>(&mut file);
    declare::<Topic>(&mut file);
    declare::<ServerMessage>(&mut file);
    declare::<Status>(&mut file);
    declare::<SubscriptionEvent>(&mut file);
    declare::<LiveError>(&mut file);
    declare::<LivePosition>(&mut file);
    declare::<Direction>(&mut file);
    declare::<LiveCrossing>(&mut file);
    // ts-rs writes each comment on three lines, and blanks at the ends of lines.
    let lines: Vec<&str> = file.lines().map(str::trim_end).collect();
    let mut tidy = lines.join("\n").replace("/**\n * ", "/** ").replace(".\n */\n", ". */\n");
    tidy.push('\n');
    tidy
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_typescript_of_the_protocol_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/live/src/protocol.ts");
    if std::env::var_os("UPDATE_PROTOCOL").is_some() {
        std::fs::write(path, protocol()).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, protocol(), "UPDATE_PROTOCOL=1 cargo test -p biplane-core typescript");
}
