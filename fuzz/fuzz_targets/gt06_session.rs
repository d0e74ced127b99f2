//! A GT06 session fed with anything, in pieces of any size. The first byte says whether it starts past the
//! login, and how large the pieces are.
#![no_main]

use biplane_protocols::decode_capture;
use biplane_protocols::gt06::{Gt06Session, MAX_LENGTH};
use libfuzzer_sys::fuzz_target;

mod session;

fuzz_target!(|input: &[u8]| {
    session::feed(&mut Gt06Session::new(), input, MAX_LENGTH + 6);
    if let Err(error) = decode_capture(&mut Gt06Session::new(), input) {
        assert!(error.offset <= input.len(), "{error}");
    }
});
