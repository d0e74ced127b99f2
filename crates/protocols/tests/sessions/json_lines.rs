//! JSON lines.

use biplane_core::{ErrorCode, Fix, IoValue};
use biplane_protocols::json_lines::{self, JsonLinesSession};
use biplane_protocols::{Event, Session};

use super::{IMEI, fix, imei, malformed};

pub fn json_ready() -> JsonLinesSession {
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

pub fn position() -> String {
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
