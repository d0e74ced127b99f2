//! A request from outside, whatever it is: a report with places on the Earth, or an error.
#![no_main]

use biplane_core::Timestamp;
use biplane_protocols::osmand::{MAX_FIXES, report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (query, body) = text.split_once('\n').unwrap_or((text, ""));
    match report(query, body, Timestamp::from_millis(0)) {
        Ok(report) => {
            assert!(report.fixes.len() <= MAX_FIXES);
            for fix in report.fixes {
                assert!(fix.lat.abs() <= 90.0 && fix.lon.abs() <= 180.0);
            }
        }
        // A form is read behind the query and a separator.
        Err(error) => assert!(error.offset <= query.len() + body.len() + 1, "{error}"),
    }
});
