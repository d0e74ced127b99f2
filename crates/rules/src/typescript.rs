//! What crosses, for TypeScript: `extensions/biplane/src/shared/protocol.ts` is what these types
//! say, or a test fails.

use biplane_typescript::File;

use crate::{
    Access, Answer, Attempt, Call, Claimed, Code, Context, Effect, Event, Kind, Level, Manifest,
    Method, Need, Outcome, Parameter, ParameterKind, Place, PositionField, Rejection, Request,
    Rule, StreamEntry, Trigger,
};

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_typescript_of_what_crosses_is_up_to_date() {
    File::new("crates/rules: call.rs, manifest.rs, request.rs", "biplane-rules")
        .line("import type { Filter } from '@directus/types';")
        .declare::<Event>()
        .declare::<Kind>()
        .declare::<Manifest>()
        .declare::<Code>()
        .declare::<Rule>()
        .declare::<Trigger>()
        .declare::<Method>()
        .declare::<Access>()
        .declare::<Parameter>()
        .declare::<Place>()
        .declare::<ParameterKind>()
        .declare::<Call>()
        .declare::<Context>()
        .declare::<Request>()
        .declare::<Outcome>()
        .declare::<Answer>()
        .declare::<Rejection>()
        .declare::<Need>()
        .declare::<Attempt>()
        .declare::<PositionField>()
        .declare::<Effect>()
        .declare::<Claimed>()
        .declare::<StreamEntry>()
        .declare::<Level>()
        .check(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../extensions/biplane/src/shared/protocol.ts"
        ));
}
