//! GT06, H02 and JSON lines: what a session says to whatever comes, in pieces of any size.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/hex.rs"]
mod hex;

use biplane_core::{ErrorCode, Fix, Imei, IoValue};
use biplane_protocols::gt06::{self, Gt06Session};
use biplane_protocols::h02::{self, H02Session};
use biplane_protocols::json_lines::{self, JsonLinesSession};
use biplane_protocols::{Event, Session, decode_capture, element};
use hex::bytes;
use proptest::collection::vec;
use proptest::prelude::*;

const IMEI: &str = "864717003283581";

fn imei() -> Imei {
    Imei::from_digits(IMEI).unwrap()
}

/// A GT06 frame with a checksum that fits.
fn frame(kind: u8, content: &[u8], serial: u16) -> Vec<u8> {
    let mut covered = vec![content.len() as u8 + 5, kind];
    covered.extend_from_slice(content);
    covered.extend_from_slice(&serial.to_be_bytes());
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC).checksum(&covered);
    [&[0x78, 0x78], &covered[..], &sum.to_be_bytes(), b"\r\n"].concat()
}

fn gt06_login(zone: u16) -> Vec<u8> {
    let digits = bytes(&format!("0{IMEI}"));
    frame(0x01, &[&digits[..], &[0, 0], &zone.to_be_bytes()].concat(), 9)
}

/// 2023-03-22 05:59:59, 15 satellites, 12.645423 N 101.985858 E, 5 km/h, 353 degrees.
const PLACE: [u8; 18] = [
    0x17, 0x03, 0x16, 0x05, 0x3B, 0x3B, 0xCF, 0x01, 0x5B, 0x51, 0x22, 0x0A, 0xF1, 0x20, 0x11, 0x05,
    0xD5, 0x61,
];

fn gt06_ready() -> Gt06Session {
    let mut session = Gt06Session::new();
    session.receive(&gt06_login(0));
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.decide(true), frame(0x01, &[], 9));
    session
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

/// Feeds `bytes` in pieces and answers everything that wants an answer; ends when the session does.
fn drive(session: &mut dyn Session, bytes: &[u8], pieces: &[usize]) -> Vec<Event> {
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

#[test]
fn a_gt06_device_logs_in_and_is_answered_with_its_own_type_and_serial() {
    let mut session = gt06_ready();
    session.receive(&[frame(0x13, &[0x44, 6, 4, 0, 1], 10), frame(0x12, &PLACE, 11)].concat());
    assert_eq!(session.next_event(), Some(Event::Records { fixes: vec![] }), "a heartbeat");
    assert_eq!(session.next_event(), None, "nothing before its answer");
    assert_eq!(session.acknowledge(0), frame(0x13, &[], 10));
    let fix = fix(&mut session);
    assert_eq!(fix.time.to_string(), "2023-03-22T05:59:59.000Z");
    assert_eq!((fix.satellites, fix.speed_kmh, fix.course_deg), (Some(15), Some(5.0), Some(353.0)));
    assert_eq!(session.acknowledge(1), frame(0x12, &[], 11));
    assert!(session.acknowledge(1).is_empty(), "nothing waits for an answer");
}

#[test]
fn a_refused_gt06_device_hears_nothing_and_is_not_listened_to() {
    let mut session = Gt06Session::new();
    session.receive(&gt06_login(0));
    session.next_event();
    assert!(session.decide(false).is_empty());
    session.receive(&frame(0x12, &PLACE, 10));
    assert_eq!(session.next_event(), None);
}

#[test]
fn a_gt06_login_with_a_time_zone_makes_its_times_local() {
    // Hours times 100 and minutes above four bits, of which the highest says "west".
    for (zone, utc) in [
        (0x0000, "2023-03-22T05:59:59.000Z"),
        (800 << 4, "2023-03-21T21:59:59.000Z"),
        (330 << 4 | 8, "2023-03-22T09:29:59.000Z"),
        (3_000 << 4, "2023-03-22T05:59:59.000Z"),
    ] {
        let mut session = Gt06Session::new();
        session.receive(&[gt06_login(zone), frame(0x22, &PLACE, 1)].concat());
        session.next_event();
        session.decide(true);
        assert_eq!(fix(&mut session).time.to_string(), utc, "{zone:#06x}");
    }
}

#[test]
fn a_gt06_position_without_a_fix_has_no_satellites_and_one_without_a_time_is_none() {
    let mut session = gt06_ready();
    let mut lost = PLACE;
    lost[16] &= !0x10;
    session.receive(&frame(0x12, &lost, 1));
    assert_eq!(fix(&mut session).satellites, Some(0));
    session.acknowledge(1);
    let mut timeless = PLACE;
    timeless[..6].fill(0);
    session.receive(&frame(0x12, &timeless, 2));
    assert_eq!(session.next_event(), Some(Event::Records { fixes: vec![] }));
    session.acknowledge(0);
    let mut thirteenth = PLACE;
    thirteenth[1] = 13;
    session.receive(&frame(0x12, &thirteenth, 3));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), false));
    session.receive(&frame(0x12, &PLACE[..17], 4));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), false));
}

