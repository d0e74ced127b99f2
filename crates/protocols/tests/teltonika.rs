//! A Teltonika session and the device's side of it, driven against each other.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/drive.rs"]
mod drive;

use biplane_core::{ErrorCode, Fix, Imei, IoValue, Timestamp};
use biplane_protocols::teltonika::{
    Answer, DatagramSession, EncodeError, MAX_DATA, TeltonikaSession, Tracker, decode_data,
};
use biplane_protocols::{Event, Session};
use drive::drive;
use proptest::collection::vec;
use proptest::prelude::*;

fn imei() -> Imei {
    Imei::with_check_digit(35_000_000_000_126)
}

fn plain() -> Fix {
    Fix {
        time: Timestamp::from_millis(1_599_910_800_000),
        lat: 46.1234567,
        lon: -12.7654321,
        altitude_m: Some(-12.0),
        speed_kmh: Some(0.0),
        course_deg: Some(359.0),
        satellites: Some(9),
        hdop: Some(0.7),
        io: vec![(239, IoValue::Unsigned(1))],
    }
}

/// Past the login.
fn ready() -> TeltonikaSession {
    let mut session = TeltonikaSession::new();
    session.receive(&Tracker::new(imei()).login());
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.decide(true), [1]);
    session
}

fn malformed(session: &mut TeltonikaSession) -> (ErrorCode, Vec<u8>, bool) {
    match session.next_event() {
        Some(Event::Malformed { error, reply, close }) => (error.code, reply, close),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_logs_in_sends_and_is_acknowledged() {
    let mut session = TeltonikaSession::new();
    let mut tracker = Tracker::new(imei());
    session.receive(&tracker.login());
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(tracker.receive(&session.decide(true)), [Answer::Accepted]);
    let fixes = vec![plain(), plain()];
    session.receive(&Tracker::frame(&fixes).unwrap());
    assert_eq!(session.next_event(), Some(Event::Records { fixes }));
    assert_eq!(tracker.receive(&session.acknowledge(2)), [Answer::Acknowledged(2)]);
}

#[test]
fn nothing_comes_before_the_host_has_decided_and_stored() {
    let mut session = TeltonikaSession::new();
    let frame = Tracker::frame(&[plain()]).unwrap();
    session.receive(&[Tracker::new(imei()).login(), frame.clone(), frame].concat());
    assert!(matches!(session.next_event(), Some(Event::Login { .. })));
    assert_eq!(session.next_event(), None);
    session.decide(true);
    assert!(matches!(session.next_event(), Some(Event::Records { .. })));
    assert_eq!(session.next_event(), None);
    session.acknowledge(1);
    assert!(matches!(session.next_event(), Some(Event::Records { .. })));
}

#[test]
fn a_refused_device_is_not_listened_to() {
    let mut session = TeltonikaSession::new();
    let mut tracker = Tracker::new(imei());
    session.receive(&tracker.login());
    session.next_event();
    assert_eq!(tracker.receive(&session.decide(false)), [Answer::Refused]);
    session.receive(&Tracker::frame(&[plain()]).unwrap());
    assert_eq!(session.next_event(), None);
}

#[test]
fn a_ping_has_no_answer_and_disturbs_nothing() {
    let mut session = ready();
    let frame = Tracker::frame(&[plain()]).unwrap();
    let bytes = [&[0xFF][..], &frame, &[0xFF, 0xFF], &frame].concat();
    let events = drive(&mut session, &bytes, &[1]);
    let kinds: Vec<_> = events.iter().map(|event| matches!(event, Event::Ping)).collect();
    assert_eq!(kinds, [true, false, true, true, false]);
}

/// Each ping moved all the bytes behind it: a full buffer of them moved 134 MB.
#[test]
fn a_flood_of_pings_took_quadratic_time() {
    let mut session = ready();
    let frame = Tracker::frame(&[plain()]).unwrap();
    session.receive(&[&[0xFF; 16_000][..], &frame].concat());
    assert_eq!(session.next_event(), Some(Event::Ping));
    assert!(matches!(session.next_event(), Some(Event::Records { .. })));
}

#[test]
fn a_wrong_checksum_asks_for_the_frame_again_and_ends_after_three() {
    let mut session = ready();
    let good = Tracker::frame(&[plain()]).unwrap();
    let mut wrong = good.clone();
    wrong[20] ^= 1;
    for close in [false, false] {
        session.receive(&wrong);
        assert_eq!(malformed(&mut session), (ErrorCode::FrameChecksum, vec![0; 4], close));
    }
    session.receive(&good);
    assert!(matches!(session.next_event(), Some(Event::Records { .. })), "a good one between");
    session.acknowledge(1);
    for close in [false, false, true] {
        session.receive(&wrong);
        assert_eq!(malformed(&mut session), (ErrorCode::FrameChecksum, vec![0; 4], close));
    }
    session.receive(&good);
    assert_eq!(session.next_event(), None);
}

#[test]
fn borders_that_are_not_known_end_the_connection_at_once() {
    let mut session = ready();
    session.receive(b"\0\0\0\x07");
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, vec![], true));

    let mut session = ready();
    session.receive(&[&[0; 4][..], &(MAX_DATA as u32 + 1).to_be_bytes()].concat());
    assert_eq!(malformed(&mut session), (ErrorCode::FrameTooLarge, vec![], true));

    for login in [&b"GET / HTTP/1.1\r\n"[..], b"\x00\x10", b"\x00\x0f12x", b"\x00\x00"] {
        let mut session = TeltonikaSession::new();
        session.receive(login);
        assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, vec![], true), "{login:?}");
    }
}

