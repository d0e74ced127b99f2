//! Our reading of Codec 12 held against somebody else's, the crate `nom-teltonika`, in both
//! directions.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_core::Imei;
use biplane_protocols::teltonika::{MAX_DATA, TeltonikaSession, Tracker, command_frame};
use biplane_protocols::{Event, Session};
use nom_teltonika::decoder::take_frame;
use nom_teltonika::encoder::encode_gprs_frame;
use nom_teltonika::protocol::{FrameView, GprsMessageType};
use proptest::prelude::*;

/// Past the login.
fn ready() -> TeltonikaSession {
    let mut session = TeltonikaSession::new();
    session.receive(&Tracker::new(Imei::with_check_digit(35_000_000_000_126)).login());
    assert!(matches!(session.next_event(), Some(Event::Login { .. })));
    session.decide(true);
    session
}

/// The payloads of the commands in all the frames.
fn commands(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut commands = Vec::new();
    while !bytes.is_empty() {
        let FrameView::Gprs(packet) = take_frame(&mut bytes).unwrap() else {
            panic!("no frame of messages")
        };
        for message in packet.messages() {
            assert_eq!(message.kind(), GprsMessageType::Command);
            commands.push(message.payload().to_vec());
        }
    }
    commands
}

#[test]
fn the_longest_command_is_read_by_others_and_a_longer_one_is_not_made() {
    // Codec, count, type, size, and the count again.
    let longest = "x".repeat(MAX_DATA - 8);
    assert_eq!(commands(&command_frame(&longest).unwrap()), [longest.as_bytes()]);
    assert_eq!(command_frame(&"x".repeat(MAX_DATA - 7)), None);
}

proptest! {
    #[test]
    fn what_we_tell_a_device_others_read_as_we_meant_it(texts in prop::collection::vec("\\PC{0,200}", 1..4)) {
        let mut session = ready();
        let bytes: Vec<u8> = texts.iter().flat_map(|text| session.command(text).unwrap()).collect();
        let expected: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        prop_assert_eq!(commands(&bytes), expected);
    }

    #[test]
    fn what_others_answer_we_read_as_they_meant_it(texts in prop::collection::vec("\\PC{0,200}", 1..4)) {
        let mut session = ready();
        let frame = encode_gprs_frame(GprsMessageType::Response, &texts).unwrap();
        prop_assert_eq!(session.receive(&frame), frame.len());
        for text in texts {
            prop_assert_eq!(session.next_event(), Some(Event::Response { text, refused: false }));
        }
        prop_assert_eq!(session.next_event(), None);
    }
}