#[test]
fn gt06_elements_behind_a_position_are_named_and_what_is_left_is_kept() {
    let mut session = gt06_ready();
    // Length and cell of an alarm: status, battery, signal, alarm, language.
    let status = [9, 0x01, 0xCC, 0x00, 0x28, 0x66, 0x00, 0x0E, 0xEE, 0x46, 6, 4, 2, 0, 1];
    session.receive(&frame(0x26, &[&PLACE[..], &status].concat(), 1));
    let io = fix(&mut session).io;
    let named: Vec<_> =
        io.iter().map(|(id, value)| (element("gt06", *id).unwrap().name, value.clone())).collect();
    let number = IoValue::Unsigned;
    assert_eq!(
        named,
        [
            ("mobile_country_code", number(460)),
            ("mobile_network_code", number(0)),
            ("gsm_area_code", number(0x2866)),
            ("gsm_cell_id", number(0x0E_EE)),
            ("terminal_information", number(0x46)),
            ("ignition", number(1)),
            ("battery_level", number(6)),
            ("gsm_signal", number(4)),
            ("alarm", number(2)),
            ("rest", IoValue::Bytes(vec![0, 1])),
        ]
    );
    session.acknowledge(1);
    // Without a cell; then cut off within the status.
    session.receive(&frame(0x16, &[&PLACE[..], &[0, 0x02, 5]].concat(), 2));
    let io = fix(&mut session).io;
    assert_eq!(io, [(3, number(2)), (1, number(1)), (4, number(5))]);
    session.acknowledge(1);
    // A network of three digits takes two bytes; the mode and the mileage follow.
    let tail = [0x81, 0x36, 0x01, 0x04, 0x00, 0x01, 0, 0, 2, 1, 14, 0, 0, 0, 0x10, 0x00];
    session.receive(&frame(0x22, &[&PLACE[..], &tail].concat(), 3));
    let io = fix(&mut session).io;
    assert_eq!(io[..2], [(6, number(310)), (7, number(260))]);
    assert_eq!(io[4..], [(1, number(1)), (10, number(14)), (11, number(0)), (12, number(4096))]);
}

