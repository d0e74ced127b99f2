//! `biplane decode`: what the gateway makes of a frame, a datagram or a whole capture.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use biplane_core::{Fix, IoValue};
use biplane_protocols::Malformed;
use biplane_protocols::teltonika::{HDOP, Message, Piece, decode_capture};
use biplane_stack::say;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

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
    /// Hexadecimal digits, or a file of them or of raw bytes; `-` is standard input.
    #[arg(value_name = "HEX|FILE|-")]
    input: String,
}

const EXAMPLES: &str = "\
Examples:
  biplane decode teltonika 000F333536333037303432343431303133
  biplane decode teltonika capture.bin
  xxd -p capture.bin | biplane decode teltonika -

Prints:
  {\"records\": [{\"time\", \"lat\", \"lon\", \"altitude_m\", \"course_deg\", \"speed_kmh\", \"satellites\", \"io\"}], …}
  {\"error\": {\"code\", \"offset\", \"message\"}}    the offset counts bytes from the first";

/// The protocols that the gateway speaks.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Protocol {
    /// Codec 8, 8 Extended, 16 over TCP and UDP; Codec 12 to 15.
    Teltonika,
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
        let decoded = match self.protocol {
            Protocol::Teltonika => decode_capture(&bytes),
        };
        match decoded {
            Ok(pieces) => {
                println!("{}", told(&pieces));
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
            digits => {
                return hex(digits.as_bytes()).ok_or_else(|| {
                    format!("`{}` is no file, and no hexadecimal digits", self.input)
                });
            }
        };
        let bytes = hex(&bytes).unwrap_or(bytes);
        if bytes.is_empty() { Err(format!("{}: it is empty", self.input)) } else { Ok(bytes) }
    }
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

fn told(pieces: &[Piece]) -> Value {
    let mut told = json!({ "records": [] });
    let mut add = |list: &str, value: Value| match &mut told[list] {
        Value::Array(items) => items.push(value),
        other => *other = json!([value]),
    };
    for piece in pieces {
        match piece {
            Piece::Login(imei) => add("logins", json!(imei.to_string())),
            Piece::Ping => {}
            Piece::Records(fixes) => fixes.iter().for_each(|fix| add("records", record(fix))),
            Piece::Messages(messages) => {
                messages.iter().for_each(|message| add("messages", message_told(message)));
            }
            Piece::Datagram(datagram) => {
                let (packet, avl_packet) = (datagram.packet, datagram.avl_packet);
                let imei = datagram.imei.to_string();
                add(
                    "datagrams",
                    json!({ "packet": packet, "avl_packet": avl_packet, "imei": imei }),
                );
                datagram.fixes.iter().for_each(|fix| add("records", record(fix)));
            }
        }
    }
    let pings = pieces.iter().filter(|piece| matches!(piece, Piece::Ping)).count();
    if pings > 0 {
        told["pings"] = json!(pings);
    }
    told
}

/// IO elements as sent, by id; HDOP is one of them.
fn record(fix: &Fix) -> Value {
    let elements = fix.io.iter().map(|(id, value)| {
        let value = match value {
            IoValue::Unsigned(number) => json!(number),
            IoValue::Bytes(bytes) => json!(digits(bytes)),
        };
        (id.to_string(), value)
    });
    let mut io: Map<String, Value> = elements.collect();
    if let Some(hdop) = fix.hdop {
        io.insert(HDOP.to_string(), json!((hdop * 10.0).round() as u32));
    }
    json!({
        "time": fix.time,
        "lat": fix.lat,
        "lon": fix.lon,
        "altitude_m": fix.altitude_m,
        "course_deg": fix.course_deg,
        "speed_kmh": fix.speed_kmh,
        "satellites": fix.satellites,
        "io": io,
    })
}

fn message_told(message: &Message) -> Value {
    let mut told = json!({
        "kind": message.kind.as_str(),
        "payload_hex": digits(&message.payload),
    });
    // Binary payloads have no text.
    if let Ok(text) = std::str::from_utf8(&message.payload)
        && text.chars().all(|c| !c.is_control() || c.is_whitespace())
    {
        told["text"] = json!(text);
    }
    if let Some(time) = message.time {
        told["time"] = json!(time);
    }
    if let Some(imei) = message.imei {
        told["imei"] = json!(imei.to_string());
    }
    told
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