#[test]
fn two_different_record_counts_are_named_at_their_place() {
    let mut session = ready();
    let frame = Tracker::frame(&[plain()]).unwrap();
    let mut data = frame[8..frame.len() - 4].to_vec();
    *data.last_mut().unwrap() = 2;
    let error = decode_data(&data).unwrap_err();
    assert_eq!((error.code, error.offset), (ErrorCode::FrameMalformed, data.len() - 1));
    // With a checksum that fits.
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(&data);
    let bytes = [&frame[..8], &data, &u32::from(sum).to_be_bytes()].concat();
    session.receive(&bytes);
    assert_eq!(malformed(&mut session), (ErrorCode::FrameMalformed, vec![0; 4], false));
}

/// A frame with these bytes of data.
fn framed(data: &[u8]) -> Vec<u8> {
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(data);
    let length = (data.len() as u32).to_be_bytes();
    [&[0; 4], &length[..], data, &u32::from(sum).to_be_bytes()].concat()
}

#[test]
fn a_frame_of_another_codec_is_passed_over_without_an_answer() {
    let mut session = ready();
    session.receive(&framed(b"\x07\x01\x06\0\0\0\x07getinfo\x01"));
    assert_eq!(malformed(&mut session), (ErrorCode::FrameCodec, vec![], false));
    session.receive(&Tracker::frame(&[plain()]).unwrap());
    assert!(matches!(session.next_event(), Some(Event::Records { .. })));
}

#[test]
fn a_command_goes_out_and_its_answer_comes_between_records() {
    let mut session = ready();
    // The published example.
    let sent = session.command("getinfo").unwrap();
    assert_eq!(sent, b"\0\0\0\0\0\0\0\x0f\x0c\x01\x05\0\0\0\x07getinfo\x01\0\0\x43\x12");
    assert_eq!(session.command(&"x".repeat(MAX_DATA)), None);
    let answer = framed(b"\x0c\x02\x06\0\0\0\x02OK\x06\0\0\0\x03\xffas\x02");
    session.receive(&answer);
    session.receive(&Tracker::frame(&[plain()]).unwrap());
    let said = |text: &str, refused| Some(Event::Response { text: text.into(), refused });
    assert_eq!(session.next_event(), said("OK", false));
    assert_eq!(session.next_event(), said("\u{fffd}as", false));
    assert!(matches!(session.next_event(), Some(Event::Records { .. })));
    session.acknowledge(1);
    session.receive(&framed(b"\x0e\x01\x11\0\0\0\x08\x03\x52\x09\x30\x81\x45\x22\x51\x01"));
    assert_eq!(session.next_event(), said("", true));
    // What comes from a serial port answers nothing.
    session.receive(&framed(b"\x0d\x01\x07\0\0\0\x06\0\0\0\x01hi\x01"));
    assert_eq!(session.next_event(), Some(Event::Ping));
    assert_eq!(session.next_event(), None);
}