#[test]
fn gt06_types_that_may_have_a_position_are_told_apart_by_what_is_there() {
    let imei_in_front = [&[0x08; 8][..], &PLACE].concat();
    let mut short_alarm = PLACE[..6].to_vec();
    short_alarm.push(0x90);
    let bare = [&PLACE[..6], &PLACE[7..15], &PLACE[16..], &[0x91]].concat();
    for (kind, content, has_position) in [
        (0x24, &PLACE[..], true),
        (0x24, &[0x17, 3, 22, 5, 59, 59, 0x01, 0xCC, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..], false),
        (0x61, &imei_in_front, true),
        (0x95, &short_alarm, false),
        (0x95, &bare, true),
        (0x34, &[&[0; 4][..], &PLACE].concat(), true),
    ] {
        let mut session = gt06_ready();
        session.receive(&frame(kind, content, 1));
        match session.next_event() {
            Some(Event::Records { fixes }) => {
                assert_eq!(fixes.len(), usize::from(has_position), "{kind:#04x}");
                for fix in fixes {
                    assert_eq!(fix.time.to_string(), "2023-03-22T05:59:59.000Z", "{kind:#04x}");
                    assert!((fix.lat - 12.645_423).abs() < 1e-5, "{kind:#04x}: {fix:?}");
                    assert!((fix.lon - 101.985_858).abs() < 1e-5, "{kind:#04x}: {fix:?}");
                }
            }
            other => panic!("{kind:#04x}: {other:?}"),
        }
    }
}

#[test]
fn a_gt06_type_that_is_not_known_is_not_answered() {
    let mut session = gt06_ready();
    session.receive(&[frame(0x8A, &[], 1), frame(0x12, &PLACE, 2)].concat());
    assert_eq!(malformed(&mut session), (ErrorCode::FrameCodec, String::new(), false));
    assert_eq!(fix(&mut session).satellites, Some(15));
}

#[test]
fn a_gt06_command_goes_out_with_a_serial_of_its_own_and_its_answer_comes_back() {
    let mut session = gt06_ready();
    let first = session.command("STATUS#").unwrap();
    assert_eq!(first, frame(0x80, b"\x0b\0\0\0\0STATUS#", 0));
    assert_eq!(session.command("STATUS#").unwrap(), frame(0x80, b"\x0b\0\0\0\0STATUS#", 1));
    let longest = session.command(&"x".repeat(245)).unwrap();
    assert_eq!(longest[2], 255);
    for refused in ["", "ä", "a\r\n", &"x".repeat(246)] {
        assert_eq!(session.command(refused), None, "{refused}");
    }
    let said = |text: &str| Some(Event::Response { text: text.into(), refused: false });
    session.receive(&frame(0x15, b"\x06\0\0\0\0OK\0\x02", 3));
    assert_eq!(session.next_event(), said("OK"));
    session.receive(&frame(0x15, &[0], 3));
    assert_eq!(session.next_event(), said(""));
    session.receive(&frame(0x21, b"\0\0\0\0\x01Battery:4.2V", 4));
    assert_eq!(session.next_event(), said("Battery:4.2V"));
    session.receive(&frame(0x21, b"\0\0\0\0\x02\x00\xe4\x00!", 4));
    assert_eq!(session.next_event(), said("ä!"));
    session.receive(&frame(0x15, b"\x60\0\0\0\0OK", 3));
    assert_eq!(malformed(&mut session).0, ErrorCode::FrameMalformed);
    session.receive(&frame(0x21, b"\0\0", 3));
    assert_eq!(malformed(&mut session).0, ErrorCode::FrameMalformed);
}

#[test]
fn a_wrong_gt06_checksum_is_not_answered_and_the_third_in_a_row_ends_it() {
    let mut session = gt06_ready();
    let good = frame(0x12, &PLACE, 1);
    let mut wrong = good.clone();
    wrong[12] ^= 1;
    let damaged = |close| (ErrorCode::FrameChecksum, String::new(), close);
    for _ in 0..2 {
        session.receive(&wrong);
        assert_eq!(malformed(&mut session), damaged(false));
    }
    session.receive(&good);
    assert_eq!(fix(&mut session).satellites, Some(15), "a good one between");
    session.acknowledge(1);
    for close in [false, false, true] {
        session.receive(&wrong);
        assert_eq!(malformed(&mut session), damaged(close));
    }
    session.receive(&good);
    assert_eq!(session.next_event(), None);
}

