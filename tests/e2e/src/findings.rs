//! What went wrong, collected: one run tells a whole table's story.

use biplane_stack::directus::ApiError;
use serde_json::Value;

/// What went otherwise than it should. Fails the test when it ends, with all of it.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Notes `what` unless it holds.
    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    /// Should have gone through.
    pub fn allowed(&mut self, what: &str, result: Result<Value, ApiError>) {
        self.check(result.is_ok(), || format!("{what}: should be allowed, but {result:?}"));
    }

    /// Should have been refused with this status and one of these codes.
    pub fn refused(
        &mut self,
        what: &str,
        result: Result<Value, ApiError>,
        status: u16,
        codes: &[&str],
    ) {
        let as_meant = matches!(&result, Err(error @ ApiError::Refused { status: got, code, .. })
            if *got == status && (codes.contains(&error.reason()) || codes.contains(&code.as_str())));
        self.check(as_meant, || format!("{what}: should be {status} {codes:?}, but {result:?}"));
    }

    /// Should have been refused for want of a right.
    pub fn forbidden(&mut self, what: &str, result: Result<Value, ApiError>) {
        self.refused(what, result, 403, &["FORBIDDEN", "TENANCY_ROLE"]);
    }
}

impl Drop for Findings {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
        }
    }
}
