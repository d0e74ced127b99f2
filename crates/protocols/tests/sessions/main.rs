//! GT06, H02 and JSON lines: what a session says to whatever comes, in pieces of any size.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../support/drive.rs"]
mod drive;
mod gt06;
mod h02;
#[path = "../support/hex.rs"]
mod hex;
mod json_lines;

use biplane_core::{ErrorCode, Fix, Imei};
use biplane_protocols::gt06::{Gt06Session, MAX_LENGTH};
use biplane_protocols::h02::{H02Session, MAX_MESSAGE};
use biplane_protocols::json_lines::{JsonLinesSession, MAX_LINE};
use biplane_protocols::{Event, Session, decode_capture};
use proptest::collection::vec;
use proptest::prelude::*;

use self::drive::drive;
use self::gt06::{PLACE, frame, gt06_login, gt06_ready};
use self::h02::{V1, h02_message, h02_ready};
use self::json_lines::{json_ready, position};

const IMEI: &str = "864717003283581";

fn imei() -> Imei {
    Imei::from_digits(IMEI).unwrap()
}

fn fix(session: &mut dyn Session) -> Fix {
    match session.next_event() {
        Some(Event::Records { mut fixes }) if fixes.len() == 1 => fixes.remove(0),
        other => panic!("{other:?}"),
    }
}

fn malformed(session: &mut dyn Session) -> (ErrorCode, String, bool) {
    match session.next_event() {
        Some(Event::Malformed { error, reply, close }) => {
            (error.code, String::from_utf8(reply).unwrap(), close)
        }
        other => panic!("{other:?}"),
    }
}

/// All that speak over a connection, with the most that each may hold.
fn sessions(logged_in: bool) -> Vec<(Box<dyn Session>, usize)> {
    if logged_in {
        return vec![
            (Box::new(gt06_ready()), MAX_LENGTH + 6),
            (Box::new(h02_ready()), MAX_MESSAGE),
            (Box::new(json_ready()), MAX_LINE),
        ];
    }
    vec![
        (Box::new(Gt06Session::new()), MAX_LENGTH + 6),
        (Box::new(H02Session::new()), MAX_MESSAGE),
        (Box::new(JsonLinesSession::new()), MAX_LINE),
    ]
}

#[test]
fn a_flood_without_events_taken_is_held_back() {
    for (mut session, most) in sessions(true) {
        let taken: usize = (0..100).map(|_| session.receive(&[b'x'; 4_096])).sum();
        assert!(taken <= most, "{}: {taken} bytes held", session.protocol());
    }
}

/// Bytes that get past the first look of one of the protocols, and others.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop_oneof![
        Just(vec![0x78, 0x78]),
        Just(vec![0x79, 0x79, 0x00]),
        Just(b"\r\n".to_vec()),
        Just(b"*HQ,864717003283581,V1,".to_vec()),
        Just(b"A,2235.1777,N,".to_vec()),
        Just(b"#".to_vec()),
        Just(b"$".to_vec()),
        Just(b"{\"lat\":".to_vec()),
        Just(b"}\n".to_vec()),
        Just(gt06_login(0)),
        Just(frame(0x12, &PLACE, 1)),
        Just(h02_message(V1)),
        vec(any::<u8>(), 0..200),
    ];
    vec(mark, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic_hang_or_are_held_without_bound(
        bytes in noise(), logged_in in any::<bool>(), pieces in vec(1usize..300, 1..5),
    ) {
        for (mut session, most) in sessions(logged_in) {
            drive(&mut *session, &bytes, &pieces);
            prop_assert!(session.receive(&vec![b' '; 2 * most]) <= 2 * most);
        }
    }

    #[test]
    fn a_gt06_frame_of_any_type_and_content_is_read_or_refused(
        kind in any::<u8>(), mut content in vec(any::<u8>(), 0..250), placed in any::<bool>(),
    ) {
        if placed && content.len() >= PLACE.len() {
            content[..PLACE.len()].copy_from_slice(&PLACE);
        }
        let events = drive(&mut gt06_ready(), &frame(kind, &content, 1), &[7]);
        prop_assert_eq!(events.len(), 1, "{:?}", events);
    }

    #[test]
    fn a_damaged_gt06_frame_is_never_taken_for_a_good_one(
        at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let mut bytes = frame(0x12, &PLACE, 1);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let events = drive(&mut gt06_ready(), &bytes, &[bytes.len()]);
        let taken = events.iter().any(|event| matches!(event, Event::Records { .. }));
        prop_assert!(!taken);
    }

    #[test]
    fn streams_may_be_split_and_joined_anywhere(
        kinds in vec(0u8..4, 1..8), pieces in vec(1usize..200, 1..20),
    ) {
        let gt06 = |kind: &u8| match kind {
            0 => frame(0x12, &PLACE, 1),
            1 => frame(0x13, &[0; 5], 2),
            2 => frame(0x15, b"\x06\0\0\0\0OK", 3),
            _ => frame(0x26, &[&PLACE[..], &[0, 1, 2, 3, 4]].concat(), 4),
        };
        let h02 = |kind: &u8| match kind {
            0 => h02_message(V1),
            1 => h02_message("HTBT,1"),
            2 => h02_message("V4,S71,1"),
            _ => [b"\r\n", &h02_message("LINK")[..]].concat(),
        };
        let json = |kind: &u8| match kind {
            0 => format!("{}\n", position()).into_bytes(),
            1 => format!("[{}]\r\n", position()).into_bytes(),
            2 => b"{\"response\":\"x\"}\n".to_vec(),
            _ => b"not this\n".to_vec(),
        };
        let streams: [Vec<u8>; 3] = [
            kinds.iter().flat_map(gt06).collect(),
            kinds.iter().flat_map(h02).collect(),
            kinds.iter().flat_map(json).collect(),
        ];
        for ((mut whole, _), ((mut split, _), bytes)) in
            sessions(true).into_iter().zip(sessions(true).into_iter().zip(&streams))
        {
            let expected = drive(&mut *whole, bytes, &[bytes.len()]);
            prop_assert!(expected.len() >= kinds.len().min(3));
            prop_assert_eq!(drive(&mut *split, bytes, &pieces), expected);
        }
    }

    #[test]
    fn a_capture_of_anything_is_read_or_refused_within_it(bytes in noise()) {
        for (mut session, _) in sessions(false) {
            if let Err(error) = decode_capture(&mut *session, &bytes) {
                prop_assert!(error.offset <= bytes.len(), "{}", error);
            }
        }
    }
}