#[test]
fn garbage_before_a_gt06_frame_is_told_once_and_the_frame_is_read() {
    for garbage in
        [&b"garbage"[..], b"y", b"\0\0\0\0", b"\x78\x42\x79", b"\x78\x78\x05\0\0\0\0\0\0\0"]
    {
        let mut session = gt06_ready();
        session.receive(&[garbage, &frame(0x12, &PLACE, 1)].concat());
        let mut told = 0;
        let fixes = loop {
            match session.next_event() {
                Some(Event::Malformed { close: false, .. }) => told += 1,
                Some(Event::Records { fixes }) => break fixes,
                other => panic!("{garbage:?}: {other:?}"),
            }
        };
        assert_eq!((told, fixes.len()), (1, 1), "{garbage:?}");
    }
}

#[test]
fn an_oversized_gt06_length_ends_the_connection_at_once() {
    let mut session = gt06_ready();
    session.receive(&[0x79, 0x79, 0xFF, 0xFF]);
    assert_eq!(malformed(&mut session), (ErrorCode::FrameTooLarge, String::new(), true));
}

#[test]
fn a_gt06_length_that_is_wrong_is_forgiven_where_the_checksum_is_right() {
    let mut session = gt06_ready();
    let published = bytes("787808134606020002044dc5050d0a");
    session.receive(&published[..14]);
    assert_eq!(session.next_event(), None, "the end mark is not there yet");
    session.receive(&published[14..]);
    assert_eq!(session.next_event(), Some(Event::Records { fixes: vec![] }));
    assert_eq!(session.acknowledge(0), frame(0x13, &[], 0x044D));
}

#[test]
fn what_comes_before_a_gt06_login_or_is_none_ends_the_connection() {
    let zeros = frame(0x01, &[0xFF; 8], 1);
    for first in
        [frame(0x12, &PLACE, 1), frame(0x01, &[1, 2], 1), zeros, b"GET / HTTP/1.1\r\n\r\n".to_vec()]
    {
        let mut session = Gt06Session::new();
        session.receive(&first);
        assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), true));
    }
    let mut session = gt06_ready();
    session.receive(&gt06_login(0));
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }), "the same again");
    session.decide(true);
    session.receive(&frame(0x01, &bytes("0123456789012345"), 1));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), true));
}

fn h02_message(rest: &str) -> Vec<u8> {
    format!("*HQ,{IMEI},{rest}#").into_bytes()
}

const V1: &str = "V1,132926,A,1935.3933,N,07920.4134,E,  3.34,342,280519,FFFFFBFF,0,0,6";

fn h02_ready() -> H02Session {
    let mut session = H02Session::new();
    session.receive(&h02_message("HTBT,100"));
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.next_event(), None, "before the decision");
    assert!(session.decide(true).is_empty());
    assert_eq!(session.next_event(), Some(Event::Records { fixes: vec![] }));
    assert_eq!(session.acknowledge(0), h02_message("HTBT"));
    session
}

#[test]
fn the_first_h02_message_is_a_login_and_what_it_says() {
    let mut session = H02Session::new();
    session.receive(&[b"\r\n", &h02_message(V1)[..], b"\r\n", &h02_message("LINK,1,2")].concat());
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    session.decide(true);
    let fix = fix(&mut session);
    assert_eq!(fix.time.to_string(), "2019-05-28T13:29:26.000Z");
    assert_eq!((fix.satellites, fix.course_deg), (None, Some(342.0)));
    assert!((fix.speed_kmh.unwrap() - 3.34 * 1.852).abs() < 1e-4, "knots");
    let rest = IoValue::Bytes(b"0,0,6".to_vec());
    assert_eq!(fix.io, [(1, IoValue::Unsigned(0xFFFF_FBFF)), (0, rest)]);
    assert_eq!(session.acknowledge(1), h02_message("V4,V1,20190528132926"));
    assert_eq!(session.next_event(), Some(Event::Ping), "no position, and no answer");

    let mut refused = H02Session::new();
    refused.receive(&[h02_message(V1), h02_message(V1)].concat());
    refused.next_event();
    assert!(refused.decide(false).is_empty());
    assert_eq!(refused.next_event(), None);
}

