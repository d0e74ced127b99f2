//! `biplane decode`: what the gateway makes of a frame, a datagram or a whole capture.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use biplane_core::{ErrorCode, Timestamp};
use biplane_protocols::gt06::{self, Gt06Session};
use biplane_protocols::h02::{self, H02Session};
use biplane_protocols::json_lines::{self, JsonLinesSession};
use biplane_protocols::{Malformed, decode_capture, osmand, teltonika};
use biplane_stack::say;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::told::Told;

mod told;

/// Largest capture.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Show what a device said: positions, logins, commands and answers, as one JSON object.
///
/// Exit codes: 0 all of it was read; 1 a part is wrong, and the object says which and where; 2 there was
/// nothing to read.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What the device speaks.
    protocol: Protocol,
    /// Hexadecimal digits, or a file of them or of raw bytes; `-` is standard input. What h02, json-lines
    /// and osmand say may stand here as it is.
    #[arg(value_name = "HEX|FILE|-")]
    input: String,
}

const EXAMPLES: &str = "\
Examples:
  biplane decode teltonika 000F333536333037303432343431303133
  biplane decode gt06 78780D01086471700328358100093F040D0A
  biplane decode h02 '*HQ,865205035331981,V1,132926,A,1935.3933,N,07920.4134,E,3.34,342,280519,FFFFFFFF#'
  biplane decode osmand 'id=861001000719969&lat=41.666667&lon=-0.883333&speed=12'
  xxd -p capture.bin | biplane decode teltonika -

Prints:
  {\"records\": [{\"time\", \"lat\", \"lon\", \"altitude_m\", \"course_deg\", \"speed_kmh\", \"satellites\", \"io\",
                \"elements\": [{\"id\", \"name\", \"value\", \"unit\"}]}], …}
  {\"error\": {\"code\", \"offset\", \"message\"}}    the offset counts bytes from the first

`io` is as sent, by number; `elements` are those of them whose name is known.";

/// The protocols that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Codec 8, 8 Extended, 16 over TCP and UDP; Codec 12 to 15.
    Teltonika,
    /// Concox and clones.
    Gt06,
    /// Text between * and #, and the binary variant with a long id.
    H02,
    /// Biplane's own, for makers.
    JsonLines,
    /// A request over HTTP: its query or form, its JSON body, or all of it.
    Osmand,
}

impl Arguments {
    /// Reads, decodes and prints.
    pub fn run(&self) -> ExitCode {
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(why) => {
                say(format_args!("\nbiplane: {why}"));
                return ExitCode::from(2);
            }
        };
        match self.protocol.decode(bytes) {
            Ok(told) => {
                println!("{told}");
                ExitCode::SUCCESS
            }
            Err(Malformed { code, offset, message }) => {
                let error = json!({ "code": code, "offset": offset, "message": message });
                println!("{}", json!({ "error": error }));
                ExitCode::FAILURE
            }
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        let read = |from: &mut dyn Read| {
            let mut bytes = Vec::new();
            let length = from.take(MAX_BYTES + 1).read_to_end(&mut bytes);
            let length = length.map_err(|error| format!("{}: {error}", self.input))? as u64;
            if length > MAX_BYTES {
                return Err(format!("{}: more than {MAX_BYTES} bytes", self.input));
            }
            Ok(bytes)
        };
        let path = Path::new(&self.input);
        let bytes = match self.input.as_str() {
            "-" => read(&mut std::io::stdin().lock())?,
            _ if path.is_file() => {
                let file = std::fs::File::open(path);
                read(&mut file.map_err(|error| format!("{}: {error}", self.input))?)?
            }
            given => {
                let bytes = hex(given.as_bytes());
                return bytes
                    .or_else(|| self.protocol.as_text(given))
                    .ok_or_else(|| format!("`{given}` is no file, and no hexadecimal digits"));
            }
        };
        let bytes = hex(&bytes).unwrap_or(bytes);
        if bytes.is_empty() { Err(format!("{}: it is empty", self.input)) } else { Ok(bytes) }
    }
}

impl Protocol {
    /// What is given as an argument and no digits, where it looks like the protocol's text.
    fn as_text(self, given: &str) -> Option<Vec<u8>> {
        let is_text = match self {
            Self::Teltonika | Self::Gt06 => false,
            Self::H02 => given.starts_with('*'),
            Self::JsonLines => given.starts_with(['{', '[']),
            Self::Osmand => given.contains('=') || given.starts_with('{'),
        };
        is_text.then(|| given.as_bytes().to_vec())
    }

    fn decode(self, mut bytes: Vec<u8>) -> Result<Value, Malformed> {
        let (name, events) = match self {
            Self::Teltonika => {
                return teltonika::decode_capture(&bytes).map(|pieces| Told::pieces(&pieces));
            }
            Self::Osmand => return request(&bytes).map(|report| Told::report(&report)),
            Self::Gt06 => (gt06::PROTOCOL.name, decode_capture(&mut Gt06Session::new(), &bytes)),
            Self::H02 => (h02::PROTOCOL.name, decode_capture(&mut H02Session::new(), &bytes)),
            Self::JsonLines => {
                // The last line of a file often has no end.
                bytes.push(b'\n');
                let mut session = JsonLinesSession::new();
                (json_lines::PROTOCOL.name, decode_capture(&mut session, &bytes))
            }
        };
        events.map(|events| Told::events(name, &events))
    }
}

/// A request as it came over the wire, or its query or body alone.
fn request(bytes: &[u8]) -> Result<osmand::Report, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|error| Malformed {
        code: ErrorCode::FrameMalformed,
        offset: error.valid_up_to(),
        message: "the request is not UTF-8".to_owned(),
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = Timestamp::from_millis(i64::try_from(now).unwrap_or(i64::MAX));
    let is_request = text.starts_with("GET ") || text.starts_with("POST ");
    let (head, body) = match text.split_once("\r\n\r\n") {
        Some((head, body)) if is_request => (head, body),
        _ if is_request => (text, ""),
        _ if text.trim_start().starts_with('{') => ("", text),
        _ => (text, ""),
    };
    let target = head.split_ascii_whitespace().nth(usize::from(is_request)).unwrap_or_default();
    let query = match target.split_once('?') {
        Some((_, query)) => query,
        None if is_request => "",
        None => target,
    };
    osmand::report(query, body, now)
}

/// Bytes of digits, with blanks and line ends between them; `None` where anything else is.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits = digits.map(|&byte| char::from(byte).to_digit(16).map(|digit| digit as u8));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty())
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
