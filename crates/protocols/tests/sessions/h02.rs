//! H02.

use biplane_core::{ErrorCode, Imei, IoValue};
use biplane_protocols::h02::{self, H02Session};
use biplane_protocols::{Event, Session};

use super::hex::bytes;
use super::{IMEI, fix, imei, malformed};

pub fn h02_message(rest: &str) -> Vec<u8> {
    format!("*HQ,{IMEI},{rest}#").into_bytes()
}

pub const V1: &str = "V1,132926,A,1935.3933,N,07920.4134,E,  3.34,342,280519,FFFFFBFF,0,0,6";

pub fn h02_ready() -> H02Session {
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