#[test]
fn h02_places_are_read_in_every_form_and_refused_outside_the_earth() {
    for (lat, lon, expected) in [
        ("2235.1777,S", "11357.8913,W", Some((-22.586_295, -113.964_855))),
        ("5241.1249,N", "954.9490,E", Some((52.685_415, 9.915_817))),
        ("3542.2043,N", "38.6508,W", Some((35.703_405, -0.644_18))),
        ("-23-3.3408,S", "-48-2.8926,W", Some((-23.055_68, -48.048_21))),
        ("22351777,N", "113578913,E", Some((22.586_295, 113.964_855))),
        ("9035.0000,N", "11357.8913,E", None),
        ("2260.0000,N", "11357.8913,E", None),
        ("2235.1777,N", "18100.0000,E", None),
        ("2235.1777,X", "11357.8913,E", None),
        ("2235.17e7,N", "11357.8913,E", None),
        ("inf,N", "11357.8913,E", None),
        (".1,N", "11357.8913,E", None),
        (",N", ",E", None),
    ] {
        let mut session = h02_ready();
        session
            .receive(&h02_message(&format!("V5,104000,A,{lat},{lon},000.27,235,130721,FFFFFBFF")));
        match (session.next_event(), expected) {
            (Some(Event::Records { fixes }), Some((lat, lon))) => {
                assert!((fixes[0].lat - lat).abs() < 1e-5, "{fixes:?}");
                assert!((fixes[0].lon - lon).abs() < 1e-5, "{fixes:?}");
                assert!(session.acknowledge(1).is_empty(), "only V1 is answered");
            }
            (Some(Event::Malformed { error, close: false, .. }), None) => {
                assert!(error.message.contains("tude"), "{error}");
            }
            (event, _) => panic!("{lat} {lon}: {event:?}"),
        }
    }
}

#[test]
fn an_h02_position_that_is_not_valid_is_kept_without_satellites_or_is_none() {
    let mut session = h02_ready();
    session.receive(&h02_message("V1,132926,V,1935.3933,N,07920.4134,E,3.34,,280519,FFFFFFFF"));
    let lost = fix(&mut session);
    assert_eq!((lost.satellites, lost.course_deg), (Some(0), None));
    session.acknowledge(1);
    session.receive(&h02_message("V1,,V,,N,,E,0.00,0,,FFFFF7FF"));
    assert_eq!(session.next_event(), Some(Event::Records { fixes: vec![] }));
    assert!(session.acknowledge(0).is_empty());
    for wrong in [
        "V1,132926,A,1935.3933,N,07920.4134,E,3.34,0,310219,F",
        "V1,250000,A,1935.3933,N,07920.4134,E,3.34,0,280519,F",
    ] {
        session.receive(&h02_message(wrong));
        assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), false));
    }
    session.receive(&h02_message("V1,1"));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), true));
}

