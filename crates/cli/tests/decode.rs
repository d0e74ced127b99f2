//! `biplane decode`: what it prints and how it ends.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Codec 8, one record: the protocol's published example.
const FRAME: &str = "000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E0000000000000000010000C7CF";

fn decode(input: &str, stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_biplane"))
        .args(["decode", "teltonika", input])
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
    let expected = json!({ "records": [{
        "time": "2019-06-10T10:04:46.000Z", "lat": 0.0, "lon": 0.0, "altitude_m": 0.0, "course_deg": 0.0,
        "speed_kmh": 0.0, "satellites": 0, "io": { "21": 3, "1": 1, "66": 24079, "241": 24602, "78": 0 },
    }] });
    assert_eq!(printed(&output), expected);
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
