//! A Teltonika session fed with anything, in pieces of any size. The first byte
//! says whether it starts past the login, and how large the pieces are.
#![no_main]

use biplane_protocols::teltonika::{MAX_DATA, TeltonikaSession, decode_data};
use biplane_protocols::{Event, Session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&control, bytes)) = input.split_first() else { return };
    let mut session = TeltonikaSession::new();
    if control & 1 == 1 {
        session.decide(true);
    }
    let piece = usize::from(control >> 1) + 1;
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = session.receive(&rest[..piece.min(rest.len())]);
        assert!(taken <= MAX_DATA + 12);
        rest = &rest[taken..];
        let mut events = 0;
        while let Some(event) = session.next_event() {
            events += 1;
            match event {
                Event::Login { .. } => drop(session.decide(true)),
                Event::Records { fixes } => {
                    assert!(fixes.len() <= 255);
                    session.acknowledge(fixes.len());
                }
                Event::Malformed { error, .. } => assert!(error.offset <= MAX_DATA + 12),
                Event::Response { .. } | Event::Ping => {}
            }
        }
        assert!(taken > 0 || events > 0, "the session hangs");
    }
    // Past the checksum, which a fuzzer does not guess.
    let _ = decode_data(bytes);
});
