//! What was sent, read after the fact.

use biplane_core::ErrorCode;

use crate::{Event, Malformed, Session};

/// Reads all that a device said over a connection, or a part of it: it may start past the login.
/// Every device is accepted and every record taken.
///
/// Ends at the first thing that can't be read; offsets of errors count from the first byte.
pub fn decode_capture(session: &mut dyn Session, bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
    session.decide(true);
    let mut events = Vec::new();
    // Byte by byte, so that an event tells where what it was made of ends.
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if start == at && byte.is_ascii_whitespace() {
            // No message starts with one; some have line ends between them.
            start += 1;
        }
        session.receive(std::slice::from_ref(byte));
        while let Some(event) = session.next_event() {
            match &event {
                Event::Login { .. } => drop(session.decide(true)),
                Event::Records { fixes } => drop(session.acknowledge(fixes.len())),
                Event::Malformed { error, .. } => {
                    let offset = (start + error.offset).min(bytes.len());
                    return Err(Malformed { offset, ..error.clone() });
                }
                Event::Response { .. } | Event::Ping => {}
            }
            events.push(event);
            start = at + 1;
        }
    }
    let rest = &bytes[start..];
    if rest.is_empty() {
        return Ok(events);
    }
    let (code, offset) = (ErrorCode::FrameMalformed, bytes.len());
    let message = format!("the last message is cut off, {} bytes of it are there", rest.len());
    Err(Malformed { code, offset, message })
}
