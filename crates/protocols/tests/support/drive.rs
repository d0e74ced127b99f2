use biplane_protocols::{Event, Session};

/// Feeds `bytes` in pieces and answers everything that wants an answer; ends when the session does.
pub fn drive(session: &mut dyn Session, bytes: &[u8], pieces: &[usize]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = bytes;
    let mut pieces = pieces.iter().copied().cycle();
    while !rest.is_empty() {
        let piece = pieces.next().unwrap_or(1).clamp(1, rest.len());
        let taken = session.receive(&rest[..piece]);
        rest = &rest[taken..];
        let before = events.len();
        while let Some(event) = session.next_event() {
            let closes = matches!(event, Event::Malformed { close: true, .. });
            match &event {
                Event::Login { .. } => drop(session.decide(true)),
                Event::Records { fixes } => drop(session.acknowledge(fixes.len())),
                Event::Response { .. } | Event::Ping | Event::Malformed { .. } => {}
            }
            events.push(event);
            if closes {
                return events;
            }
        }
        assert!(taken > 0 || events.len() > before, "it would hang");
    }
    events
}
