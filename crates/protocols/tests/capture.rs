//! Commands, answers and datagrams: published bytes with known values, and what is wrong with others.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/hex.rs"]
mod hex;

use biplane_protocols::teltonika::{
    Datagram, Message, Piece, Tracker, command_frame, decode_capture, decode_messages,
};
use hex::bytes;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    hex: String,
    messages: Option<Vec<Told>>,
    datagram: Option<DatagramTold>,
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Told {
    kind: String,
    time_ms: Option<i64>,
    imei: Option<String>,
    text: Option<String>,
    payload_hex: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct DatagramTold {
    packet: u16,
    avl_packet: u8,
    imei: String,
    records: usize,
    first_ms: i64,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../tests/golden/teltonika-messages.json")).unwrap()
}

/// As the case tells it: by text or by bytes.
fn told(message: &Message, case: &Told) -> Told {
    let hex: String = message.payload.iter().map(|byte| format!("{byte:02x}")).collect();
    Told {
        kind: message.kind.as_str().to_owned(),
        time_ms: message.time.map(|time| time.as_millis()),
        imei: message.imei.map(|imei| imei.to_string()),
        text: case.text.as_ref().map(|_| String::from_utf8(message.payload.clone()).unwrap()),
        payload_hex: case.payload_hex.as_ref().map(|_| hex),
    }
}

#[test]
fn published_messages_and_datagrams_say_what_is_known() {
    let cases = cases();
    assert!(cases.len() >= 17);
    for case in cases {
        match decode_capture(&bytes(&case.hex)) {
            Err(error) => {
                assert_eq!(Some(error.code.as_str()), case.error.as_deref(), "{}", case.name)
            }
            Ok(pieces) => match &pieces[..] {
                [Piece::Messages(found)] => {
                    let expected = case.messages.unwrap();
                    assert_eq!(found.len(), expected.len(), "{}", case.name);
                    for (found, expected) in found.iter().zip(&expected) {
                        assert_eq!(told(found, expected), *expected, "{}", case.name);
                    }
                }
                [Piece::Datagram(found)] => {
                    let found = DatagramTold {
                        packet: found.packet,
                        avl_packet: found.avl_packet,
                        imei: found.imei.to_string(),
                        records: found.fixes.len(),
                        first_ms: found.fixes[0].time.as_millis(),
                    };
                    assert_eq!(Some(found), case.datagram, "{}", case.name);
                }
                other => panic!("{}: {other:?}", case.name),
            },
        }
    }
}

#[test]
fn a_command_is_framed_as_published() {
    let published = cases().into_iter().filter(|case| case.name.starts_with("codec12 command"));
    let mut count = 0;
    for case in published {
        let text = case.messages.unwrap()[0].text.clone().unwrap();
        assert_eq!(command_frame(&text), Some(bytes(&case.hex)), "{}", case.name);
        count += 1;
    }
    assert_eq!(count, 3);
    assert_eq!(command_frame(&"x".repeat(20_000)), None, "longer than a frame may be");
}

#[test]
fn a_datagram_is_answered_with_its_own_numbers() {
    let wiki = cases().into_iter().find(|case| case.datagram.is_some()).unwrap();
    let datagram = Datagram::decode(&bytes(&wiki.hex)).unwrap();
    assert_eq!(datagram.acknowledgement(1), bytes("0005cafe010501"));
}

#[test]
fn a_connection_is_read_to_its_end_and_a_cut_one_says_where() {
    let imei = biplane_core::Imei::with_check_digit(35_630_704_244_101);
    let command = command_frame("getinfo").unwrap();
    let capture = [Tracker::new(imei).login(), vec![0xFF], command.clone(), command].concat();
    let pieces = decode_capture(&capture).unwrap();
    assert!(matches!(
        &pieces[..],
        [Piece::Login(found), Piece::Ping, Piece::Messages(_), Piece::Messages(_)] if *found == imei
    ));
    let cut = decode_capture(&capture[..capture.len() - 1]).unwrap_err();
    assert_eq!((cut.code.as_str(), cut.offset), ("FRAME_MALFORMED", capture.len() - 1));
    let mut noise = capture.clone();
    noise.push(0x42);
    assert_eq!(decode_capture(&noise).unwrap_err().offset, capture.len());
}

#[test]
fn a_message_that_declares_more_than_is_there_is_refused_before_it_is_taken() {
    let mut data = vec![0x0C, 1, 6];
    data.extend_from_slice(&u32::MAX.to_be_bytes());
    data.extend_from_slice(b"short\x01");
    let error = decode_messages(&data).unwrap_err();
    assert_eq!((error.code.as_str(), error.offset), ("FRAME_MALFORMED", 7), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_within_them(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = decode_capture(&bytes) {
            prop_assert!(error.offset <= bytes.len(), "{error}");
        }
    }

    #[test]
    fn a_published_capture_with_a_byte_changed_is_read_or_refused_within_it(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let cases = cases();
        let mut bytes = bytes(&which.get(&cases).hex);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = decode_capture(&bytes) {
            prop_assert!(error.offset <= bytes.len(), "{error}");
        }
    }
}