#[test]
fn an_h02_device_whose_id_is_no_imei_is_refused_with_a_sentence() {
    // Its digits and its time could be those of the long form, but for the check digit.
    let doubtful = bytes("24702802061601234020031910125482600612695044000000ffffbbff00000000");
    let short = bytes("24410600082621532131081504419390060740418306000000fffffbfdff0015");
    for first in
        [&b"*HQ,4109198974,V1,#"[..], b"*HQ,,V1,#", b"*HQ,86471700328358x,V1#", &short, &doubtful]
    {
        let mut session = H02Session::new();
        session.receive(first);
        match session.next_event() {
            Some(Event::Malformed { error, close: true, .. }) => {
                assert_eq!(error.code, ErrorCode::DeviceImei);
                assert!(error.message.contains("15 digits"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let mut session = h02_ready();
    session.receive(b"*HQ,123456789012345,HTBT#");
    assert!(malformed(&mut session).2, "another device on the same connection");
}

#[test]
fn a_binary_h02_message_with_an_imei_is_read() {
    // Published by Traccar's tests as one of a device 352483084193293.
    let message =
        "2435248308419329301047591808172627335900074412294e024138feffffffff01120064ba73005ecc";
    let mut session = H02Session::new();
    session.receive(&[bytes(message), h02_message("HTBT")].concat());
    let expected = Imei::from_digits("352483084193293").unwrap();
    assert_eq!(session.next_event(), Some(Event::Login { imei: expected }));
    session.decide(true);
    let fix = fix(&mut session);
    assert_eq!(fix.time.to_string(), "2017-08-18T10:47:59.000Z");
    assert!((fix.lat - (26.0 + 27.3359 / 60.0)).abs() < 1e-9, "{fix:?}");
    assert!((fix.lon - (74.0 + 41.2294 / 60.0)).abs() < 1e-9, "{fix:?}");
    assert_eq!((fix.satellites, fix.course_deg), (None, Some(138.0)));
    assert!((fix.speed_kmh.unwrap() - 24.0 * 1.852).abs() < 1e-4);
    session.acknowledge(1);
    assert!(malformed(&mut session).2, "the heartbeat is of another device");
}

#[test]
fn an_h02_command_goes_out_and_its_answer_comes_with_a_position() {
    assert_eq!(H02Session::new().command("S20,1,1"), None, "nobody knows whom it is for");
    let mut session = h02_ready();
    assert_eq!(session.command("S20,1,1"), Some(h02_message("S20,000000,1,1")));
    session.receive(&h02_message(V1));
    session.next_event();
    session.acknowledge(1);
    // The published example, of a device whose clock says 13:29:26.
    assert_eq!(session.command("S20,1,1"), Some(h02_message("S20,132926,1,1")));
    assert_eq!(session.command("R1"), Some(h02_message("R1,132926")));
    for refused in ["", ",1", "S20#*HQ", "S20\r\n", "ä", &"x".repeat(257)] {
        assert_eq!(session.command(refused), None, "{refused}");
    }
    session.receive(&h02_message(
        "V4,S20,ERROR,130305,050316,A,2212.8745,N,11346.6574,E,14.28,028,220902,FFFFFBFF",
    ));
    let said = |text: &str| Some(Event::Response { text: text.into(), refused: false });
    assert_eq!(session.next_event(), said("S20,ERROR,130305"));
    assert_eq!(fix(&mut session).time.to_string(), "2002-09-22T05:03:16.000Z");
    session.acknowledge(1);
    session.receive(&h02_message("V4,S71,1"));
    assert_eq!(session.next_event(), said("S71,1"));
    session.receive(&h02_message("SMS,VOLT:12.9V,\nGSM:26"));
    assert_eq!(session.next_event(), said("VOLT:12.9V,\nGSM:26"));
}

#[test]
fn h02_noise_is_passed_over_and_a_message_without_an_end_ends_the_connection() {
    let mut session = h02_ready();
    session.receive(&[b"noise\r\n", &h02_message(V1)[..]].concat());
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, String::new(), false));
    assert_eq!(fix(&mut session).course_deg, Some(342.0));
    session.acknowledge(1);
    session.receive(&h02_message("VP1,A,2702.7245,S,15251.9311,E,0.48,0.0000,080917"));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameCodec, String::new(), false));
    session.receive(b"*HQ#*\xff,\xff,V1#");
    assert!(!malformed(&mut session).2);
    session = h02_ready();
    let flood = [b"*", &vec![b'x'; 2 * h02::MAX_MESSAGE][..]].concat();
    assert_eq!(session.receive(&flood), h02::MAX_MESSAGE);
    assert_eq!(malformed(&mut session), (ErrorCode::FrameTooLarge, String::new(), true));
}

fn json_ready() -> JsonLinesSession {
    let mut session = JsonLinesSession::new();
    session.receive(format!("{{\"imei\": \"{IMEI}\", \"token\": \"secret\"}}\r\n").as_bytes());
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.token(), Some("secret"));
    assert_eq!(session.decide(true), b"{\"ack\":0}\n");
    session
}

