//! A connection, as the gateway holds it.

use biplane_protocols::{Event, Session};

/// Feeds a session until it closes; it may hold `most` bytes at a time, and never hangs.
pub fn feed(session: &mut dyn Session, input: &[u8], most: usize) {
    let Some((&control, mut rest)) = input.split_first() else { return };
    if control & 1 == 1 {
        session.decide(true);
    }
    let piece = usize::from(control >> 1) + 1;
    while !rest.is_empty() {
        let taken = session.receive(&rest[..piece.min(rest.len())]);
        assert!(taken <= most);
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
                Event::Malformed { error, close, .. } => {
                    assert!(error.offset <= most, "{error}");
                    if close {
                        return;
                    }
                }
                Event::Response { .. } | Event::Ping => {}
            }
        }
        assert!(taken > 0 || events > 0, "the session hangs");
    }
}
