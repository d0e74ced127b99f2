//! A session of JSON lines fed with anything, in pieces of any size. The first byte says whether it starts past the
//! login, and how large the pieces are.
#![no_main]

use biplane_protocols::decode_capture;
use biplane_protocols::json_lines::{JsonLinesSession, MAX_LINE};
use libfuzzer_sys::fuzz_target;

mod session;

fuzz_target!(|input: &[u8]| {
    session::feed(&mut JsonLinesSession::new(), input, MAX_LINE);
    if let Err(error) = decode_capture(&mut JsonLinesSession::new(), input) {
        assert!(error.offset <= input.len(), "{error}");
    }
});
