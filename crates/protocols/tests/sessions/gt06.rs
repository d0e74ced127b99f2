//! GT06.

use biplane_core::{ErrorCode, IoValue};
use biplane_protocols::gt06::Gt06Session;
use biplane_protocols::{Event, Session, element};

use super::hex::bytes;
use super::{IMEI, fix, imei, malformed};

/// A GT06 frame with a checksum that fits.
pub fn frame(kind: u8, content: &[u8], serial: u16) -> Vec<u8> {
    let mut covered = vec![content.len() as u8 + 5, kind];
    covered.extend_from_slice(content);
    covered.extend_from_slice(&serial.to_be_bytes());
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC).checksum(&covered);
    [&[0x78, 0x78], &covered[..], &sum.to_be_bytes(), b"\r\n"].concat()
}

pub fn gt06_login(zone: u16) -> Vec<u8> {
    let digits = bytes(&format!("0{IMEI}"));
    frame(0x01, &[&digits[..], &[0, 0], &zone.to_be_bytes()].concat(), 9)
}

/// 2023-03-22 05:59:59, 15 satellites, 12.645423 N 101.985858 E, 5 km/h, 353 degrees.
pub const PLACE: [u8; 18] = [
    0x17, 0x03, 0x16, 0x05, 0x3B, 0x3B, 0xCF, 0x01, 0x5B, 0x51, 0x22, 0x0A, 0xF1, 0x20, 0x11, 0x05,
    0xD5, 0x61,
];

pub fn gt06_ready() -> Gt06Session {
    let mut session = Gt06Session::new();
    session.receive(&gt06_login(0));
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.decide(true), frame(0x01, &[], 9));
    session
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