const POSITION: &str = r#"{"time": "2026-01-02T03:04:05.678+01:00", "lat": 46.5, "lon": -7.25,
    "altitude_m": 512.5, "speed_kmh": 31.5, "course_deg": 359, "satellites": 9, "hdop": 0.75,
    "io": {"10": "ab", "9": 12, "11": true}}"#;

fn position() -> String {
    POSITION.replace('\n', "")
}

#[test]
fn a_json_position_is_read_with_all_its_fields_and_acknowledged() {
    let mut session = json_ready();
    let line = position();
    session.receive(format!("{line}\n[{line},{line}]\n").as_bytes());
    let expected = Fix {
        time: "2026-01-02T02:04:05.678Z".parse().unwrap(),
        lat: 46.5,
        lon: -7.25,
        altitude_m: Some(512.5),
        speed_kmh: Some(31.5),
        course_deg: Some(359.0),
        satellites: Some(9),
        hdop: Some(0.75),
        io: vec![
            (9, IoValue::Unsigned(12)),
            (10, IoValue::Bytes(b"ab".to_vec())),
            (11, IoValue::Unsigned(1)),
        ],
    };
    assert_eq!(fix(&mut session), expected);
    assert_eq!(session.next_event(), None, "nothing before it is stored");
    assert_eq!(session.acknowledge(1), b"{\"ack\":1}\n");
    let both = vec![expected.clone(), expected];
    assert_eq!(session.next_event(), Some(Event::Records { fixes: both }));
    assert_eq!(session.acknowledge(2), b"{\"ack\":2}\n");
    session
        .receive(b"\n\r\n{\"time\":\"2026-01-02T03:04:05Z\",\"lat\":1,\"lon\":2,\"hdop\":null}\n");
    assert_eq!(session.next_event(), Some(Event::Ping), "lines without anything");
    assert_eq!(fix(&mut session).hdop, None);
}

#[test]
fn a_json_line_that_is_wrong_is_answered_with_the_field_and_its_value() {
    let with = |from: &str, to: &str| position().replace(from, to);
    for (line, says) in [
        (with("46.5", "90.5"), "lat: 90.5 is no number from -90 to 90"),
        (with("46.5", "\"46.5\""), "lat: \"46.5\" is no number"),
        (with("-7.25", "1e400"), "no JSON"),
        (with("\"lat\": 46.5, ", ""), "lat: it is missing"),
        (with("speed_kmh", "speed"), "speed: no such field"),
        (with("359", "361"), "course_deg: 361 is no number from 0 to 360"),
        (with("\"satellites\": 9", "\"satellites\": 256"), "satellites: 256"),
        (with("2026-01-02", "2026-13-02"), "`2026-13-02T03:04:05.678+01:00` is not"),
        (with("\"9\": 12", "\"70000\": 12"), "io: `70000` is no number from 0 to 65535"),
        (with("\"9\": 12", "\"+9\": 12"), "io: `+9`"),
        (with("\"9\": 12", "\"9\": -1"), "io.9: -1 is no whole number"),
        (with("\"9\": 12", "\"9\": 1.5"), "io.9: 1.5 is no whole number"),
        (format!("[{},5]", position()), "[1].position: 5 is no object"),
        ("[]".into(), "0 positions in a line"),
        (format!("[{}]", vec!["{}"; 256].join(",")), "256 positions in a line"),
        ("null".into(), "position: null is no object"),
        ("{\"response\": 5}".into(), "response: 5 is no text"),
        ("nonsense".into(), "no JSON"),
        ("[".repeat(5_000), "no JSON"),
    ] {
        let mut session = json_ready();
        session.receive(format!("{line}\n").as_bytes());
        let (_, reply, close) = malformed(&mut session);
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}, not {says}");
        assert_eq!(reply["error"]["code"], "FRAME_MALFORMED");
        assert!(!close);
    }
    let mut session = json_ready();
    session.receive(b"\xff\xfe\n1\n2\n");
    let closes: Vec<_> = (0..3).map(|_| malformed(&mut session).2).collect();
    assert_eq!(closes, [false, false, true]);
}

