//! The drift for TypeScript: `extensions/biplane/src/shared/drift.ts` is what these types say, or
//! a test fails.

use biplane_typescript::File;

use crate::drift::{Drift, DriftStatus, Part};
use crate::loss::{Loss, LossKind};
use crate::plan::{Ancestry, Difference, Fingerprint, Outcome};
use crate::report::{Line, Report};

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_typescript_of_the_drift_is_up_to_date() {
    File::new("crates/schema/src/drift.rs", "biplane-schema")
        .declare::<DriftStatus>()
        .declare::<Part>()
        .declare::<Drift>()
        .declare::<Outcome>()
        .declare::<Ancestry>()
        .declare::<Fingerprint>()
        .declare::<LossKind>()
        .declare::<Loss>()
        .declare::<Difference>()
        .declare::<Line<'_>>()
        .declare::<Report<'_>>()
        .check(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../extensions/biplane/src/shared/drift.ts"
        ));
}
