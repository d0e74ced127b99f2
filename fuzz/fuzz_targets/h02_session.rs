//! An H02 session fed with anything, in pieces of any size. The first byte says whether it starts past the
//! login, and how large the pieces are.
#![no_main]

use biplane_protocols::decode_capture;
use biplane_protocols::h02::{H02Session, MAX_MESSAGE};
use libfuzzer_sys::fuzz_target;

mod session;

fuzz_target!(|input: &[u8]| {
    session::feed(&mut H02Session::new(), input, MAX_MESSAGE);
    if let Err(error) = decode_capture(&mut H02Session::new(), input) {
        assert!(error.offset <= input.len(), "{error}");
    }
});