#[test]
fn a_first_json_line_that_names_no_device_ends_the_connection_with_an_answer() {
    let long = format!("{{\"imei\": \"{IMEI}\", \"token\": \"{}\"}}", "x".repeat(257));
    for (line, code) in [
        (position(), "FRAME_MALFORMED"),
        ("{\"imei\": \"1\"}".into(), "DEVICE_IMEI"),
        ("{\"imei\": 864717003283581}".into(), "FRAME_MALFORMED"),
        (format!("{{\"imei\": \"{IMEI}\", \"key\": 1}}"), "FRAME_MALFORMED"),
        (format!("{{\"imei\": \"{IMEI}\", \"token\": 1}}"), "FRAME_MALFORMED"),
        (long, "FRAME_MALFORMED"),
        ("GET / HTTP/1.1".into(), "FRAME_MALFORMED"),
    ] {
        let mut session = JsonLinesSession::new();
        session.receive(format!("{line}\n").as_bytes());
        let (_, reply, close) = malformed(&mut session);
        assert!(close && reply.contains(code), "{line}: {reply}");
    }
    let mut session = json_ready();
    session.receive(b"{\"imei\": \"123456789012345\"}\n");
    assert!(malformed(&mut session).2, "another device on the same connection");
    let mut refused = JsonLinesSession::new();
    refused.receive(format!("{{\"imei\":\"{IMEI}\"}}\n").as_bytes());
    refused.next_event();
    let answer = refused.decide(false);
    assert!(answer.starts_with(b"{\"error\":{\"code\":\"FORBIDDEN\""));
}

#[test]
fn a_json_command_is_a_line_and_its_response_comes_back_as_one() {
    let mut session = json_ready();
    assert_eq!(session.command("a \"b\"\n").unwrap(), b"{\"command\":\"a \\\"b\\\"\\n\"}\n");
    assert_eq!(session.command(&"x".repeat(json_lines::MAX_LINE)), None);
    session.receive(b"{\"response\": \"done\"}\n");
    let said = Event::Response { text: "done".into(), refused: false };
    assert_eq!(session.next_event(), Some(said));
    let flood = vec![b'x'; 2 * json_lines::MAX_LINE];
    assert_eq!(session.receive(&flood), json_lines::MAX_LINE);
    let (code, reply, close) = malformed(&mut session);
    assert_eq!((code, close), (ErrorCode::FrameTooLarge, true));
    assert!(reply.contains("FRAME_TOO_LARGE"));
}

/// All that speak over a connection, with the most that each may hold.
fn sessions(logged_in: bool) -> Vec<(Box<dyn Session>, usize)> {
    if logged_in {
        return vec![
            (Box::new(gt06_ready()), gt06::MAX_LENGTH + 6),
            (Box::new(h02_ready()), h02::MAX_MESSAGE),
            (Box::new(json_ready()), json_lines::MAX_LINE),
        ];
    }
    vec![
        (Box::new(Gt06Session::new()), gt06::MAX_LENGTH + 6),
        (Box::new(H02Session::new()), h02::MAX_MESSAGE),
        (Box::new(JsonLinesSession::new()), json_lines::MAX_LINE),
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
