//! OsmAnd's requests: what is refused, and why; what is read from any text.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_core::{ErrorCode, IoValue, Timestamp};
use biplane_protocols::osmand::{MAX_REQUEST, report};
use proptest::prelude::*;

const ID: &str = "id=861001000719969";

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

#[test]
fn parameters_come_from_the_query_or_a_form_and_the_speed_is_in_knots() {
    let text = format!(
        "{ID}&timestamp=1504763810&lat=41.5&lon=-0.5&speed=10&bearing=7.5&altitude=350&hdop=1.5\
         &accuracy=4.6&batt=86.6&charge=true&rpm=933&token=a%2Bb+c&driver=J%C3%A4ger"
    );
    let found = report(&text, "", now()).unwrap();
    assert_eq!(found.token.as_deref(), Some("a+b c"));
    let fix = &found.fixes[0];
    assert_eq!(fix.time.to_string(), "2017-09-07T05:56:50.000Z");
    assert_eq!((fix.lat, fix.lon, fix.satellites), (41.5, -0.5, None));
    assert_eq!((fix.speed_kmh, fix.course_deg), (Some(18.52), Some(7.5)));
    assert_eq!((fix.altitude_m, fix.hdop), (Some(350.0), Some(1.5)));
    let other = IoValue::Bytes("rpm=933&driver=Jäger".into());
    let number = IoValue::Unsigned;
    assert_eq!(fix.io, [(2, number(5)), (1, number(87)), (3, number(1)), (0, other)]);
    assert_eq!(report("", &format!("{text}\r\n"), now()).unwrap(), found);
    let (token, rest) = (&text[..0], &text);
    assert_eq!(report(&format!("?{token}"), rest, now()).unwrap(), found);
}

#[test]
fn a_speed_may_name_its_unit() {
    for (parameter, kmh) in [("speed=10", 18.52), ("speed_ms=10", 36.0), ("speed_kmh=10", 10.0)] {
        let found = report(&format!("{ID}&lat=1&lon=2&{parameter}"), "", now()).unwrap();
        assert_eq!(found.fixes[0].speed_kmh, Some(kmh), "{parameter}");
    }
}

#[test]
fn times_are_seconds_milliseconds_or_dates_and_the_request_s_own_where_there_is_none() {
    for (text, expected) in [
        ("&timestamp=1442068686", "2015-09-12T14:38:06.000Z"),
        ("&timestamp=1442068686579", "2015-09-12T14:38:06.579Z"),
        ("&timestamp=2016-01-27T18%3A55%3A47Z", "2016-01-27T18:55:47.000Z"),
        ("&timestamp=2016-01-27T18:55:47%2B01:00", "2016-01-27T17:55:47.000Z"),
        ("&timestamp=2014-06-04+09%3A10%3A11", "2014-06-04T09:10:11.000Z"),
        ("", "1970-01-01T00:00:01.000Z"),
    ] {
        let found = report(&format!("{ID}&location=1,2{text}"), "", now()).unwrap();
        assert_eq!(found.fixes[0].time.to_string(), expected, "{text}");
        assert_eq!((found.fixes[0].lat, found.fixes[0].lon), (1.0, 2.0));
    }
}

#[test]
fn a_request_without_a_place_is_a_report_without_fixes_and_one_not_valid_has_no_satellites() {
    let found = report(&format!("{ID}&timestamp=1377177267&cell=257,02,16,2224"), "", now());
    assert_eq!(found.unwrap().fixes, []);
    for (valid, satellites) in [("true", None), ("1", None), ("false", Some(0)), ("0", Some(0))] {
        let found = report(&format!("{ID}&lat=1&lon=2&valid={valid}"), "", now()).unwrap();
        assert_eq!(found.fixes[0].satellites, satellites, "{valid}");
    }
}

#[test]
fn json_speed_is_in_metres_a_second_and_minus_one_is_not_known() {
    let body = |coords: &str| {
        format!(
            r#"{{"device_id": "861001000719969", "token": "x", "location": {{
            "timestamp": "2025-06-15T13:45:12.862Z", "is_moving": true, "coords": {{{coords}}},
            "battery": {{"level": 0.87, "is_charging": false}}}}}}"#
        )
    };
    let coords =
        r#""latitude": 37.5, "longitude": -122.5, "accuracy": 5, "speed": 10, "heading": 90"#;
    let found = report("token=y", &body(coords), now()).unwrap();
    assert_eq!(found.token.as_deref(), Some("y"), "the query's is the later one");
    let fix = &found.fixes[0];
    assert_eq!((fix.lat, fix.lon), (37.5, -122.5));
    assert_eq!((fix.speed_kmh, fix.course_deg, fix.altitude_m), (Some(36.0), Some(90.0), None));
    let number = IoValue::Unsigned;
    assert_eq!(fix.io, [(2, number(5)), (1, number(87)), (3, number(0)), (5, number(1))]);
    let unknown = coords.replace("10", "-1").replace("90", "-1");
    let fix = report("", &body(&unknown), now()).unwrap().fixes.remove(0);
    assert_eq!((fix.speed_kmh, fix.course_deg), (None, None));
    assert_eq!(report("", &body(coords), now()).unwrap().token.as_deref(), Some("x"));
}