#[test]
fn a_datagram_is_a_login_and_records_and_has_one_answer() {
    let frame = Tracker::frame(&[plain()]).unwrap();
    let data = &frame[8..frame.len() - 4];
    let head = [&[0xCA, 0xFE, 1, 5, 0, 15], imei().to_string().as_bytes()].concat();
    let bytes = [&((head.len() + data.len()) as u16).to_be_bytes()[..], &head, data].concat();
    let mut session = DatagramSession::default();
    assert_eq!(session.receive(&bytes), bytes.len());
    assert_eq!(session.next_event(), Some(Event::Login { imei: imei() }));
    assert_eq!(session.next_event(), None, "before the decision");
    assert!(session.decide(true).is_empty());
    assert!(matches!(session.next_event(), Some(Event::Records { fixes }) if fixes.len() == 1));
    assert_eq!(session.acknowledge(1), [0, 5, 0xCA, 0xFE, 1, 5, 1]);
    assert_eq!(session.next_event(), None);

    let mut refused = DatagramSession::default();
    refused.receive(&bytes);
    refused.next_event();
    assert!(refused.decide(false).is_empty());
    assert_eq!(refused.next_event(), None);

    let mut cut = DatagramSession::default();
    cut.receive(&bytes[..9]);
    assert!(matches!(cut.next_event(), Some(Event::Malformed { close: true, .. })));
    assert_eq!(cut.next_event(), None);
}

#[test]
fn a_record_without_satellites_is_a_record() {
    let fix = Fix { lat: 0.0, lon: 0.0, satellites: Some(0), ..plain() };
    let frame = Tracker::frame(std::slice::from_ref(&fix)).unwrap();
    assert_eq!(decode_data(&frame[8..frame.len() - 4]), Ok(vec![fix]));
}

#[test]
fn what_the_format_can_not_say_is_rounded_or_refused() {
    let fix = Fix {
        lat: 45.000_000_04,
        altitude_m: Some(40_000.0),
        course_deg: Some(359.6),
        speed_kmh: Some(31.5),
        hdop: Some(1.26),
        satellites: None,
        ..plain()
    };
    let frame = Tracker::frame(&[fix]).unwrap();
    let sent = decode_data(&frame[8..frame.len() - 4]).unwrap().remove(0);
    assert_eq!((sent.lat, sent.altitude_m), (45.0, Some(32_767.0)));
    assert_eq!((sent.course_deg, sent.speed_kmh), (Some(0.0), Some(32.0)));
    assert_eq!((sent.hdop, sent.satellites), (Some(1.3), Some(0)));

    let nowhere = Fix { lon: f64::NAN, ..plain() };
    let error = Tracker::frame(&[plain(), nowhere]).unwrap_err();
    assert_eq!(error.to_string(), "record 1: the longitude NaN can't be sent");
    let many = vec![plain(); 256];
    assert_eq!(Tracker::frame(&many), Err(EncodeError::Records { records: 256 }));
    let large = Fix { io: vec![(1, IoValue::Bytes(vec![0; MAX_DATA]))], ..plain() };
    assert!(matches!(Tracker::frame(&[large]), Err(EncodeError::TooLarge { .. })));
}

