//! `biplane decode`: what it prints and how it ends.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Codec 8, one record: the protocol's published example.
const FRAME: &str = "000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E0000000000000000010000C7CF";

fn decode(input: &str, stdin: &[u8]) -> Output {
    decode_as("teltonika", input, stdin)
}

fn decode_as(protocol: &str, input: &str, stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_biplane"))
        .args(["decode", protocol, input])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ends without a look at its input has closed it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_frame_is_shown_with_its_records_and_io_elements() {
    let output = decode(FRAME, b"");
    assert!(output.status.success());
    let mut found = printed(&output);
    let elements = found["records"][0].as_object_mut().unwrap().remove("elements").unwrap();
    let named = |id: u16, name: &str, value: u32, unit: Option<&str>| json!({ "id": id, "name": name, "value": value, "unit": unit });
    // 78 is an iButton, 241 the operator.
    assert_eq!(
        elements,
        json!([
            named(21, "gsm_signal", 3, None),
            named(1, "digital_input_1", 1, None),
            named(66, "external_voltage", 24_079, Some("mV")),
            named(241, "gsm_operator", 24_602, None),
            named(78, "ibutton", 0, None),
        ])
    );
    let expected = json!({ "records": [{
        "time": "2019-06-10T10:04:46.000Z", "lat": 0.0, "lon": 0.0, "altitude_m": 0.0, "course_deg": 0.0,
        "speed_kmh": 0.0, "satellites": 0, "io": { "21": 3, "1": 1, "66": 24079, "241": 24602, "78": 0 },
    }] });
    assert_eq!(found, expected);
}

#[test]
fn every_protocol_is_decoded_from_digits_or_from_its_text() {
    let gt06 = "78780D01086471700328358100093F040D0A78781F120F0A140E150BC505E51E780293A9E800540000F601006E0055DA00035F240D0A";
    let h02 =
        "*HQ,865205035331981,V1,132926,A,1935.3933,N,07920.4134,E,  3.34,342,280519,FFFFFFFF#\r\n";
    let lines = concat!(
        "{\"imei\": \"864717003283581\", \"token\": \"secret\"}\n",
        "[{\"time\": \"2026-01-02T03:04:05Z\", \"lat\": 1.5, \"lon\": -2.5, \"hdop\": 1.25}]",
    );
    let osmand = "/?id=861001000719969&lat=41.5&lon=-0.5&timestamp=1504763810&batt=87&token=secret";
    let request = format!("GET {osmand} HTTP/1.1\r\nHost: x\r\n\r\n");
    for (protocol, input, stdin, imei, lat) in [
        ("gt06", gt06, "", "864717003283581", 54.945_346_667),
        ("h02", h02, "", "865205035331981", 19.589_888_333),
        ("h02", "-", h02, "865205035331981", 19.589_888_333),
        ("json-lines", lines, "", "864717003283581", 1.5),
        ("json-lines", "-", lines, "864717003283581", 1.5),
        ("osmand", osmand, "", "861001000719969", 41.5),
        ("osmand", "-", &request, "861001000719969", 41.5),
    ] {
        let output = decode_as(protocol, input, stdin.as_bytes());
        let found = printed(&output);
        assert!(output.status.success(), "{protocol}: {found}");
        assert_eq!(found["logins"], json!([imei]), "{protocol}");
        let difference: f64 = found["records"][0]["lat"].as_f64().unwrap() - lat;
        assert!(difference.abs() < 1e-9, "{protocol}: {found}");
        assert!(!found.to_string().contains("secret"), "a token is not repeated: {found}");
    }
    let found = printed(&decode_as("osmand", osmand, b""));
    let battery = json!({ "id": 1, "name": "battery_level", "value": 87, "unit": "%" });
    assert_eq!(found["records"][0]["elements"], json!([battery]));
    assert_eq!(printed(&decode_as("json-lines", lines, b""))["records"][0]["hdop"], json!(1.25));
}

#[test]
fn what_is_wrong_in_another_protocol_is_told_with_its_place_in_the_capture() {
    let gt06 = "78780D01086471700328358100093F040D0A78780D01086471700328358100093F050D0A";
    let h02 = "*HQ,135790246811220,HTBT#\r\n*HQ,4109198974,V1,#";
    for (protocol, input, code, offset) in [
        ("gt06", gt06, "FRAME_CHECKSUM", 32),
        ("gt06", &gt06[..70], "FRAME_MALFORMED", 35),
        ("h02", h02, "DEVICE_IMEI", 31),
        ("json-lines", "{\"imei\":\"12\"}", "DEVICE_IMEI", 0),
        ("osmand", "id=861001000719969&lat=x", "FRAME_MALFORMED", 19),
    ] {
        let output = decode_as(protocol, input, b"");
        assert_eq!(output.status.code(), Some(1), "{protocol}");
        let error = &printed(&output)["error"];
        assert_eq!((&error["code"], &error["offset"]), (&json!(code), &json!(offset)), "{error}");
    }
    assert_eq!(decode_as("h02", "HQ", b"").status.code(), Some(2));
}

#[test]
fn digits_bytes_and_standard_input_are_the_same() {
    let bytes: Vec<u8> = FRAME
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (raw, text) = (folder.path().join("raw.bin"), folder.path().join("text.hex"));
    std::fs::write(&raw, &bytes).unwrap();
    std::fs::write(&text, format!("{}\n{}\n", &FRAME[..40], &FRAME[40..])).unwrap();
    let expected = printed(&decode(FRAME, b""));
    for (input, stdin) in [
        (raw.to_str().unwrap(), &b""[..]),
        (text.to_str().unwrap(), b""),
        ("-", &bytes),
        ("-", FRAME.as_bytes()),
    ] {
        assert_eq!(printed(&decode(input, stdin)), expected, "{input}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_exit_code_1() {
    let output = decode(&FRAME.replace("C7CF", "C7CE"), b"");
    assert_eq!(output.status.code(), Some(1));
    let error = &printed(&output)["error"];
    assert_eq!((&error["code"], &error["offset"]), (&json!("FRAME_CHECKSUM"), &json!(62)));
    assert!(error["message"].as_str().unwrap().contains("0xc7ce"), "{error}");
}

#[test]
fn nothing_to_read_ends_with_exit_code_2_and_a_sentence() {
    for (input, stdin, says) in
        [("xyz", &b""[..], "no file"), ("-", b"", "it is empty"), ("012", b"", "no hexadecimal")]
    {
        let output = decode(input, stdin);
        assert_eq!(output.status.code(), Some(2), "{input}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(says), "{told}");
    }
}