#[test]
fn what_is_wrong_is_refused_with_the_parameter_and_its_value() {
    let json = |device: &str, location: &str| {
        format!("{{\"device_id\": {device}, \"location\": {location}}}")
    };
    let good = "\"861001000719969\"";
    for (query, body, code, says) in [
        (String::new(), String::new(), ErrorCode::FrameMalformed, "`id` is missing"),
        ("lat=1&lon=2".into(), String::new(), ErrorCode::FrameMalformed, "`id` is missing"),
        ("id=123456".into(), String::new(), ErrorCode::DeviceImei, "id `123456`: an IMEI has 15"),
        (format!("{ID}&lat=1"), String::new(), ErrorCode::FrameMalformed, "`lon` is missing"),
        (format!("{ID}&lon=1"), String::new(), ErrorCode::FrameMalformed, "`lat` is missing"),
        (format!("{ID}&lat=91&lon=0"), String::new(), ErrorCode::FrameMalformed, "lat: 91"),
        (format!("{ID}&lat=NaN&lon=0"), String::new(), ErrorCode::FrameMalformed, "`NaN`"),
        (format!("{ID}&lat=1&lon=inf"), String::new(), ErrorCode::FrameMalformed, "`inf`"),
        (
            format!("{ID}&speed_ms={{5}}"),
            String::new(),
            ErrorCode::FrameMalformed,
            "speed_ms: `{5}`",
        ),
        (format!("{ID}&speed=1e39"), String::new(), ErrorCode::FrameMalformed, "speed: `1e39`"),
        (format!("{ID}&location=1"), String::new(), ErrorCode::FrameMalformed, "location: `1`"),
        (format!("{ID}&timestamp=now"), String::new(), ErrorCode::FrameMalformed, "`now`"),
        (format!("{ID}&x=%zz"), String::new(), ErrorCode::FrameMalformed, "percent"),
        (format!("{ID}&x=%ff"), String::new(), ErrorCode::FrameMalformed, "percent"),
        (
            format!("{ID}&token={}", "x".repeat(257)),
            String::new(),
            ErrorCode::FrameMalformed,
            "token",
        ),
        (String::new(), "x".repeat(MAX_REQUEST + 1), ErrorCode::FrameTooLarge, "at most"),
        (String::new(), "{".into(), ErrorCode::FrameMalformed, "no JSON"),
        (String::new(), "{}".into(), ErrorCode::FrameMalformed, "`device_id` is missing"),
        (String::new(), json("\"48241179\"", "{}"), ErrorCode::DeviceImei, "`48241179`"),
        (String::new(), json(good, "5"), ErrorCode::FrameMalformed, "coords.latitude: null"),
        (
            String::new(),
            json(good, &format!("[{}]", vec!["0"; 256].join(","))),
            ErrorCode::FrameTooLarge,
            "more than 255",
        ),
    ] {
        let error = report(&query, &body, now()).unwrap_err();
        assert_eq!(error.code, code, "{query}{body}: {error}");
        assert!(error.message.contains(says), "{error}, not {says}");
        assert!(error.offset <= query.len() + body.len());
    }
}

proptest! {
    #[test]
    fn any_text_is_a_report_or_an_error_and_what_is_read_is_on_the_earth(
        query in "(id=861001000719969&)?((lat|lon|speed|speed_ms|timestamp|x)=[0-9.eE%+-]{0,8}&){0,6}",
        body in prop_oneof![Just(String::new()), ".{0,80}", "\\{\"device_id\":861001000719969,\"location\":.{0,40}\\}"],
    ) {
        match report(&query, &body, now()) {
            Ok(report) => for fix in report.fixes {
                prop_assert!(fix.lat.abs() <= 90.0 && fix.lon.abs() <= 180.0);
                prop_assert!(fix.speed_kmh.is_none_or(f32::is_finite));
            },
            Err(error) => prop_assert!(error.offset <= query.len() + body.len() + 1, "{error}"),
        }
    }
}