prop_compose! {
    /// A fix that the format can say exactly; its IO elements in the order of the wire.
    fn sendable()(
        millis in 0i64..4_102_444_800_000,
        lat in -900_000_000i32..=900_000_000,
        lon in -1_800_000_000i32..=1_800_000_000,
        altitude in any::<i16>(),
        course in 0u16..360,
        speed in any::<u16>(),
        satellites in any::<u8>(),
        hdop in proptest::option::of(any::<u16>()),
        unsigned in vec((0u16..600, prop_oneof![0u64..300, 0u64..100_000, any::<u64>()]), 0..12),
        variable in vec((any::<u16>(), vec(any::<u8>(), 0..20)), 0..3),
    ) -> Fix {
        let width = |n: u64| n.checked_ilog2().map_or(0, |bits| [0, 1, 2, 2, 3, 3, 3, 3][bits as usize / 8]);
        let mut unsigned: Vec<_> = unsigned.into_iter().filter(|(id, _)| *id != 182).collect();
        unsigned.sort_by_key(|(_, number)| width(*number));
        let unsigned = unsigned.into_iter().map(|(id, number)| (id, IoValue::Unsigned(number)));
        let variable = variable.into_iter().map(|(id, bytes)| (id, IoValue::Bytes(bytes)));
        Fix {
            time: Timestamp::from_millis(millis),
            lat: f64::from(lat) / 1e7,
            lon: f64::from(lon) / 1e7,
            altitude_m: Some(f32::from(altitude)),
            speed_kmh: Some(f32::from(speed)),
            course_deg: Some(f32::from(course)),
            satellites: Some(satellites),
            hdop: hdop.map(|tenths| f32::from(tenths) / 10.0),
            io: unsigned.chain(variable).collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(fixes in vec(sendable(), 0..12)) {
        let frame = Tracker::frame(&fixes).unwrap();
        prop_assert_eq!(decode_data(&frame[8..frame.len() - 4]), Ok(fixes));
    }

    #[test]
    fn a_stream_may_be_split_and_joined_anywhere(
        frames in vec(vec(sendable(), 1..4), 1..5),
        pieces in vec(1usize..700, 1..20),
    ) {
        let mut bytes = Tracker::new(imei()).login();
        for fixes in &frames {
            bytes.extend(Tracker::frame(fixes).unwrap());
        }
        let events = drive(&mut TeltonikaSession::new(), &bytes, &pieces);
        let mut expected = vec![Event::Login { imei: imei() }];
        expected.extend(frames.into_iter().map(|fixes| Event::Records { fixes }));
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn no_bytes_panic_hang_or_are_held_without_bound(
        // Zeros in front get past the preamble and into lengths of every size.
        zeros in 0usize..8,
        bytes in vec(any::<u8>(), 0..2_000),
        logged_in in any::<bool>(),
        pieces in vec(1usize..300, 1..5),
    ) {
        let mut session = if logged_in { ready() } else { TeltonikaSession::new() };
        drive(&mut session, &[&vec![0; zeros][..], &bytes].concat(), &pieces);
        for codec in [0x08, 0x8E, 0x10] {
            let _ = decode_data(&[&[codec][..], &bytes].concat());
        }
    }

    #[test]
    fn a_damaged_frame_is_never_taken_for_a_good_one(
        fixes in vec(sendable(), 1..4), at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let mut frame = Tracker::frame(&fixes).unwrap();
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        let events = drive(&mut ready(), &frame, &[frame.len()]);
        let taken = events.iter().any(|event| matches!(event, Event::Records { .. }));
        prop_assert!(!taken);
    }

    #[test]
    fn damage_that_the_checksum_does_not_see_is_an_error_or_other_records(
        fixes in vec(sendable(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let frame = Tracker::frame(&fixes).unwrap();
        let mut data = frame[8..frame.len() - 4].to_vec();
        for (at, byte) in damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        if let Err(error) = decode_data(&data) {
            prop_assert!(error.offset <= data.len());
        }
    }
}

#[test]
fn a_flood_without_events_taken_is_held_back() {
    let mut session = ready();
    let frame = Tracker::frame(&vec![plain(); 200]).unwrap();
    let taken: usize = (0..100).map(|_| session.receive(&frame)).sum();
    assert!(taken <= MAX_DATA + 12, "{taken} bytes held");
}
