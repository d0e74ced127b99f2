//! A capture from outside, whatever it is: read or refused, and an error points into it.
#![no_main]

use biplane_protocols::teltonika::decode_capture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Err(error) = decode_capture(input) {
        assert!(error.offset <= input.len(), "{error}");
    }
});
