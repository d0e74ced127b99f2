//! The drift for TypeScript: `extensions/biplane/src/shared/drift.ts` is what these types say, or
//! a test fails.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use crate::drift::{Drift, DriftStatus, Part};
use crate::loss::{Loss, LossKind};
use crate::plan::{Ancestry, Difference, Fingerprint, Outcome};
use crate::report::{Line, Report};

fn declare<T: TS>(file: &mut String) {
    let config = Config::default();
    let docs = T::docs().unwrap_or_default();
    write!(file, "\n{docs}export {}\n", T::decl(&config)).expect("a String takes it");
}

fn drift() -> String {
    let mut file = "// Generated from crates/schema/src/drift.rs; to generate anew:\n\
         // UPDATE_PROTOCOL=1 cargo test -p biplane-schema typescript\n"
        .to_owned();
    declare::<DriftStatus>(&mut file);
    declare::<Part>(&mut file);
    declare::<Drift>(&mut file);
    declare::<Outcome>(&mut file);
    declare::<Ancestry>(&mut file);
    declare::<Fingerprint>(&mut file);
    declare::<LossKind>(&mut file);
    declare::<Loss>(&mut file);
    declare::<Difference>(&mut file);
    declare::<Line<'_>>(&mut file);
    declare::<Report<'_>>(&mut file);
    // ts-rs writes each comment on three lines, and blanks at the ends of lines.
    let lines: Vec<&str> = file.lines().map(str::trim_end).collect();
    let mut tidy = lines.join("\n").replace("/**\n * ", "/** ").replace(".\n */\n", ". */\n");
    tidy.push('\n');
    tidy
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_typescript_of_the_drift_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../extensions/biplane/src/shared/drift.ts");
    if std::env::var_os("UPDATE_PROTOCOL").is_some() {
        std::fs::write(path, drift()).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, drift(), "UPDATE_PROTOCOL=1 cargo test -p biplane-schema typescript");
}
